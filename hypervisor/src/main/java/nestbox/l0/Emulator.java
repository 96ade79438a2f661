package nestbox.l0;

import java.util.EnumSet;
import java.util.Set;
import nestbox.mmu.core.YieldPoint;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.GuestFault;
import nestbox.x86.Reg;
import nestbox.x86.Vector;
import nestbox.x86.engine.ReferenceEngine;
import nestbox.x86.insn.Form;
import nestbox.x86.insn.Insn;
import nestbox.x86.model.Feature;
import nestbox.x86.system.Boundary;
import nestbox.x86.system.Exceptions;

/**
 * L0's instruction emulator: the guest's own processor object, which executes instructions with the semantics of silicon, the
 * guest's CPU model and the guest's devices. Exceptions that it raises are injected.
 */
final class Emulator {
    private static final int[] FORCED_PREFIX = {0x0f, 0x0b, 'k', 'v', 'm'};
    /** What is needed to fetch an instruction, and by those that touch little. */
    private static final int LITTLE = StateGroup.BASIC | StateGroup.CODE | StateGroup.CONTROL;

    /** Instructions that, without an operand in memory and at CPL 0, touch nothing beyond {@link #LITTLE}. */
    private static final Set<String> TOUCH_LITTLE =
            Set.of("CPUID", "HLT", "IN", "OUT", "RDTSC", "RDTSCP", "PAUSE", "WBINVD", "INVD", "VMREAD", "VMWRITE");

    /** Features whose instructions leave vector and x87 registers alone; so do most that need no feature. */
    private static final Set<Feature> INTEGER =
            EnumSet.of(Feature.MSR, Feature.TSC, Feature.RDTSCP, Feature.VMX, Feature.SVM, Feature.CMOV, Feature.CX8);

    /** What exits for its own sake and KVM emulates all the same; for the others it has a function each. */
    private static final Set<String> STRINGS = Set.of("INS", "OUTS");

    private final Vcpu vcpu;
    private final Cpu guest;
    private final ReferenceEngine reference;
    /** KVM has its emulator for the instruction, whatever it is. */
    private boolean whole;

    Emulator(Vcpu vcpu, ReferenceEngine reference) {
        this.vcpu = vcpu;
        this.reference = reference;
        guest = vcpu.guest();
        reference.listen(in -> {
            vcpu.take(groups(in));
            if (whole || in.form != null && STRINGS.contains(in.form.mnemonic())) {
                L0Trace.emulate(vcpu, reference.fetched(), in.length);
            }
            reportNumericError(in);
        });
    }

    /**
     * #MF before an MMX instruction, whatever the guest's CR0.NE is: it would run on L0's registers, and L0 has CR0.NE set. So KVM
     * emulates it, and so VMX runs it, where CR0.NE is fixed to 1.
     */
    private void reportNumericError(Insn in) {
        boolean mmx = in.form != null && in.form.feature() == Feature.MMX;
        if (mmx && guest.fpu.pending() && (guest.cr0 & (Cpu.CR0_EM | Cpu.CR0_TS)) == 0) {
            throw guest.raise(Vector.MF);
        }
    }

    /** What an instruction may read or change. */
    private int groups(Insn in) {
        Form form = in.form;
        boolean vector = form == null
                || form.feature() != null && !INTEGER.contains(form.feature())
                || form.mnemonic().equals("FWAIT")
                || (guest.cr4 & Cpu.CR4_PKE) != 0;
        if (vector) {
            return StateGroup.ALL;
        }
        boolean little = !in.memory && guest.cpl == 0 && guest.debugCtl == 0 && TOUCH_LITTLE.contains(form.mnemonic());
        return little ? LITTLE : StateGroup.SWITCHED;
    }

    /** As {@link #step(Insn)} of whatever is at RIP; KVM has its emulator for it. */
    void emulate() {
        whole = true;
        try {
            step(null);
        } finally {
            whole = false;
        }
    }

    /** Executes the instruction at the guest's RIP; {@code known} is it, if it is one of 64-bit code, or null. */
    void step(Insn known) {
        vcpu.take(LITTLE);
        vcpu.hypervisor().counters().insnEmulation++;
        boolean ofL2 = vcpu.guestMode();
        if (known != null && guest.codeSize == known.codeSize) {
            reference.give(known);
        } else {
            vcpu.hypervisor().mmu().yieldAt(YieldPoint.EMULATE_FETCH);
        }
        try {
            Boundary.instruction(guest, reference);
        } catch (GuestFault fault) {
            fault(fault);
            return;
        }
        if (ofL2 && vcpu.guestMode()) {
            vcpu.nesting().emulated();
        }
        traps();
    }

    private void fault(GuestFault fault) {
        if (fault.vector == Vector.EXTENSION) {
            guest.extension.unwound(guest);
            return;
        }
        if (guest.shadow != Cpu.SHADOW_MOV_SS) {
            guest.pendingDebug = 0;
            guest.unpend(Cpu.PENDING_DEBUG_TRAP);
        }
        vcpu.injection().raise(fault.vector, fault.hasErrorCode, fault.errorCode, fault.detail);
    }

    /** Debug traps of the instruction just emulated. */
    void traps() {
        boolean held = (guest.pending & Cpu.PENDING_SHADOW) != 0 && guest.shadow == Cpu.SHADOW_MOV_SS
                || vcpu.guestMode() && vcpu.nesting().trapsWait();
        if ((guest.pending & Cpu.PENDING_DEBUG_TRAP) != 0 && !held) {
            long bits = guest.pendingDebug;
            guest.pendingDebug = 0;
            guest.unpend(Cpu.PENDING_DEBUG_TRAP);
            vcpu.injection().raise(Vector.DB, false, 0, bits);
        }
    }

    /**
     * One event or instruction of a guest whose state the silicon cannot run; exceptions are delivered by the guest's own
     * tables, too.
     */
    void boundary() {
        Event due = vcpu.injection().takeForEmulation();
        try {
            if (due != null) {
                deliver(due);
                guest.ticks++;
            } else if (guest.pending != 0) {
                Boundary.service(guest, reference);
            } else {
                whole = true;
                reference.step();
            }
        } catch (GuestFault fault) {
            Exceptions.deliverFault(guest);
            guest.ticks++;
        } finally {
            whole = false;
        }
    }

    /** Executes the instruction behind UD2 and the bytes "kvm"; false if they are not at RIP. */
    boolean forcedPrefix() {
        if (!finds(FORCED_PREFIX)) {
            return false;
        }
        guest.rip = guest.wrapRip(guest.rip + FORCED_PREFIX.length);
        // UD2's exit left RF to the prefix; the instruction behind it has breakpoints of its own.
        guest.setSystemFlags(guest.systemFlags & ~(long) Flags.RF);
        long hits = Boundary.breakpoints(guest);
        if (hits != 0) {
            vcpu.injection().raise(Vector.DB, false, 0, hits);
        } else {
            emulate();
        }
        return true;
    }

    /** Whether these bytes are at RIP. */
    boolean finds(int[] code) {
        vcpu.take(StateGroup.ALL);
        try {
            for (int i = 0; i < code.length; i++) {
                long linear = guest.wrapCode(guest.codeLinear(), i);
                if (guest.mem.port().codeByte(guest.mem.fetch(linear)) != code[i]) {
                    return false;
                }
            }
        } catch (GuestFault fault) {
            return false;
        }
        return true;
    }

    /** Writes these bytes to RIP, as the guest could; a fault on the way is the guest's. */
    void rewrite(int[] code) {
        try {
            for (int i = 0; i < code.length; i++) {
                guest.mem.store8(guest.wrapCode(guest.codeLinear(), i), Reg.DS, code[i]);
            }
        } catch (GuestFault fault) {
            fault(fault);
        }
    }

    /** Delivers the event that an exit has interrupted; a fault on the way meets it there, as it would on the silicon. */
    void deliverAgain(Event event) {
        vcpu.take(StateGroup.ALL);
        try {
            Exceptions.attempt(guest, event.vector, event.type, event.hasErrorCode, event.errorCode, event.length);
        } catch (GuestFault fault) {
            fault(fault);
            return;
        }
        event.clear();
        guest.shadow = Cpu.SHADOW_NONE;
        guest.unpend(Cpu.PENDING_SHADOW);
    }

    /** Delivers an event by the guest's own tables, for a state that the silicon cannot run. */
    void deliver(Event event) {
        vcpu.take(StateGroup.ALL);
        Exceptions.inject(guest, event.vector, event.type, event.hasErrorCode, event.errorCode, event.length);
    }

    /** Length of the instruction at the guest's RIP, or 0 if it cannot be fetched. */
    int length() {
        vcpu.need(StateGroup.ALL);
        try {
            return reference.length();
        } catch (GuestFault fault) {
            return 0;
        }
    }

    /** Goes behind an instruction that L0 has carried out itself. */
    void skip(int length) {
        goBehind(length);
        guest.ticks++;
        if ((guest.systemFlags & Flags.TF) != 0) {
            vcpu.injection().raise(Vector.DB, false, 0, 1 << 14);
        }
    }

    /** Moves RIP behind an instruction and ends the shadow that it ran in. */
    void goBehind(int length) {
        vcpu.take(StateGroup.BASIC | StateGroup.CODE);
        guest.rip = guest.wrapRip(guest.rip + length);
        guest.shadow = Cpu.SHADOW_NONE;
        guest.unpend(Cpu.PENDING_SHADOW);
    }
}

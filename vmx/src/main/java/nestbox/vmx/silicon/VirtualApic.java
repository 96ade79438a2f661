package nestbox.vmx.silicon;

import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.vmx.vmcs.ExitReason;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.system.EventInDelivery;
import nestbox.x86.system.Exceptions;

/**
 * The virtual-APIC page: virtualization of TPR, PPR, EOI and self-IPIs, recognition and delivery of virtual interrupts (SDM
 * Vol. 3, chapter "APIC Virtualization and Virtual Interrupts"). RVI and SVI are the guest interrupt status in the VMCS.
 *
 * <p>What follows from a guest's write comes behind its instruction, as a trap: {@link #afterInstruction}.
 */
final class VirtualApic {
    static final int TPR = 0x80;
    static final int PPR = 0xa0;
    static final int EOI = 0xb0;
    static final int ISR = 0x100;
    static final int IRR = 0x200;
    static final int ICR = 0x300;
    static final int ICR_HIGH = 0x310;
    static final int SELF_IPI = 0x3f0;

    private static final int NONE = -1;
    private static final int WORDS = 8;

    /** In the low half of the ICR: reserved bits and delivery status. */
    private static final long ICR_RESERVED = 0xfff3_3000L;

    private static final long ICR_SHORTHAND = 3 << 18;
    private static final long ICR_SELF = 1 << 18;
    private static final long ICR_TRIGGER = 1 << 15;
    private static final long ICR_MODE = 7 << 8;
    private static final long VECTOR = 0xff;

    private static final VmcsField[] EOI_EXITS = {
        VmcsField.EOI_EXIT_BITMAP0, VmcsField.EOI_EXIT_BITMAP1, VmcsField.EOI_EXIT_BITMAP2, VmcsField.EOI_EXIT_BITMAP3
    };

    private final Vmx vmx;
    private final Cpu cpu;

    /** A virtual interrupt is recognized. */
    private boolean recognized;
    /** Page offset of a write that is to be emulated behind the instruction, or NONE. */
    private int written = NONE;
    /** Number of the exit that is due behind the instruction, or NONE. */
    private int trap = NONE;

    private long trapQualification;

    VirtualApic(Vmx vmx) {
        this.vmx = vmx;
        cpu = vmx.cpu;
    }

    // ---- the page ----

    private long page() {
        return vmx.vmcs.get(VmcsField.VIRTUAL_APIC_PAGE_ADDR);
    }

    long load(int offset, int bytes) {
        return cpu.physical.read(page() + offset, bytes);
    }

    void store(int offset, int bytes, long value) {
        cpu.physical.write(page() + offset, bytes, value);
    }

    private void set(int registers, int vector, boolean value) {
        int at = registers + (vector >>> 5 << 4);
        long bit = 1L << (vector & 31);
        long word = load(at, 4);
        store(at, 4, value ? word | bit : word & ~bit);
    }

    /** The highest vector of VIRR or VISR, 0 if none is set. */
    private int highest(int registers) {
        for (int i = WORDS - 1; i >= 0; i--) {
            int word = (int) load(registers + (i << 4), 4);
            if (word != 0) {
                return 32 * i + 31 - Integer.numberOfLeadingZeros(word);
            }
        }
        return 0;
    }

    private int rvi() {
        return (int) vmx.vmcs.get(VmcsField.GUEST_INTR_STATUS) & 0xff;
    }

    private int svi() {
        return (int) vmx.vmcs.get(VmcsField.GUEST_INTR_STATUS) >>> 8;
    }

    private void status(int rvi, int svi) {
        vmx.vmcs.set(VmcsField.GUEST_INTR_STATUS, rvi | svi << 8);
    }

    private boolean delivers() {
        return vmx.controls.secondary(Controls.VIRTUAL_INTERRUPTS);
    }

    // ---- the guest's life ----

    /** A VM entry has loaded the guest. */
    void begin() {
        forget();
        Controls controls = vmx.controls;
        if (delivers()) {
            virtualizePpr();
            evaluate();
        } else if (controls.primary(Controls.TPR_SHADOW)
                && controls.secondary(Controls.APIC_ACCESSES)
                && belowThreshold()
                && cpu.activity < Cpu.SHUTDOWN) {
            trap(ExitReason.TPR_BELOW_THRESHOLD, 0);
        }
    }

    void forget() {
        recognized = false;
        written = NONE;
        trap = NONE;
    }

    /** A virtual interrupt waits for open interrupts. */
    boolean recognized() {
        return recognized;
    }

    /** Whether an exit is due behind the running instruction. */
    boolean waiting() {
        return written != NONE || trap != NONE;
    }

    private void trap(ExitReason reason, long qualification) {
        trap = reason.number();
        trapQualification = qualification;
        cpu.pend(Cpu.PENDING_EXTENSION);
    }

    /** An APIC-write exit is due behind the instruction. */
    void trapWrite(int offset) {
        trap(ExitReason.APIC_WRITE, offset);
    }

    /** The guest wrote to the page: the rest follows behind the instruction. */
    void noteWrite(int offset) {
        written = offset;
        cpu.pend(Cpu.PENDING_EXTENSION);
    }

    /** Emulates a write and makes the exit that is due; true if there was one. */
    boolean afterInstruction() {
        if (written != NONE) {
            int offset = written;
            written = NONE;
            emulateWrite(offset);
        }
        if (trap == NONE) {
            return false;
        }
        ExitReason reason = ExitReason.byNumber(trap);
        trap = NONE;
        vmx.exit.event(reason, trapQualification);
        return true;
    }

    /** SDM Vol. 3, "APIC-Write Emulation". */
    private void emulateWrite(int offset) {
        switch (offset & ~15) {
            case TPR -> {
                store(TPR + 1, 1, 0);
                store(TPR + 2, 2, 0);
                virtualizeTpr();
            }
            case EOI -> {
                if (delivers()) {
                    store(EOI, 4, 0);
                    virtualizeEoi();
                } else {
                    trap(ExitReason.APIC_WRITE, offset);
                }
            }
            case ICR -> {
                long icr = load(ICR, 4);
                if (delivers() && selfIpi(icr)) {
                    virtualizeSelfIpi((int) (icr & VECTOR));
                } else {
                    trap(ExitReason.APIC_WRITE, offset);
                }
            }
            case ICR_HIGH -> {
                store(ICR_HIGH, 2, 0);
                store(ICR_HIGH + 2, 1, 0);
            }
            default -> trap(ExitReason.APIC_WRITE, offset);
        }
    }

    private static boolean selfIpi(long icr) {
        return (icr & (ICR_RESERVED | ICR_TRIGGER | ICR_MODE)) == 0
                && (icr & ICR_SHORTHAND) == ICR_SELF
                && (icr & VECTOR) >= 16;
    }

    // ---- virtualization of registers ----

    private boolean belowThreshold() {
        return load(TPR, 1) >>> 4 < (vmx.vmcs.get(VmcsField.TPR_THRESHOLD) & 15);
    }

    /** SDM Vol. 3, "TPR Virtualization". */
    void virtualizeTpr() {
        if (delivers()) {
            virtualizePpr();
            evaluate();
        } else if (belowThreshold()) {
            trap(ExitReason.TPR_BELOW_THRESHOLD, 0);
        }
    }

    private void virtualizePpr() {
        int tpr = (int) load(TPR, 1);
        int svi = svi();
        store(PPR, 4, tpr >>> 4 >= svi >>> 4 ? tpr : svi & 0xf0);
    }

    /** SDM Vol. 3, "EOI Virtualization". */
    void virtualizeEoi() {
        int vector = svi();
        set(ISR, vector, false);
        status(rvi(), highest(ISR));
        virtualizePpr();
        if ((vmx.vmcs.get(EOI_EXITS[vector >>> 6]) >>> (vector & 63) & 1) != 0) {
            trap(ExitReason.EOI_INDUCED, vector);
        } else {
            evaluate();
        }
    }

    /** SDM Vol. 3, "Self-IPI Virtualization". */
    void virtualizeSelfIpi(int vector) {
        set(IRR, vector, true);
        status(Math.max(rvi(), vector), svi());
        evaluate();
    }

    // ---- interrupts ----

    /** Takes over the requests of a posted-interrupt descriptor, 32 bits at a time. */
    void post(int word, long requests) {
        int at = IRR + (word << 4);
        store(at, 4, load(at, 4) | requests);
        int vector = 32 * word + 31 - Integer.numberOfLeadingZeros((int) requests);
        status(Math.max(rvi(), vector), svi());
    }

    /** SDM Vol. 3, "Evaluation of Pending Virtual Interrupts". */
    void evaluate() {
        recognized = !vmx.controls.primary(Controls.INTERRUPT_WINDOW) && rvi() >>> 4 > load(PPR, 1) >>> 4;
        if (recognized) {
            cpu.pend(Cpu.PENDING_EXTENSION);
        }
    }

    /** Delivers a virtual interrupt that is recognized and open (SDM Vol. 3, "Virtual-Interrupt Delivery"). */
    boolean deliver(boolean shadowed) {
        if (!recognized || shadowed || (cpu.systemFlags & Flags.IF) == 0 || cpu.activity > Cpu.HALTED) {
            return false;
        }
        int vector = rvi();
        recognized = false;
        set(ISR, vector, true);
        store(PPR, 4, vector & 0xf0);
        set(IRR, vector, false);
        status(highest(IRR), vector);
        cpu.activity = Cpu.ACTIVE;
        cpu.unpend(Cpu.PENDING_INACTIVE);
        Exceptions.deliver(cpu, vector, EventInDelivery.EXTERNAL, false, 0, false);
        cpu.ticks++;
        return true;
    }

    void save(StateWriter out) {
        out.writeBoolean(recognized).writeInt(written).writeInt(trap).writeLong(trapQualification);
    }

    void restore(StateReader in) {
        recognized = in.readBoolean();
        written = in.readInt();
        trap = in.readInt();
        trapQualification = in.readLong();
    }
}

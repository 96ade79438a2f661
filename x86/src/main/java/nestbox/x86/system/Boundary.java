package nestbox.x86.system;

import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.VirtualizationExtension;
import nestbox.x86.engine.ReferenceEngine;
import nestbox.x86.insn.Insn;
import nestbox.x86.model.Vendor;

/** What happens between two instructions when something is pending (SDM Vol. 3, "Priority Among Concurrent Events"). */
public final class Boundary {
    private static final long DEBUGCTL_BTF = 2;

    private Boundary() {}

    /**
     * Delivers the pending event of the highest priority, or executes one instruction in a mode that needs single steps. An
     * interrupt counts as one retired instruction, as an exception does.
     *
     * @return false if the processor cannot go on by itself
     */
    public static boolean service(Cpu c, ReferenceEngine reference) {
        if ((c.pending & Cpu.PENDING_STOP) != 0) {
            c.unpend(Cpu.PENDING_STOP);
            return false;
        }
        if (window(c, VirtualizationExtension.Window.AFTER_INSTRUCTION) || startOver(c)) {
            return c.activity == Cpu.ACTIVE;
        }
        if (c.activity != Cpu.ACTIVE && !wakes(c)) {
            return false;
        }
        if (event(c)) {
            return c.activity == Cpu.ACTIVE;
        }
        if (c.activity != Cpu.ACTIVE) {
            return false;
        }
        instruction(c, reference);
        return true;
    }

    /** INIT, SIPI and SMI, if one is due; true if it was. In SMM the first and the last wait for RSM; an SMI also waits for the end of a shadow. */
    public static boolean startOver(Cpu c) {
        boolean shadow = (c.pending & Cpu.PENDING_SHADOW) != 0;
        if ((c.pending & Cpu.PENDING_SMI) != 0 && !c.smm && !shadow && c.activity != Cpu.WAIT_FOR_SIPI) {
            c.unpend(Cpu.PENDING_SMI);
            boolean taken = c.extension != null && c.extension.smi(c);
            if (!taken && !c.platform.systemManagement(c)) {
                ManagementMode.enter(c);
            }
            return true;
        }
        if ((c.pending & Cpu.PENDING_INIT) != 0 && !c.smm) {
            c.unpend(Cpu.PENDING_INIT);
            if (c.extension == null || !c.extension.init(c)) {
                Reset.init(c);
            }
            return true;
        }
        if ((c.pending & Cpu.PENDING_SIPI) != 0) {
            c.unpend(Cpu.PENDING_SIPI);
            if (c.extension != null && c.extension.sipi(c, c.sipiVector)) {
                return true;
            }
            if (c.activity == Cpu.WAIT_FOR_SIPI) {
                Reset.startUp(c, c.sipiVector);
                return true;
            }
        }
        return false;
    }

    /** Whether something pending ends the activity state; it is then over. */
    private static boolean wakes(Cpu c) {
        int wakers = 0;
        if (c.activity == Cpu.HALTED) {
            wakers = Cpu.PENDING_INTERRUPT | Cpu.PENDING_DEBUG_TRAP | (c.nmiBlocked ? 0 : Cpu.PENDING_NMI);
        } else if (c.activity == Cpu.SHUTDOWN) {
            wakers = c.nmiBlocked ? 0 : Cpu.PENDING_NMI;
        }
        if ((c.pending & (wakers | Cpu.PENDING_EXTENSION)) == 0) {
            latchNmi(c);
            return false;
        }
        return true;
    }

    private static void latchNmi(Cpu c) {
        if (c.nmiBlocked && (c.pending & Cpu.PENDING_NMI) != 0) {
            c.unpend(Cpu.PENDING_NMI);
            c.nmiLatched = true;
        }
    }

    private static void activate(Cpu c) {
        if (c.activity == Cpu.HALTED || c.activity == Cpu.SHUTDOWN) {
            c.activity = Cpu.ACTIVE;
            c.unpend(Cpu.PENDING_INACTIVE);
            c.counters.resumed();
            Tracing.activity(c);
        }
    }

    /** Traps on the previous instruction, NMI, external interrupts, instruction breakpoints, in this order. */
    private static boolean event(Cpu c) {
        int pending = c.pending;
        boolean shadow = (pending & Cpu.PENDING_SHADOW) != 0;
        boolean movSs = shadow && c.shadow == Cpu.SHADOW_MOV_SS;
        if (window(c, VirtualizationExtension.Window.BEFORE_TRAPS)) {
            return true;
        }
        if ((pending & Cpu.PENDING_DEBUG_TRAP) != 0 && !movSs) {
            activate(c);
            debugTrap(c);
            return true;
        }
        if (window(c, VirtualizationExtension.Window.BEFORE_NMI)) {
            return true;
        }
        latchNmi(c);
        if ((c.pending & Cpu.PENDING_NMI) != 0 && !movSs) {
            c.unpend(Cpu.PENDING_NMI);
            if (c.extension == null || !c.extension.nmi(c)) {
                activate(c);
                endShadow(c);
                Exceptions.nmi(c);
                c.ticks++;
            }
            return true;
        }
        if (window(c, VirtualizationExtension.Window.BEFORE_INTERRUPT)) {
            return true;
        }
        if ((pending & Cpu.PENDING_INTERRUPT) != 0 && !shadow && interrupt(c)) {
            return true;
        }
        return (pending & Cpu.PENDING_BREAKPOINTS) != 0 && c.activity == Cpu.ACTIVE && breakpoint(c);
    }

    private static boolean window(Cpu c, VirtualizationExtension.Window window) {
        return (c.pending & Cpu.PENDING_EXTENSION) != 0 && c.extension.window(c, window);
    }

    private static void debugTrap(Cpu c) {
        long dr6 = c.pendingDebug;
        c.pendingDebug = 0;
        c.unpend(Cpu.PENDING_DEBUG_TRAP);
        endShadow(c);
        Exceptions.debugTrap(c, dr6);
        c.ticks++;
    }

    private static boolean interrupt(Cpu c) {
        if (c.extension != null && c.extension.externalInterrupt(c)) {
            return true;
        }
        int vector = c.apic.acknowledge();
        if (vector < 0) {
            return false;
        }
        activate(c);
        Exceptions.externalInterrupt(c, vector);
        c.ticks++;
        return true;
    }

    /**
     * Bits of DR6 for the instruction breakpoints that are due at RIP; 0 with RF set. Behind a load of SS Intel acts as if RF
     * were set (SDM Vol. 3, "Masking Exceptions and Interrupts When Switching Stacks"). AMD's manual holds back interrupts
     * alone (APM Vol. 3, "MOV", "POP"), and AMD's processors take the breakpoint, as KVM's mails and kvm-unit-tests say.
     */
    public static long breakpoints(Cpu c) {
        boolean afterSs = (c.pending & Cpu.PENDING_SHADOW) != 0 && c.shadow == Cpu.SHADOW_MOV_SS;
        if ((c.systemFlags & Flags.RF) != 0 || afterSs && c.features.vendor() == Vendor.INTEL) {
            return 0;
        }
        return DebugRegisters.instructionHits(c);
    }

    private static boolean breakpoint(Cpu c) {
        long hits = breakpoints(c);
        if (hits == 0) {
            return false;
        }
        endShadow(c);
        Exceptions.exception(c, nestbox.x86.Vector.DB, EventInDelivery.EXCEPTION, false, 0, hits, false);
        c.ticks++;
        return true;
    }

    private static void endShadow(Cpu c) {
        c.unpend(Cpu.PENDING_SHADOW);
        c.shadow = Cpu.SHADOW_NONE;
    }

    /** One instruction, then what follows from TF, RF and the shadow that it ran in; a fault of it leaves as GuestFault. */
    public static void instruction(Cpu c, ReferenceEngine reference) {
        boolean trap = (c.systemFlags & Flags.TF) != 0;
        boolean resume = (c.systemFlags & Flags.RF) != 0;
        boolean held = (c.pending & Cpu.PENDING_DEBUG_TRAP) != 0;
        long heldBits = c.pendingDebug;
        long start = c.rip;
        c.unpend(Cpu.PENDING_SHADOW | Cpu.PENDING_DEBUG_TRAP);
        if (resume) {
            c.setSystemFlags(c.systemFlags & ~(long) Flags.RF);
        }
        c.noStepTrap = false;
        c.switchedWorlds = false;
        boolean records = (c.debugCtl & Cpu.DEBUGCTL_LBR) != 0;
        Insn in = null;
        try {
            in = reference.step();
        } finally {
            if (in == null) {
                // The instruction faulted: its own data breakpoints are forgotten, those that a load of SS held back
                // are not.
                c.pendingDebug = heldBits;
            } else if ((c.pending & Cpu.PENDING_SHADOW) == 0) {
                c.shadow = Cpu.SHADOW_NONE;
            }
            if (held && c.pendingDebug != 0) {
                c.pend(Cpu.PENDING_DEBUG_TRAP);
            }
        }
        if (records && !c.switchedWorlds && branched(c, in, start)) {
            c.lastBranch[0] = start;
            c.lastBranch[1] = c.rip;
        }
        boolean unfinished =
                (in.rep || in.repne) && c.rip == start && !in.form.mnemonic().startsWith("J");
        if (unfinished && (resume || trap)) {
            c.setSystemFlags(c.systemFlags | Flags.RF);
        }
        boolean inSs = (c.pending & Cpu.PENDING_SHADOW) != 0 && c.shadow == Cpu.SHADOW_MOV_SS;
        if (trap && !c.noStepTrap && !inSs && (branchTrap(c) ? branched(c, in, start) : true)) {
            c.pendingDebug |= Exceptions.DR6_BS;
            c.pend(Cpu.PENDING_DEBUG_TRAP);
        }
    }

    private static boolean branchTrap(Cpu c) {
        return (c.debugCtl & DEBUGCTL_BTF) != 0;
    }

    /** DEBUGCTL.BTF: single step on branches alone. */
    private static boolean branched(Cpu c, Insn in, long start) {
        return c.rip != c.wrapRip(start + in.length) && !(c.rip == start && (in.rep || in.repne));
    }
}

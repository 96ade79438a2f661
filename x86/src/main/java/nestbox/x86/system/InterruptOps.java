package nestbox.x86.system;

import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Intercept;
import nestbox.x86.Reg;
import nestbox.x86.Vector;
import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;

/** INT n, INT3, INTO, INT1, IRET, CLI, STI, STAC, CLAC, HLT and the other waits (SDM Vol. 2). */
final class InterruptOps {
    private static final int REDIRECTION_BYTES = 32;
    private static final int MAP_BASE = 0x66;

    private InterruptOps() {}

    static Handler bind(Insn in) {
        switch (in.form.mnemonic()) {
            case "INT":
                return InterruptOps::interrupt;
            case "INT3":
                return (c, i) -> Exceptions.software(c, i, Vector.BP, EventInDelivery.SOFTWARE_EXCEPTION);
            case "INTO":
                return InterruptOps::overflow;
            case "INT1":
                return (c, i) -> Exceptions.software(c, i, Vector.DB, EventInDelivery.PRIVILEGED_EXCEPTION);
            case "IRET":
                return InterruptOps::iret;
            case "CLI":
                return InterruptOps::cli;
            case "STI":
                return InterruptOps::sti;
            case "CLAC":
                return (c, i) -> setAc(c, 0);
            case "STAC":
                return (c, i) -> setAc(c, Flags.AC);
            case "HLT":
                return InterruptOps::halt;
            default:
                return null;
        }
    }

    private static void overflow(Cpu c, Insn in) {
        if (Flags.of(c)) {
            Exceptions.software(c, in, Vector.OF, EventInDelivery.SOFTWARE_EXCEPTION);
        }
    }

    private static void iret(Cpu c, Insn in) {
        c.farLength = in.length;
        if (!Guard.taken(c, Intercept.IRET, in)) {
            FarReturn.iret(c, in.size);
        }
    }

    private static void interrupt(Cpu c, Insn in) {
        int vector = (int) in.imm & 0xff;
        if (c.virtual8086()) {
            if ((c.cr4 & Cpu.CR4_VME) != 0 && !redirected(c, vector)) {
                throughVirtualTable(c, vector);
                return;
            }
            if (Guard.iopl(c) < 3) {
                throw c.raise(Vector.GP, 0);
            }
        }
        Exceptions.software(c, in, vector, EventInDelivery.SOFTWARE_INTERRUPT);
    }

    /** The bit of the software-interrupt redirection map: set means "to the protected-mode handler" (SDM Vol. 3, "Class 3"). */
    private static boolean redirected(Cpu c, int vector) {
        int map = (int) c.mem.loadSystem(2, c.base[Reg.TR] + MAP_BASE & 0xffffffffL);
        int at = map - REDIRECTION_BYTES + (vector >> 3);
        if (at > c.limit[Reg.TR]) {
            throw c.raise(Vector.GP, 0);
        }
        return (c.mem.loadSystem(1, c.base[Reg.TR] + at & 0xffffffffL) >>> (vector & 7) & 1) != 0;
    }

    /** INT n in virtual-8086 mode through the interrupt table at linear address 0, as in real mode. */
    private static void throughVirtualTable(Cpu c, int vector) {
        boolean open = Guard.iopl(c) == 3;
        long flags = c.rflags();
        if (!open) {
            flags = flags & ~(long) Flags.IF | ((flags & Flags.VIF) != 0 ? Flags.IF : 0) | Flags.IOPL;
        }
        long entry = c.mem.load32(vector * 4L, Reg.DS);
        StackFrame s = c.frame.current();
        s.probe(6);
        s.push(2, flags);
        s.push(2, c.selector[Reg.CS]);
        s.push(2, c.rip);
        s.commit();
        FarTransfer.enterReal(c, (int) (entry >>> 16), entry & 0xffff);
        c.noStepTrap = true;
        c.setSystemFlags(c.systemFlags & ~(long) (Flags.TF | (open ? Flags.IF : Flags.VIF)));
    }

    /** Whether CLI and STI act on VIF: virtual-8086 mode with VME, or CPL 3 with PVI, where IOPL is too low for IF. */
    private static boolean virtual(Cpu c) {
        if (!c.protectedMode() || Guard.iopl(c) >= c.cpl) {
            return false;
        }
        if (c.virtual8086() ? (c.cr4 & Cpu.CR4_VME) != 0 : c.cpl == 3 && (c.cr4 & Cpu.CR4_PVI) != 0) {
            return true;
        }
        throw c.raise(Vector.GP, 0);
    }

    private static void cli(Cpu c, Insn in) {
        c.setSystemFlags(c.systemFlags & ~(long) (virtual(c) ? Flags.VIF : Flags.IF));
    }

    private static void sti(Cpu c, Insn in) {
        if (virtual(c)) {
            if ((c.systemFlags & Flags.VIP) != 0) {
                throw c.raise(Vector.GP, 0);
            }
            c.setSystemFlags(c.systemFlags | Flags.VIF);
        } else if ((c.systemFlags & Flags.IF) == 0) {
            c.setSystemFlags(c.systemFlags | Flags.IF);
            Shadow.begin(c, Cpu.SHADOW_STI);
        }
    }

    private static void setAc(Cpu c, long value) {
        if (c.cpl != 0) {
            throw c.raise(Vector.UD);
        }
        c.setSystemFlags(c.systemFlags & ~(long) Flags.AC | value);
    }

    private static void halt(Cpu c, Insn in) {
        Guard.privileged(c);
        if (!Guard.taken(c, Intercept.HLT, in)) {
            c.activity = Cpu.HALTED;
            c.pend(Cpu.PENDING_INACTIVE);
            Tracing.activity(c);
        }
    }
}

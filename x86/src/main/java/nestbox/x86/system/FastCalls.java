package nestbox.x86.system;

import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Reg;
import nestbox.x86.Vector;
import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;
import nestbox.x86.model.Vendor;

/** SYSCALL, SYSRET, SYSENTER, SYSEXIT, SWAPGS, and where Intel's and AMD's manuals differ on them. */
final class FastCalls {
    private static final int CODE = 0xb;
    private static final int DATA = 3;
    /** What SYSRET loads from R11: not RF and VM (SDM Vol. 2, "SYSRET"). */
    private static final long SYSRET_FLAGS = 0x3c7fd7;

    private FastCalls() {}

    static Handler bind(Insn in) {
        switch (in.form.mnemonic()) {
            case "SYSCALL":
                return FastCalls::syscall;
            case "SYSRET":
                return FastCalls::sysret;
            case "SYSENTER":
                return FastCalls::sysenter;
            case "SYSEXIT":
                return FastCalls::sysexit;
            case "SWAPGS":
                return FastCalls::swapgs;
            default:
                return null;
        }
    }

    private static boolean amd(Cpu c) {
        return c.features.vendor() == Vendor.AMD;
    }

    /** Intel has SYSCALL in 64-bit mode alone, AMD in every protected mode. */
    private static void checkEnabled(Cpu c) {
        boolean mode = amd(c) ? c.protectedMode() && !c.virtual8086() : c.mode64();
        if ((c.efer & Cpu.EFER_SCE) == 0 || !mode) {
            throw c.raise(Vector.UD);
        }
    }

    private static void segments(Cpu c, int cs, int ss, int dpl, boolean code64) {
        Segments.setFlat(c, Reg.CS, cs, CODE, dpl, code64, !code64);
        Segments.setFlat(c, Reg.SS, ss, DATA, dpl, false, true);
        c.cpl = dpl;
        c.updateMode();
    }

    private static void syscall(Cpu c, Insn in) {
        checkEnabled(c);
        c.noStepTrap = true;
        int cs = (int) (c.star >>> 32) & 0xfffc;
        ShadowStack.systemCall(c);
        if (!c.longMode()) {
            c.r[Reg.RCX] = c.rip;
            segments(c, cs, cs + 8 & 0xffff, 0, false);
            c.rip = c.star & 0xffffffffL;
            c.setSystemFlags(c.systemFlags & ~(long) (Flags.VM | Flags.IF | Flags.RF));
            return;
        }
        boolean from64 = c.mode64();
        c.r[Reg.RCX] = c.rip;
        c.r[Reg.R11] = c.rflags() & ~(long) Flags.RF;
        segments(c, cs, cs + 8 & 0xffff, 0, true);
        c.rip = from64 ? c.lstar : c.cstar;
        c.setRflags(c.rflags() & ~(c.fmask & 0xffffffffL) & ~(long) Flags.RF | Flags.FIXED);
        stepTrap(c);
    }

    private static void sysret(Cpu c, Insn in) {
        checkEnabled(c);
        Guard.privileged(c);
        boolean to64 = c.longMode() && in.size == 64;
        // Intel refuses a return address that is not canonical at CPL 0, AMD lets the fetch at CPL 3 fault.
        if (to64 && !amd(c) && !c.canonical(c.r[Reg.RCX])) {
            throw c.raise(Vector.GP, 0);
        }
        c.noStepTrap = true;
        int base = (int) (c.star >>> 48) & 0xffff;
        int cs = (base + (to64 ? 16 : 0) | 3) & 0xffff;
        int ss = base + 8 & 0xffff;
        Segments.setFlat(c, Reg.CS, cs, CODE, 3, to64, !to64);
        if (amd(c)) {
            // AMD loads the selector alone; base, limit and attributes of SS stay.
            c.selector[Reg.SS] = ss;
        } else {
            Segments.setFlat(c, Reg.SS, ss | 3, DATA, 3, false, true);
        }
        boolean longMode = c.longMode();
        ShadowStack.systemReturn(c);
        c.cpl = 3;
        c.updateMode();
        c.rip = to64 ? c.r[Reg.RCX] : c.r[Reg.RCX] & 0xffffffffL;
        if (longMode) {
            c.setRflags(c.r[Reg.R11] & SYSRET_FLAGS | Flags.FIXED);
        } else {
            c.setSystemFlags(c.systemFlags | Flags.IF);
        }
        stepTrap(c);
    }

    /** SYSCALL and SYSRET trap by the TF that they load, and not by the one they began with. */
    private static void stepTrap(Cpu c) {
        if ((c.systemFlags & Flags.TF) != 0) {
            c.pendingDebug |= Exceptions.DR6_BS;
            c.pend(Cpu.PENDING_DEBUG_TRAP);
        }
    }

    /** AMD has SYSENTER and SYSEXIT outside IA-32e mode alone (APM Vol. 3). */
    private static void checkSysenter(Cpu c) {
        if (amd(c) && c.longMode()) {
            throw c.raise(Vector.UD);
        }
        if (!c.protectedMode() || (c.sysenterCs & 0xfffc) == 0) {
            throw c.raise(Vector.GP, 0);
        }
    }

    private static void sysenter(Cpu c, Insn in) {
        checkSysenter(c);
        int cs = (int) c.sysenterCs & 0xfffc;
        boolean wide = c.longMode();
        ShadowStack.systemCall(c);
        c.setSystemFlags(c.systemFlags & ~(long) (Flags.VM | Flags.IF | Flags.RF));
        segments(c, cs, cs + 8 & 0xffff, 0, wide);
        c.r[Reg.RSP] = wide ? c.sysenterEsp : c.sysenterEsp & 0xffffffffL;
        c.rip = wide ? c.sysenterEip : c.sysenterEip & 0xffffffffL;
    }

    private static void sysexit(Cpu c, Insn in) {
        checkSysenter(c);
        Guard.privileged(c);
        boolean to64 = in.size == 64;
        if (to64 && (!c.canonical(c.r[Reg.RCX]) || !c.canonical(c.r[Reg.RDX]))) {
            throw c.raise(Vector.GP, 0);
        }
        int base = (int) c.sysenterCs & 0xffff;
        int cs = base + (to64 ? 32 : 16) & 0xffff | 3;
        ShadowStack.systemReturn(c);
        segments(c, cs, cs + 8 & 0xffff, 3, to64);
        c.r[Reg.RSP] = to64 ? c.r[Reg.RCX] : c.r[Reg.RCX] & 0xffffffffL;
        c.rip = to64 ? c.r[Reg.RDX] : c.r[Reg.RDX] & 0xffffffffL;
    }

    private static void swapgs(Cpu c, Insn in) {
        Guard.privileged(c);
        long gs = c.base[Reg.GS];
        c.base[Reg.GS] = c.kernelGsBase;
        c.kernelGsBase = gs;
    }
}

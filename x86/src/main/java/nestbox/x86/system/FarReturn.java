package nestbox.x86.system;

import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Reg;
import nestbox.x86.Vector;

/** Far RET and IRET (SDM Vol. 2, "RET - Return From Procedure", "IRET/IRETD/IRETQ - Interrupt Return"). */
final class FarReturn {
    private static final long FLAGS16 = Flags.ARITHMETIC | Flags.TF | Flags.DF | Flags.NT;
    private static final long FLAGS32 = FLAGS16 | Flags.RF | Flags.AC | Flags.ID;

    private FarReturn() {}

    /** RETF, with {@code release} bytes of parameters. */
    static void ret(Cpu c, int bits, int release) {
        int width = bits >> 3;
        StackFrame s = c.frame.current();
        long target = s.peek(0, width);
        int selector = (int) s.peek(width, width) & 0xffff;
        if (!c.protectedMode() || c.virtual8086()) {
            FarTransfer.checkTarget(c, c.limit[Reg.CS], false, target);
            s.skip(2L * width + release);
            s.commit();
            FarTransfer.enterReal(c, selector, target);
            return;
        }
        long cs = returnCode(c, selector);
        int level = selector & 3;
        if (level == c.cpl) {
            FarTransfer.checkTarget(c, Descriptor.limit(cs), target64(c, cs), target);
            cs = Descriptor.access(c, selector, cs);
            ShadowStack.leaveSame(c, selector, linear(c, cs, target), target64(c, cs), false);
            s.skip(2L * width + release);
            s.commit();
            FarTransfer.enter(c, selector, cs, level, target);
            return;
        }
        long sp = s.peek(2 * width + release, width);
        int ss = (int) s.peek(3 * width + release, width) & 0xffff;
        long stack = returnStack(c, ss, level, target64(c, cs));
        FarTransfer.checkTarget(c, Descriptor.limit(cs), target64(c, cs), target);
        cs = Descriptor.access(c, selector, cs);
        ShadowStack.leave(c, level, selector, linear(c, cs, target), target64(c, cs));
        outer(c, selector, cs, ss, stack, sp, release);
        c.rip = target;
    }

    private static boolean target64(Cpu c, long cs) {
        return c.longMode() && Descriptor.longCode(cs);
    }

    /** Linear address of the instruction to return to. */
    private static long linear(Cpu c, long cs, long target) {
        return target64(c, cs) ? target : Descriptor.base(cs) + target & 0xffffffffL;
    }

    /** The code segment to return to: RPL is the new CPL. */
    private static long returnCode(Cpu c, int selector) {
        if (Descriptor.isNull(selector)) {
            throw c.raise(Vector.GP, 0);
        }
        int error = selector & 0xfffc;
        int rpl = selector & 3;
        long d = Descriptor.fetch(c, selector, Vector.GP);
        int dpl = Descriptor.dpl(d);
        boolean allowed = rpl >= c.cpl && (Descriptor.conforming(d) ? dpl <= rpl : dpl == rpl);
        if (!Descriptor.code(d) || !allowed || FarTransfer.badLongCode(c, d)) {
            throw c.raise(Vector.GP, error);
        }
        if (!Descriptor.present(d)) {
            throw c.raise(Vector.NP, error);
        }
        return d;
    }

    /** The stack segment to return to; 0 stands for the null SS that inner 64-bit code may have. */
    private static long returnStack(Cpu c, int selector, int level, boolean target64) {
        if (Descriptor.isNull(selector)) {
            if (!target64 || level == 3 || (selector & 3) != level) {
                throw c.raise(Vector.GP, 0);
            }
            return 0;
        }
        return Segments.stackDescriptor(c, selector, level, Vector.GP);
    }

    /** Loads SS:RSP and CS, and drops data segments of the inner level. */
    private static void outer(Cpu c, int selector, long cs, int ss, long stack, long sp, int release) {
        int level = selector & 3;
        int old = c.cpl;
        if (Descriptor.isNull(ss)) {
            Segments.setNullStack(c, ss, level);
        } else {
            Segments.set(c, Reg.SS, ss, Descriptor.access(c, ss, stack));
        }
        FarTransfer.enter(c, selector, cs, level, c.rip);
        long pointer = sp + release;
        c.r[Reg.RSP] = c.stackMask == 0xffff ? c.r[Reg.RSP] & ~0xffffL | pointer & 0xffff : pointer & c.stackMask;
        if (level != old) {
            Segments.dropInnerData(c, level);
        }
    }

    static void iret(Cpu c, int bits) {
        if (c.extension == null || !c.extension.keepsNmiBlocked(c)) {
            c.unblockNmi();
        }
        if (!c.protectedMode()) {
            realMode(c, bits);
        } else if (c.virtual8086()) {
            virtual8086(c, bits);
        } else if ((c.systemFlags & Flags.NT) != 0) {
            if (c.longMode()) {
                throw c.raise(Vector.GP, 0);
            }
            TaskSwitch.back(c);
        } else {
            protectedMode(c, bits);
        }
    }

    private static void realMode(Cpu c, int bits) {
        int width = bits >> 3;
        StackFrame s = c.frame.current();
        long target = s.pop(width);
        int selector = (int) s.pop(width) & 0xffff;
        long flags = s.pop(width);
        FarTransfer.checkTarget(c, c.limit[Reg.CS], false, target);
        s.commit();
        FarTransfer.enterReal(c, selector, target);
        load(c, flags, (width == 2 ? FLAGS16 : FLAGS32) | Flags.IF | Flags.IOPL);
    }

    private static void virtual8086(Cpu c, int bits) {
        int width = bits >> 3;
        boolean open = (c.systemFlags & Flags.IOPL) == Flags.IOPL;
        if (!open && ((c.cr4 & Cpu.CR4_VME) == 0 || width != 2)) {
            throw c.raise(Vector.GP, 0);
        }
        StackFrame s = c.frame.current();
        long target = s.pop(width);
        int selector = (int) s.pop(width) & 0xffff;
        long flags = s.pop(width);
        FarTransfer.checkTarget(c, c.limit[Reg.CS], false, target);
        if (open) {
            s.commit();
            FarTransfer.enterReal(c, selector, target);
            load(c, flags, (width == 2 ? FLAGS16 : FLAGS32) | Flags.IF);
            return;
        }
        boolean enables = (flags & Flags.IF) != 0;
        if ((enables && (c.systemFlags & Flags.VIP) != 0) || (flags & Flags.TF) != 0) {
            throw c.raise(Vector.GP, 0);
        }
        s.commit();
        FarTransfer.enterReal(c, selector, target);
        load(c, flags & ~(long) Flags.VIF | (enables ? Flags.VIF : 0), FLAGS16 | Flags.VIF);
    }

    private static void protectedMode(Cpu c, int bits) {
        int width = bits >> 3;
        StackFrame s = c.frame.current();
        long target = s.pop(width);
        int selector = (int) s.pop(width) & 0xffff;
        long flags = s.pop(width);
        if (width == 4 && (flags & Flags.VM) != 0 && c.cpl == 0 && !c.longMode()) {
            toVirtual8086(c, s, target, selector, flags);
            return;
        }
        long cs = returnCode(c, selector);
        int level = selector & 3;
        long mask = width == 2 ? FLAGS16 : FLAGS32;
        if (c.cpl == 0) {
            mask |= Flags.IOPL | (width == 2 ? 0 : Flags.VIF | Flags.VIP);
        }
        if (c.cpl <= (c.systemFlags >> 12 & 3)) {
            mask |= Flags.IF;
        }
        if (level == c.cpl && !c.mode64()) {
            FarTransfer.checkTarget(c, Descriptor.limit(cs), target64(c, cs), target);
            cs = Descriptor.access(c, selector, cs);
            ShadowStack.leaveSame(c, selector, linear(c, cs, target), target64(c, cs), true);
            s.commit();
            FarTransfer.enter(c, selector, cs, level, target);
        } else {
            long sp = s.pop(width);
            int ss = (int) s.pop(width) & 0xffff;
            long stack = returnStack(c, ss, level, target64(c, cs));
            FarTransfer.checkTarget(c, Descriptor.limit(cs), target64(c, cs), target);
            cs = Descriptor.access(c, selector, cs);
            if (level == c.cpl) {
                ShadowStack.leaveSame(c, selector, linear(c, cs, target), target64(c, cs), true);
            } else {
                ShadowStack.leave(c, level, selector, linear(c, cs, target), target64(c, cs));
            }
            outer(c, selector, cs, ss, stack, sp, 0);
            c.rip = target;
        }
        load(c, flags, mask);
    }

    private static void toVirtual8086(Cpu c, StackFrame s, long target, int selector, long flags) {
        long sp = s.pop(4);
        int ss = (int) s.pop(4) & 0xffff;
        int es = (int) s.pop(4) & 0xffff;
        int ds = (int) s.pop(4) & 0xffff;
        int fs = (int) s.pop(4) & 0xffff;
        int gs = (int) s.pop(4) & 0xffff;
        FarTransfer.checkTarget(c, 0xffff, false, target);
        ShadowStack.leaveToVirtual8086(c);
        c.cpl = 3;
        enterVirtual8086(c, selector, ss, es, ds, fs, gs);
        c.r[Reg.RSP] = sp;
        c.rip = target;
        load(c, flags, FLAGS32 | Flags.IF | Flags.IOPL | Flags.VM | Flags.VIF | Flags.VIP);
        c.updateMode();
    }

    static void enterVirtual8086(Cpu c, int cs, int ss, int es, int ds, int fs, int gs) {
        Segments.setVirtual8086(c, Reg.CS, cs);
        Segments.setVirtual8086(c, Reg.SS, ss);
        Segments.setVirtual8086(c, Reg.ES, es);
        Segments.setVirtual8086(c, Reg.DS, ds);
        Segments.setVirtual8086(c, Reg.FS, fs);
        Segments.setVirtual8086(c, Reg.GS, gs);
    }

    /** Loads the flags of {@code mask}; RF, whose image a 16-bit frame lacks, ends with the instruction. */
    private static void load(Cpu c, long flags, long mask) {
        c.setRflags(c.rflags() & ~(mask | Flags.RF) | flags & mask);
    }
}

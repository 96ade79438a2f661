package nestbox.x86.system;

import nestbox.mmu.paging.Access;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Reg;
import nestbox.x86.Vector;
import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;
import nestbox.x86.op.Operands;

/** The instructions of control-flow enforcement (SDM Vol. 2, "INCSSPD/INCSSPQ", "RSTORSSP", "WRSSD/WRSSQ" and others). */
final class CetOps {
    /** In a token of RSTORSSP: it was made in 64-bit mode. */
    private static final long LONG = 1;
    /** In a token: it names the previous shadow stack. */
    private static final long PREVIOUS = 2;
    /** In a token: its SSP was not aligned to 8 bytes. */
    private static final long HOLE = 4;

    private CetOps() {}

    static Handler bind(Insn in) {
        switch (in.form.mnemonic()) {
            case "ENDBR32":
            case "ENDBR64":
                return Cet::endbranch;
            case "INCSSP":
                return CetOps::increment;
            case "RDSSP":
                return CetOps::read;
            case "RSTORSSP":
                return CetOps::restore;
            case "SAVEPREVSSP":
                return CetOps::savePrevious;
            case "WRSS":
                return CetOps::write;
            case "WRUSS":
                return CetOps::writeUser;
            case "SETSSBSY":
                return CetOps::setBusy;
            case "CLRSSBSY":
                return CetOps::clearBusy;
            default:
                return null;
        }
    }

    private static void requireEnabled(Cpu c) {
        if (!Cet.shadowStack(c)) {
            throw c.raise(Vector.UD);
        }
    }

    /** SSP + 0 to 255 elements; both ends of what is skipped are read. */
    private static void increment(Cpu c, Insn in) {
        requireEnabled(c);
        int bytes = in.size >> 3;
        long count = c.r[in.rm] & 0xff;
        ShadowStack.load(c, bytes, c.ssp, c.cpl);
        ShadowStack.load(c, bytes, c.ssp + bytes * (Math.max(count, 1) - 1), c.cpl);
        c.ssp += bytes * count;
    }

    private static void read(Cpu c, Insn in) {
        if (Cet.shadowStack(c)) {
            Operands.setReg(c, in, in.rm, in.size, c.ssp);
        }
    }

    /** Linear address of the memory operand, which must be aligned. */
    private static long aligned(Cpu c, Insn in, int bytes, boolean write) {
        long at = Operands.linear(c, in, bytes, write);
        if ((at & bytes - 1) != 0) {
            throw c.raise(Vector.GP, 0);
        }
        return at;
    }

    private static void restore(Cpu c, Insn in) {
        requireEnabled(c);
        long at = aligned(c, in, 8, true);
        long mode = c.mode64() ? LONG : 0;
        long token = ShadowStack.loadToken(c, at, c.cpl);
        boolean wide = mode == 0 && token >>> 32 != 0;
        long above = (token & ~LONG) - 8 & ~7L;
        if ((token & (LONG | PREVIOUS)) != mode || wide || above != at) {
            throw c.raise(Vector.CP, Cet.RSTORSSP);
        }
        ShadowStack.store(c, 8, at, c.ssp | mode | PREVIOUS, c.cpl);
        c.ssp = at;
        Flags.setArithmetic(c, (token & HOLE) != 0 ? Flags.CF : 0);
    }

    private static void savePrevious(Cpu c, Insn in) {
        requireEnabled(c);
        require(c, (c.ssp & 7) == 0);
        long mode = c.mode64() ? LONG : 0;
        long token = ShadowStack.load(c, 8, c.ssp, c.cpl);
        long popped = 8;
        if (Flags.cf(c)) {
            require(c, mode == 0);
            require(c, ShadowStack.load(c, 4, c.ssp + 8, c.cpl) == 0);
            popped += 4;
        }
        require(c, (token & PREVIOUS) != 0 && (mode != 0 || token >>> 32 == 0));
        long old = token & ~(LONG | PREVIOUS);
        long top = old & ~7L;
        // The hole and the token behind it are one run of bytes.
        c.mem.port().probe(top - 8, (int) (old - top) + 8, Access.WRITE | access(c), Reg.DS);
        ShadowStack.store(c, 4, old - 4, 0, c.cpl);
        ShadowStack.store(c, 8, top - 8, old | mode, c.cpl);
        c.ssp += popped;
    }

    private static int access(Cpu c) {
        return Access.SHADOW_STACK | (c.cpl == 3 ? Access.USER : 0);
    }

    private static void require(Cpu c, boolean condition) {
        if (!condition) {
            throw c.raise(Vector.GP, 0);
        }
    }

    private static void write(Cpu c, Insn in) {
        requireEnabled(c);
        if ((Cet.control(c, c.cpl) & Cet.WR_SHSTK_EN) == 0) {
            throw c.raise(Vector.UD);
        }
        long at = aligned(c, in, in.size >> 3, true);
        ShadowStack.store(c, in.size >> 3, at, Operands.reg(c, in, in.reg, in.size), c.cpl);
    }

    /** The only instruction of the operating system that writes to shadow stacks of user mode. */
    private static void writeUser(Cpu c, Insn in) {
        if ((c.cr4 & Cpu.CR4_CET) == 0 || c.virtual8086()) {
            throw c.raise(Vector.UD);
        }
        Guard.privileged(c);
        long at = aligned(c, in, in.size >> 3, true);
        ShadowStack.store(c, in.size >> 3, at, Operands.reg(c, in, in.reg, in.size), 3);
    }

    private static void requireSupervisor(Cpu c) {
        if (c.virtual8086() || !Cet.shadowStacksAt(c, 0)) {
            throw c.raise(Vector.UD);
        }
        Guard.privileged(c);
    }

    private static void setBusy(Cpu c, Insn in) {
        requireSupervisor(c);
        long at = c.levelSsp[0];
        require(c, (at & 7) == 0);
        if (!ShadowStack.acquire(c, at)) {
            throw c.raise(Vector.CP, Cet.SETSSBSY);
        }
        c.ssp = at;
    }

    private static void clearBusy(Cpu c, Insn in) {
        requireSupervisor(c);
        long at = aligned(c, in, 8, true);
        boolean released = ShadowStack.release(c, at);
        Flags.setArithmetic(c, released ? 0 : Flags.CF);
        c.ssp = 0;
    }
}

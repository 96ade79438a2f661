package nestbox.x86.system;

import nestbox.mmu.paging.Access;
import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import nestbox.x86.Vector;

/**
 * Accesses to shadow stacks, their tokens, and what far transfers and events do with them (SDM Vol. 1, "Shadow Stacks"; the
 * operation sections of CALL, RET, INT n and IRET in Vol. 2). SSP changes last: what can fault comes before.
 */
public final class ShadowStack {
    /** The transfer stays on the current shadow stack. */
    static final long STAY = -1;

    /** CS, LIP and SSP, 8 bytes each. */
    static final int FRAME = 24;

    private static final long BUSY = 1;

    private ShadowStack() {}

    private static int level(int cpl) {
        return Access.SHADOW_STACK | (cpl == 3 ? Access.USER : 0);
    }

    static long load(Cpu c, int bytes, long at, int cpl) {
        return c.mem.port().load(at, bytes, Access.READ | level(cpl), Reg.DS);
    }

    static void store(Cpu c, int bytes, long at, long value, int cpl) {
        c.mem.port().store(at, bytes, value, Access.WRITE | level(cpl), Reg.DS);
    }

    /** The locked read of a token that is to be changed. */
    static long loadToken(Cpu c, long at, int cpl) {
        return c.mem.port().load(at, 8, Access.READ | Access.WRITE | level(cpl), Reg.DS);
    }

    /** Replaces a token; false if it is not the one expected. */
    static boolean exchange(Cpu c, long at, long expected, long value, int cpl) {
        if (loadToken(c, at, cpl) != expected) {
            return false;
        }
        store(c, 8, at, value, cpl);
        return true;
    }

    /** Frees the supervisor shadow stack whose token is at {@code at}. */
    static boolean release(Cpu c, long at) {
        return exchange(c, at, at | BUSY, at, 0);
    }

    static boolean acquire(Cpu c, long at) {
        return exchange(c, at, at, at | BUSY, 0);
    }

    /** Bytes that a near CALL of an operand size pushes. */
    private static int width(int bits) {
        return bits == 64 ? 8 : 4;
    }

    /** Writes the return address of a near CALL below SSP; {@link #pushed} then moves SSP. */
    public static void push(Cpu c, int bits, long value) {
        int width = width(bits);
        store(c, width, c.ssp - width, value, c.cpl);
    }

    public static void pushed(Cpu c, int bits) {
        c.ssp -= width(bits);
    }

    /** The return address on the shadow stack must be that of the near RET: else #CP. */
    public static void check(Cpu c, int bits, long target) {
        if (load(c, width(bits), c.ssp, c.cpl) != target) {
            throw c.raise(Vector.CP, Cet.NEAR_RET);
        }
    }

    public static void popped(Cpu c, int bits) {
        c.ssp += width(bits);
    }

    private static void requireLow(Cpu c, long ssp, boolean target64) {
        if (!target64 && ssp >>> 32 != 0) {
            throw c.raise(Vector.GP, 0);
        }
    }

    /** Pushes the frame of a far transfer below {@code top}, aligned to 8 bytes; gives the new SSP. */
    private static long pushFrame(Cpu c, long top, int cpl, long cs, long lip, long previous) {
        long aligned = top & ~7L;
        c.mem.port().probe(aligned - FRAME, (int) (top - aligned) + FRAME, Access.WRITE | level(cpl), Reg.DS);
        if (aligned != top) {
            store(c, 4, aligned, 0, cpl);
        }
        store(c, 8, aligned - 8, cs, cpl);
        store(c, 8, aligned - 16, lip, cpl);
        store(c, 8, aligned - 24, previous, cpl);
        return aligned - FRAME;
    }

    private static long pushFrame(Cpu c, long top, int cpl, long previous) {
        return pushFrame(c, top, cpl, c.selector[Reg.CS], c.codeLinear(), previous);
    }

    /** A task switch takes the shadow stack whose token is at {@code fresh}, and pushes a frame if it is to; the new SSP. */
    static long switchTo(Cpu c, long fresh, boolean frame, long cs, long lip, long previous) {
        if (!exchange(c, fresh, fresh, fresh | BUSY, c.cpl)) {
            throw c.raise(Vector.GP, 0);
        }
        return frame ? pushFrame(c, fresh, c.cpl, cs, lip, previous) : fresh;
    }

    /** SSP of the inner level that a call gate or an event without IST leads to. */
    static long ofLevel(Cpu c, int level) {
        return c.levelSsp[level];
    }

    /** The SSP of an entry of the interrupt shadow-stack table, if shadow stacks are enabled at {@code level}. */
    static long ofTable(Cpu c, int level, int ist) {
        return Cet.shadowStacksAt(c, level) ? c.mem.loadSystem(8, c.interruptSspTable + 8L * ist) : 0;
    }

    /**
     * A far call or an event to {@code level}, the last of its steps that may fault; RIP is what the frame returns to.
     *
     * @param fresh where the token of another shadow stack is, or {@link #STAY}
     * @param target64 the target is 64-bit code
     */
    static void enter(Cpu c, int level, long fresh, boolean target64) {
        if ((c.cr4 & Cpu.CR4_CET) == 0) {
            return;
        }
        boolean from = Cet.shadowStack(c);
        long old = c.ssp;
        long ssp = old;
        if (Cet.shadowStacksAt(c, level)) {
            if (fresh == STAY) {
                requireLow(c, old, target64);
                ssp = pushFrame(c, old, level, old);
            } else {
                ssp = switched(c, level, fresh, target64, old);
            }
        }
        if (from && c.cpl == 3 && level != 3) {
            c.levelSsp[3] = old;
        }
        c.ssp = ssp;
        Cet.trackFar(c, level);
    }

    private static long switched(Cpu c, int level, long fresh, boolean target64, long old) {
        if ((fresh & 7) != 0) {
            throw c.raise(Vector.GP, 0);
        }
        requireLow(c, fresh, target64);
        boolean frame = c.cpl != 3;
        if (frame) {
            c.mem.port().probe(fresh - FRAME, FRAME, Access.WRITE | level(level), Reg.DS);
        }
        if (!acquire(c, fresh)) {
            throw c.raise(Vector.GP, 0);
        }
        return frame ? pushFrame(c, fresh, level, old) : fresh;
    }

    /** A far JMP to code of the same level. */
    static void jump(Cpu c, boolean target64) {
        if ((c.cr4 & Cpu.CR4_CET) != 0) {
            if (Cet.shadowStack(c)) {
                requireLow(c, c.ssp, target64);
            }
            Cet.trackFar(c, c.cpl);
        }
    }

    /** Compares the frame on the shadow stack with a far return's target; gives the SSP in it. */
    private static long checkFrame(Cpu c, int selector, long linear, boolean target64) {
        requireAligned(c);
        long cs = load(c, 8, c.ssp + 16, c.cpl);
        long lip = load(c, 8, c.ssp + 8, c.cpl);
        long previous = load(c, 8, c.ssp, c.cpl);
        if (cs != selector || lip != linear || (previous & 3) != 0) {
            throw c.raise(Vector.CP, Cet.FAR_RET);
        }
        requireLow(c, previous, target64);
        return previous;
    }

    private static void requireAligned(Cpu c) {
        if ((c.ssp & 7) != 0) {
            throw c.raise(Vector.CP, Cet.FAR_RET);
        }
    }

    /**
     * A far RET or IRET to the same level, the last of its steps that may fault.
     *
     * @param interrupt IRET, which may leave a stack that an IST entry led to
     */
    static void leaveSame(Cpu c, int selector, long linear, boolean target64, boolean interrupt) {
        if (!Cet.shadowStack(c)) {
            return;
        }
        long previous = checkFrame(c, selector, linear, target64);
        long above = c.ssp + FRAME;
        if (interrupt && c.longMode() && previous != above) {
            release(c, above);
        }
        c.ssp = previous;
    }

    /** A far RET or IRET to the outer level {@code level}, the last of its steps that may fault. */
    static void leave(Cpu c, int level, int selector, long linear, boolean target64) {
        if ((c.cr4 & Cpu.CR4_CET) == 0) {
            return;
        }
        boolean from = Cet.shadowStack(c);
        long token = c.ssp;
        long ssp = c.ssp;
        if (from) {
            requireAligned(c);
            if (level != 3) {
                ssp = checkFrame(c, selector, linear, target64);
                token += FRAME;
            }
        }
        if (Cet.shadowStacksAt(c, level)) {
            if (level == 3) {
                ssp = c.levelSsp[3];
            }
            requireLow(c, ssp, target64);
        }
        if (from) {
            release(c, token);
        }
        c.ssp = ssp;
    }

    /** IRET to virtual-8086 mode, which has no shadow stack. */
    static void leaveToVirtual8086(Cpu c) {
        if (Cet.shadowStack(c)) {
            requireAligned(c);
            release(c, c.ssp);
        }
    }

    /** SYSCALL and SYSENTER: the operating system then loads a stack by SETSSBSY. */
    static void systemCall(Cpu c) {
        if ((c.cr4 & Cpu.CR4_CET) != 0) {
            if (Cet.shadowStack(c)) {
                c.levelSsp[3] = c.ssp;
            }
            if (Cet.shadowStacksAt(c, 0)) {
                c.ssp = 0;
            }
            Cet.trackFar(c, 0);
        }
    }

    /** SYSRET and SYSEXIT. */
    static void systemReturn(Cpu c) {
        if (Cet.shadowStacksAt(c, 3)) {
            c.ssp = c.levelSsp[3];
        }
    }
}

package nestbox.x86.op.simd;

import nestbox.x86.Cpu;
import nestbox.x86.Vector;
import nestbox.x86.insn.Insn;
import nestbox.x86.op.Operands;

/**
 * Availability, operands and results of instructions with a legacy and a VEX encoding (SDM Vol. 1, "Programming with Intel AVX,
 * FMA, and Intel AVX2"; Vol. 2A, "Instruction Exception Specification"). Legacy encodings keep the destination's upper lanes and
 * demand aligned memory, VEX ones clear the lanes beyond their length and do not.
 */
final class VectorAccess {
    /** XCR0's bits for the XMM and the upper YMM state. */
    private static final long YMM_STATE = 6;

    private VectorAccess() {}

    static void check(Cpu c, Insn in) {
        if (in.vexLength == 0) {
            SimdAccess.checkSse(c);
        } else {
            checkAvx(c);
        }
    }

    /** #UD outside protected mode, without CR4.OSXSAVE or without both states in XCR0; then #NM with CR0.TS. */
    static void checkAvx(Cpu c) {
        boolean enabled = (c.cr4 & Cpu.CR4_OSXSAVE) != 0 && (c.xcr0 & YMM_STATE) == YMM_STATE;
        if (!enabled || !c.protectedMode() || c.virtual8086()) {
            throw c.raise(Vector.UD);
        }
        if ((c.cr0 & Cpu.CR0_TS) != 0) {
            throw c.raise(Vector.NM);
        }
    }

    /** Length of the operation in bytes: 16 or 32. */
    static int bytes(Insn in) {
        return in.vexLength == 256 ? 32 : 16;
    }

    /** Lane index of the first source: the destination itself in a legacy encoding. */
    static int first(Insn in) {
        return (in.vexLength == 0 ? in.reg : in.vvvv) << 2;
    }

    /** Lane index of the full-length register or memory source. */
    static int source(Cpu c, Insn in) {
        if (!in.memory) {
            return in.rm << 2;
        }
        return in.vexLength == 0 ? SimdAccess.source128(c, in) : load(c, in, bytes(in), false);
    }

    /** Lane index of a register or of {@code bytes} (1 to 32) of memory, which need no alignment; what is above is 0. */
    static int source(Cpu c, Insn in, int bytes) {
        return in.memory ? load(c, in, bytes, false) : in.rm << 2;
    }

    /** Loads {@code bytes} of the memory operand into {@link SimdAccess#MEMORY}; the rest of its 128 bits becomes 0. */
    static int load(Cpu c, Insn in, int bytes, boolean aligned) {
        long linear = linear(c, in, bytes, false, aligned);
        int seg = Operands.faultSegment(in);
        long[] v = c.v;
        int m = SimdAccess.MEMORY;
        if (bytes <= 8) {
            v[m] = c.mem.load(bytes << 3, linear, seg);
            v[m + 1] = 0;
            return m;
        }
        c.mem.probeRead(linear, bytes, seg);
        for (int i = 0; i < bytes >> 3; i++) {
            v[m + i] = c.mem.load64(SimdAccess.advance(in, linear, 8 * i), seg);
        }
        return m;
    }

    /** Linear address of a memory operand; #GP(0) if {@code aligned} is demanded and it is not. */
    static long linear(Cpu c, Insn in, int bytes, boolean write, boolean aligned) {
        long linear = Operands.linear(c, in, bytes, write);
        if (aligned && (linear & bytes - 1) != 0) {
            throw c.raise(Vector.GP, 0);
        }
        return linear;
    }

    /** Stores {@code bytes} = 16 or 32 from lane {@code s}. */
    static void store(Cpu c, Insn in, int bytes, boolean aligned, int s) {
        long linear = linear(c, in, bytes, true, aligned);
        int seg = Operands.faultSegment(in);
        c.mem.probeWrite(linear, bytes, seg);
        for (int i = 0; i < bytes >> 3; i++) {
            c.mem.store64(SimdAccess.advance(in, linear, 8 * i), seg, c.v[s + i]);
        }
    }

    /** Clears what a VEX encoding of 128 bits clears. */
    static void close(Cpu c, Insn in, int d) {
        if (in.vexLength == 128) {
            c.v[d + 2] = 0;
            c.v[d + 3] = 0;
        }
    }

    /** Clears what a VEX encoding with a result of at most 128 bits clears, whatever VEX.L is. */
    static void closeScalar(Cpu c, Insn in, int d) {
        if (in.vexLength != 0) {
            c.v[d + 2] = 0;
            c.v[d + 3] = 0;
        }
    }
}

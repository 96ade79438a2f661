package nestbox.x86.op.simd;

import nestbox.x86.Cpu;
import nestbox.x86.Vector;
import nestbox.x86.fp.X87;
import nestbox.x86.insn.Insn;
import nestbox.x86.model.Feature;
import nestbox.x86.model.Vendor;
import nestbox.x86.op.Operands;

/**
 * The fields of an FXSAVE or XSAVE image in memory (SDM Vol. 1, "Legacy Region of an XSAVE Area"). The memory has been probed,
 * so that nothing here faults but a reserved bit in MXCSR.
 */
final class StateImage {
    private static final int REGISTERS = 32;
    private static final int XMM = 160;

    private StateImage() {}

    static long get64(Cpu c, Insn in, long linear, int offset) {
        return c.mem.load64(SimdAccess.advance(in, linear, offset), Operands.faultSegment(in));
    }

    private static int get16(Cpu c, Insn in, long linear, int offset) {
        return (int) c.mem.load16(SimdAccess.advance(in, linear, offset), Operands.faultSegment(in));
    }

    static void put64(Cpu c, Insn in, long linear, int offset, long value) {
        c.mem.store64(SimdAccess.advance(in, linear, offset), Operands.faultSegment(in), value);
    }

    static void put32(Cpu c, Insn in, long linear, int offset, long value) {
        c.mem.store32(SimdAccess.advance(in, linear, offset), Operands.faultSegment(in), value);
    }

    private static void put16(Cpu c, Insn in, long linear, int offset, long value) {
        c.mem.store16(SimdAccess.advance(in, linear, offset), Operands.faultSegment(in), value);
    }

    /** AMD's processors before XSAVEERPTR touch the last-instruction pointers only while an exception is pending. */
    private static boolean pointers(Cpu c, boolean pending) {
        return pending || c.features.vendor() != Vendor.AMD || c.features.has(Feature.XSAVEERPTR);
    }

    static void saveX87(Cpu c, Insn in, long linear) {
        X87 f = c.fpu;
        put16(c, in, linear, 0, f.control);
        put16(c, in, linear, 2, f.statusWord());
        put16(c, in, linear, 4, f.used);
        if (pointers(c, f.pending())) {
            put16(c, in, linear, 6, f.opcode & 0x7ff);
            if (in.w) {
                put64(c, in, linear, 8, f.lastIp);
                put64(c, in, linear, 16, f.lastDp);
            } else {
                put64(c, in, linear, 8, f.lastIp & 0xffffffffL | (long) f.lastCs << 32);
                put64(c, in, linear, 16, f.lastDp & 0xffffffffL | (long) f.lastDs << 32);
            }
        }
        for (int i = 0; i < 8; i++) {
            int p = f.physical(i);
            put64(c, in, linear, REGISTERS + 16 * i, f.mant[p]);
            put64(c, in, linear, REGISTERS + 16 * i + 8, f.se[p]);
        }
    }

    static void loadX87(Cpu c, Insn in, long linear) {
        X87 f = c.fpu;
        f.setControl(get16(c, in, linear, 0));
        f.setStatusWord(get16(c, in, linear, 2));
        f.used = get16(c, in, linear, 4) & 0xff;
        if (pointers(c, f.pending())) {
            f.opcode = get16(c, in, linear, 6) & 0x7ff;
            long ip = get64(c, in, linear, 8);
            long dp = get64(c, in, linear, 16);
            f.lastIp = in.w ? ip : ip & 0xffffffffL;
            f.lastDp = in.w ? dp : dp & 0xffffffffL;
            f.lastCs = in.w ? 0 : (int) (ip >>> 32) & 0xffff;
            f.lastDs = in.w ? 0 : (int) (dp >>> 32) & 0xffff;
        }
        for (int i = 0; i < 8; i++) {
            int p = f.physical(i);
            f.mant[p] = get64(c, in, linear, REGISTERS + 16 * i);
            f.se[p] = get16(c, in, linear, REGISTERS + 16 * i + 8);
        }
    }

    /** Loads MXCSR; #GP(0) for a reserved bit, so this comes before anything else is loaded. */
    static void loadMxcsr(Cpu c, Insn in, long linear, int offset) {
        long value = c.mem.load32(SimdAccess.advance(in, linear, offset), Operands.faultSegment(in));
        if ((value & ~ExtendedState.mxcsrMask(c)) != 0) {
            throw c.raise(Vector.GP, 0);
        }
        c.mxcsr = (int) value;
    }

    /** XMM8 to XMM15 exist in 64-bit mode only. */
    private static int registers(Insn in) {
        return in.codeSize == 64 ? 16 : 8;
    }

    static void saveXmm(Cpu c, Insn in, long linear) {
        for (int i = 0; i < registers(in); i++) {
            put64(c, in, linear, XMM + 16 * i, c.v[4 * i]);
            put64(c, in, linear, XMM + 16 * i + 8, c.v[4 * i + 1]);
        }
    }

    static void loadXmm(Cpu c, Insn in, long linear) {
        for (int i = 0; i < registers(in); i++) {
            c.v[4 * i] = get64(c, in, linear, XMM + 16 * i);
            c.v[4 * i + 1] = get64(c, in, linear, XMM + 16 * i + 8);
        }
    }

    static void clearXmm(Cpu c, Insn in) {
        for (int i = 0; i < registers(in); i++) {
            c.v[4 * i] = 0;
            c.v[4 * i + 1] = 0;
        }
    }

    /** The upper halves of the YMM registers. */
    static void saveAvx(Cpu c, Insn in, long linear, int offset) {
        for (int i = 0; i < registers(in); i++) {
            put64(c, in, linear, offset + 16 * i, c.v[4 * i + 2]);
            put64(c, in, linear, offset + 16 * i + 8, c.v[4 * i + 3]);
        }
    }

    static void loadAvx(Cpu c, Insn in, long linear, int offset, boolean present) {
        for (int i = 0; i < registers(in); i++) {
            c.v[4 * i + 2] = present ? get64(c, in, linear, offset + 16 * i) : 0;
            c.v[4 * i + 3] = present ? get64(c, in, linear, offset + 16 * i + 8) : 0;
        }
    }
}

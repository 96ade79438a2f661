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

    private final Cpu c;
    private final Insn in;
    private final long linear;
    private final int seg;

    StateImage(Cpu c, Insn in, long linear) {
        this.c = c;
        this.in = in;
        this.linear = linear;
        this.seg = Operands.faultSegment(in);
    }

    private long at(int offset) {
        return SimdAccess.advance(in, linear, offset);
    }

    long get64(int offset) {
        return c.mem.load64(at(offset), seg);
    }

    private int get16(int offset) {
        return (int) c.mem.load16(at(offset), seg);
    }

    void put64(int offset, long value) {
        c.mem.store64(at(offset), seg, value);
    }

    void put32(int offset, long value) {
        c.mem.store32(at(offset), seg, value);
    }

    private void put16(int offset, long value) {
        c.mem.store16(at(offset), seg, value);
    }

    /** AMD's processors before XSAVEERPTR touch the last-instruction pointers only while an exception is pending. */
    private boolean pointers(boolean pending) {
        return pending || c.features.vendor() != Vendor.AMD || c.features.has(Feature.XSAVEERPTR);
    }

    void saveX87() {
        X87 f = c.fpu;
        put16(0, f.control);
        put16(2, f.statusWord());
        put16(4, f.used);
        if (pointers(f.pending())) {
            put16(6, f.opcode & 0x7ff);
            if (in.w) {
                put64(8, f.lastIp);
                put64(16, f.lastDp);
            } else {
                put64(8, f.lastIp & 0xffffffffL | (long) f.lastCs << 32);
                put64(16, f.lastDp & 0xffffffffL | (long) f.lastDs << 32);
            }
        }
        for (int i = 0; i < 8; i++) {
            int p = f.physical(i);
            put64(REGISTERS + 16 * i, f.mant[p]);
            put64(REGISTERS + 16 * i + 8, f.se[p]);
        }
    }

    void loadX87() {
        X87 f = c.fpu;
        f.setControl(get16(0));
        f.setStatusWord(get16(2));
        f.used = get16(4) & 0xff;
        if (pointers(f.pending())) {
            f.opcode = get16(6) & 0x7ff;
            long ip = get64(8);
            long dp = get64(16);
            f.lastIp = in.w ? ip : ip & 0xffffffffL;
            f.lastDp = in.w ? dp : dp & 0xffffffffL;
            f.lastCs = in.w ? 0 : (int) (ip >>> 32) & 0xffff;
            f.lastDs = in.w ? 0 : (int) (dp >>> 32) & 0xffff;
        }
        for (int i = 0; i < 8; i++) {
            int p = f.physical(i);
            f.mant[p] = get64(REGISTERS + 16 * i);
            f.se[p] = get16(REGISTERS + 16 * i + 8);
        }
    }

    /** Loads MXCSR; #GP(0) for a reserved bit, so this comes before anything else is loaded. */
    void loadMxcsr(int offset) {
        long value = c.mem.load32(at(offset), seg);
        if ((value & ~ExtendedState.mxcsrMask(c)) != 0) {
            throw c.raise(Vector.GP, 0);
        }
        c.mxcsr = (int) value;
    }

    /** XMM8 to XMM15 exist in 64-bit mode only. */
    private int registers() {
        return in.codeSize == 64 ? 16 : 8;
    }

    void saveXmm() {
        for (int i = 0; i < registers(); i++) {
            put64(XMM + 16 * i, c.v[4 * i]);
            put64(XMM + 16 * i + 8, c.v[4 * i + 1]);
        }
    }

    void loadXmm() {
        for (int i = 0; i < registers(); i++) {
            c.v[4 * i] = get64(XMM + 16 * i);
            c.v[4 * i + 1] = get64(XMM + 16 * i + 8);
        }
    }

    void clearXmm() {
        for (int i = 0; i < registers(); i++) {
            c.v[4 * i] = 0;
            c.v[4 * i + 1] = 0;
        }
    }

    /** The upper halves of the YMM registers. */
    void saveAvx(int offset) {
        for (int i = 0; i < registers(); i++) {
            put64(offset + 16 * i, c.v[4 * i + 2]);
            put64(offset + 16 * i + 8, c.v[4 * i + 3]);
        }
    }

    void loadAvx(int offset, boolean present) {
        for (int i = 0; i < registers(); i++) {
            c.v[4 * i + 2] = present ? get64(offset + 16 * i) : 0;
            c.v[4 * i + 3] = present ? get64(offset + 16 * i + 8) : 0;
        }
    }
}

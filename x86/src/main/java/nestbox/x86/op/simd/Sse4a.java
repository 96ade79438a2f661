package nestbox.x86.op.simd;

import nestbox.x86.Cpu;
import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;

/** EXTRQ, INSERTQ, MOVNTSS and MOVNTSD (APM Vol. 4). A field's length of 0 means 64; the upper quadword is left as 0. */
final class Sse4a {
    private Sse4a() {}

    static Handler bind(Insn in, String mnemonic) {
        boolean immediate = in.form.operands().size() > 2;
        switch (mnemonic) {
            case "EXTRQ":
                return immediate
                        ? (c, i) -> extract(c, i.rm << 2, (int) i.imm, (int) i.imm2)
                        : (c, i) -> extract(c, i.reg << 2, (int) c.v[i.rm << 2], (int) (c.v[i.rm << 2] >>> 8));
            case "INSERTQ":
                return immediate
                        ? (c, i) -> insert(c, i, (int) i.imm, (int) i.imm2)
                        : (c, i) -> insert(c, i, (int) c.v[(i.rm << 2) + 1], (int) (c.v[(i.rm << 2) + 1] >>> 8));
            default:
                return null;
        }
    }

    private static long mask(int length) {
        int bits = length & 63;
        return bits == 0 ? -1 : (1L << bits) - 1;
    }

    private static void extract(Cpu c, int d, int length, int index) {
        SimdAccess.checkSse(c);
        c.v[d] = c.v[d] >>> (index & 63) & mask(length);
        c.v[d + 1] = 0;
    }

    private static void insert(Cpu c, Insn in, int length, int index) {
        SimdAccess.checkSse(c);
        int d = in.reg << 2;
        long mask = mask(length) << (index & 63);
        c.v[d] = Sse4Lanes.select(c.v[d], c.v[in.rm << 2] << (index & 63), mask);
        c.v[d + 1] = 0;
    }
}

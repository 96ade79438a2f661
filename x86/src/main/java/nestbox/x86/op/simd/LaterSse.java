package nestbox.x86.op.simd;

import nestbox.x86.Cpu;
import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;
import nestbox.x86.op.Operands;

/** Legacy encodings of SSE3, SSSE3, SSE4.1, SSE4.2, SSE4A, AES, PCLMULQDQ, SHA and GFNI. */
final class LaterSse {
    private LaterSse() {}

    /** The handler, or null if the mnemonic is none of these. */
    static Handler bind(Insn in, String mnemonic) {
        Handler handler = VectorInteger.bind(in, mnemonic);
        if (handler == null) {
            handler = VectorElements.bind(in, mnemonic);
        }
        if (handler == null) {
            handler = VectorFloat.bind(in, mnemonic);
        }
        if (handler == null) {
            handler = StringCompare.bind(mnemonic);
        }
        if (handler == null) {
            handler = Sse4a.bind(in, mnemonic);
        }
        return handler != null ? handler : moves(mnemonic);
    }

    private static Handler moves(String mnemonic) {
        switch (mnemonic) {
            case "LDDQU":
                return (c, in) -> load(c, in, false);
            case "MOVNTDQA":
                return (c, in) -> load(c, in, true);
            case "MOVDDUP":
                return LaterSse::movddup;
            case "MOVNTSS":
                return (c, in) -> storeScalar(c, in, 32);
            case "MOVNTSD":
                return (c, in) -> storeScalar(c, in, 64);
            default:
                return null;
        }
    }

    private static void load(Cpu c, Insn in, boolean aligned) {
        SimdAccess.checkSse(c);
        int s = SimdAccess.load128(c, in, aligned);
        Halves.set(c.v, in.reg << 2, c.v[s], c.v[s + 1]);
    }

    private static void movddup(Cpu c, Insn in) {
        SimdAccess.checkSse(c);
        long b = SimdAccess.sourceScalar(c, in, 64);
        Halves.set(c.v, in.reg << 2, b, b);
    }

    private static void storeScalar(Cpu c, Insn in, int bits) {
        SimdAccess.checkSse(c);
        c.mem.store(bits, Operands.linear(c, in, bits >> 3, true), Operands.faultSegment(in), c.v[in.reg << 2]);
    }
}

package nestbox.x86.op.simd;

import java.util.Arrays;
import nestbox.x86.Cpu;
import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;

/** Handlers of VEX-encoded vector instructions: AVX, AVX2, FMA, F16C and the VEX forms of earlier extensions. */
final class VexSemantics {
    private VexSemantics() {}

    /** The handler, or null if the mnemonic is none of these. */
    static Handler bind(Insn in) {
        String mnemonic = in.form.mnemonic();
        if (mnemonic.charAt(0) != 'V') {
            return null;
        }
        String base = mnemonic.substring(1);
        Handler handler = VectorInteger.bind(in, base);
        if (handler == null) {
            handler = VectorElements.bind(in, base);
        }
        if (handler == null) {
            handler = VectorFloat.bind(in, base);
        }
        if (handler == null) {
            handler = Fma.bind(base);
        }
        if (handler == null) {
            handler = VexConversions.bind(in, base);
        }
        return handler != null ? handler : moves(in, base);
    }

    private static Handler moves(Insn in, String base) {
        Handler handler = VexMoves.bind(in, base);
        if (handler == null) {
            handler = Permutes.bind(in, base);
        }
        if (handler == null) {
            handler = MaskedMoves.bind(in, base);
        }
        if (handler == null) {
            handler = Gathers.bind(in, base);
        }
        return handler != null ? handler : shared(base);
    }

    /** What changes no vector register works as in the legacy encoding. */
    private static Handler shared(String base) {
        switch (base) {
            case "COMISS":
                return (c, i) -> FloatSimd.comi(c, i, 32, true);
            case "COMISD":
                return (c, i) -> FloatSimd.comi(c, i, 64, true);
            case "UCOMISS":
                return (c, i) -> FloatSimd.comi(c, i, 32, false);
            case "UCOMISD":
                return (c, i) -> FloatSimd.comi(c, i, 64, false);
            case "CVTSS2SI":
            case "CVTTSS2SI":
            case "CVTSD2SI":
            case "CVTTSD2SI":
                return Conversions.bind(base);
            case "LDMXCSR":
            case "STMXCSR":
                return SimdSemantics.state(base);
            case "ZEROUPPER":
                return (c, i) -> zero(c, i, 2);
            case "ZEROALL":
                return (c, i) -> zero(c, i, 0);
            default:
                return StringCompare.bind(base);
        }
    }

    /** Clears the registers of the mode from lane {@code from} on. */
    private static void zero(Cpu c, Insn in, int from) {
        VectorAccess.checkAvx(c);
        int registers = in.codeSize == 64 ? 16 : 8;
        for (int i = 0; i < registers; i++) {
            Arrays.fill(c.v, 4 * i + from, 4 * i + 4, 0);
        }
    }
}

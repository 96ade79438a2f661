package nestbox.x86.op.simd;

import nestbox.x86.Cpu;
import nestbox.x86.Vector;
import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;
import nestbox.x86.op.Operands;

/** Handlers of MMX, SSE and AVX instructions and of those that save and restore their state. */
public final class SimdSemantics {
    private SimdSemantics() {}

    /** The handler, or null if {@code in} is another family's. */
    public static Handler bind(Insn in) {
        if (in.vexLength != 0) {
            return VexSemantics.bind(in);
        }
        String mnemonic = in.form.mnemonic();
        Handler handler = IntegerSimd.bind(in, mnemonic);
        if (handler == null) {
            handler = SimdMoves.bind(in, mnemonic);
        }
        if (handler == null) {
            handler = FloatSimd.bind(in, mnemonic);
        }
        if (handler == null) {
            handler = Conversions.bind(mnemonic);
        }
        if (handler == null) {
            handler = LaterSse.bind(in, mnemonic);
        }
        return handler != null ? handler : state(mnemonic);
    }

    static Handler state(String mnemonic) {
        switch (mnemonic) {
            case "EMMS":
                return SimdSemantics::emms;
            case "LDMXCSR":
                return SimdSemantics::ldmxcsr;
            case "STMXCSR":
                return SimdSemantics::stmxcsr;
            default:
                return ExtendedState.bind(mnemonic);
        }
    }

    private static void emms(Cpu c, Insn in) {
        SimdAccess.checkMmx(c);
        c.fpu.top = 0;
        c.fpu.used = 0;
    }

    private static void ldmxcsr(Cpu c, Insn in) {
        VectorAccess.check(c, in);
        long value = c.mem.load32(Operands.linear(c, in, 4, false), Operands.faultSegment(in));
        if ((value & ~ExtendedState.mxcsrMask(c)) != 0) {
            throw c.raise(Vector.GP, 0);
        }
        c.mxcsr = (int) value;
    }

    private static void stmxcsr(Cpu c, Insn in) {
        VectorAccess.check(c, in);
        c.mem.store32(Operands.linear(c, in, 4, true), Operands.faultSegment(in), c.mxcsr);
    }
}

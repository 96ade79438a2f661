package nestbox.x86.op;

import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;
import nestbox.x86.op.simd.SimdSemantics;
import nestbox.x86.op.x87.X87Semantics;

/** x87, MMX and SSE instructions. */
final class FpSemantics {
    private FpSemantics() {}

    static Handler bind(Insn in) {
        Handler handler = X87Semantics.bind(in);
        return handler != null ? handler : SimdSemantics.bind(in);
    }
}

package nestbox.x86.op;

import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;
import nestbox.x86.op.x87.X87Semantics;

/** x87, MMX and SSE instructions. */
final class FpSemantics {
    private FpSemantics() {}

    static Handler bind(Insn in) {
        return X87Semantics.bind(in);
    }
}

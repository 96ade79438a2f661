package nestbox.x86.op;

import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;

/** General-purpose instructions that are neither privileged nor floating-point. */
final class IntegerSemantics {
    private IntegerSemantics() {}

    static Handler bind(Insn in) {
        return null;
    }
}

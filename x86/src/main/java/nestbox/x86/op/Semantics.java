package nestbox.x86.op;

import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;

/** Chooses the handler of a decoded instruction: each family answers for its mnemonics and gives null for the others'. */
public final class Semantics {
    private Semantics() {}

    /** The handler of {@code in}, whose form, operands and sizes are decoded; null if no family has the instruction. */
    public static Handler bind(Insn in) {
        Handler handler = IntegerSemantics.bind(in);
        if (handler == null) {
            handler = SystemSemantics.bind(in);
        }
        return handler != null ? handler : FpSemantics.bind(in);
    }
}

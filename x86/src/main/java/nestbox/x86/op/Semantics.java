package nestbox.x86.op;

import nestbox.core.UnsupportedFeatureException;
import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;

/** Chooses the handler of a decoded instruction: each family answers for its mnemonics and gives null for the others'. */
public final class Semantics {
    private Semantics() {}

    /**
     * The handler of {@code in}, whose form, operands and sizes are decoded. A row of the instruction table that no family
     * knows gives a handler that refuses by name.
     */
    public static Handler bind(Insn in) {
        Handler handler = IntegerSemantics.bind(in);
        if (handler == null) {
            handler = SystemSemantics.bind(in);
        }
        if (handler == null) {
            handler = FpSemantics.bind(in);
        }
        return handler != null ? handler : refusal(in.form.mnemonic());
    }

    private static Handler refusal(String mnemonic) {
        return (c, in) -> {
            throw new UnsupportedFeatureException(mnemonic, "the instruction has an encoding but no semantics");
        };
    }
}

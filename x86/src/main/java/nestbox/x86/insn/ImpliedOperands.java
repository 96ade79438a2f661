package nestbox.x86.insn;

import java.util.ArrayList;
import java.util.List;

/** Operands that assembly source may leave out. */
final class ImpliedOperands {
    private static final Arg ST0 = new Arg.Register("st0", Arg.Type.X87, 0, 80);
    private static final Arg ST1 = new Arg.Register("st1", Arg.Type.X87, 1, 80);
    private static final Arg XMM0 = new Arg.Register("xmm0", Arg.Type.VECTOR, 0, 128);
    private static final Arg TEN = new Arg.Immediate(Expression.of(10), 0, false);

    private ImpliedOperands() {}

    /** All operands of the row, or null if their number does not fit. */
    static List<Arg> complete(Form form, List<Arg> args) {
        List<Operand> kinds = form.kinds();
        if (form.string()) {
            return args.isEmpty() ? List.of() : null;
        }
        if (args.size() == kinds.size()) {
            return args;
        }
        List<Arg> all = new ArrayList<>(args);
        int missing = kinds.size() - args.size();
        if (missing == 1 && kinds.get(kinds.size() - 1).kind() == Operand.Kind.FIXED_VECTOR) {
            all.add(XMM0);
        } else if (missing == 1 && kinds.get(0).kind() == Operand.Kind.STACK_TOP) {
            all.add(0, ST0);
        } else if (missing == 1 && kinds.size() == 2 && kinds.get(1).kind() == Operand.Kind.STACK_TOP) {
            all.add(ST0);
        } else if (args.isEmpty() && kinds.get(0).kind() == Operand.Kind.STACK) {
            all.add(ST1);
            if (missing == 2) {
                all.add(ST0);
            }
        } else if (args.isEmpty() && form.mnemonic().startsWith("AA")) {
            all.add(TEN);
        } else {
            return null;
        }
        return all;
    }
}

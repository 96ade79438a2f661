package nestbox.x86.op;

import nestbox.x86.insn.Insn;

/**
 * Reads the operand kinds of the instruction table at bind time. A kind is a letter for the place (E and M: the r/m operand,
 * G: ModRM.reg, Z: the register in the opcode, B: VEX.vvvv, O: moffs, I: immediate, J: branch displacement; or a register's
 * name) and one for the width (b, w, d, q; v, y, z: by the operand size).
 */
public final class Kinds {
    private Kinds() {}

    public static int count(Insn in) {
        return in.form.operands().size();
    }

    public static String kind(Insn in, int i) {
        return i < count(in) ? in.form.operands().get(i) : "";
    }

    private static boolean named(Insn in, int i) {
        String kind = kind(in, i);
        return kind.length() > 1 && (Character.isUpperCase(kind.charAt(1)) || Character.isDigit(kind.charAt(1)));
    }

    /** The r/m or moffs operand. */
    public static boolean isRm(Insn in, int i) {
        return starts(in, i, "EMRO");
    }

    /** A register that {@link Insn#reg} names. */
    public static boolean isReg(Insn in, int i) {
        return starts(in, i, "GZ");
    }

    public static boolean isImmediate(Insn in, int i) {
        return starts(in, i, "I") || isOne(in, i);
    }

    /** The constant 1 of shifts, which has no bytes in the code. */
    public static boolean isOne(Insn in, int i) {
        return kind(in, i).equals("1");
    }

    /** AL, AX, EAX or RAX by the operand size. */
    public static boolean isAccumulator(Insn in, int i) {
        String kind = kind(in, i);
        return kind.equals("AL") || kind.endsWith("AX");
    }

    /** A near target: the r/m operand itself and not a far pointer in memory (Mp, Ep) or in the code (Ap). */
    public static boolean isNear(Insn in, int i) {
        return isRm(in, i) && !kind(in, i).endsWith("p");
    }

    public static boolean isRelative(Insn in, int i) {
        return starts(in, i, "J");
    }

    private static boolean starts(Insn in, int i, String letters) {
        String kind = kind(in, i);
        return !kind.isEmpty() && !named(in, i) && !isAccumulator(in, i) && letters.indexOf(kind.charAt(0)) >= 0;
    }

    /** Width in bits of operand {@code i}. */
    public static int bits(Insn in, int i) {
        String kind = kind(in, i);
        switch (kind.isEmpty() ? 'v' : kind.charAt(kind.length() - 1)) {
            case 'b':
            case 'L':
                return 8;
            case 'w':
                return 16;
            case 'd':
                return 32;
            case 'q':
                return 64;
            default:
                return in.size;
        }
    }
}

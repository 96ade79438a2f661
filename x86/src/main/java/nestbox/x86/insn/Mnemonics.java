package nestbox.x86.insn;

import java.util.Locale;

/** How a decoded instruction's mnemonic is written: in lower case, with a letter for the width where the table says so. */
final class Mnemonics {
    private Mnemonics() {}

    static String text(Insn in) {
        Form form = in.form;
        String name = form.mnemonic().toLowerCase(Locale.ROOT);
        if (form.is(Attribute.SUFFIX64)) {
            return in.w ? name + (name.startsWith("sys") ? "q" : "64") : name;
        }
        if (form.is(Attribute.SUFFIX)) {
            boolean plain = form.kinds().isEmpty() || form.kinds().get(0).kind() == Operand.Kind.IMMEDIATE;
            boolean implied = plain && in.size == defaultSize(form, in.codeSize);
            return implied ? name : name + letter(in.size);
        }
        return switch (name) {
            case "jmpf" -> "jmp";
            case "callf" -> "call";
            case "xlat" -> "xlatb";
            default -> name;
        };
    }

    /** Operand size without prefixes. */
    static int defaultSize(Form form, int codeSize) {
        boolean wide = form.is(Attribute.D64) || form.is(Attribute.N64) || form.is(Attribute.F64);
        return codeSize == 64 && !wide ? 32 : codeSize;
    }

    static char letter(int size) {
        return switch (size) {
            case 8 -> 'b';
            case 16 -> 'w';
            case 32 -> 'd';
            default -> 'q';
        };
    }
}

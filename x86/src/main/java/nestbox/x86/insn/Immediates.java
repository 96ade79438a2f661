package nestbox.x86.insn;

/** Immediate operands: the bytes behind ModRM and displacement. */
final class Immediates {
    private Immediates() {}

    /** Reads all of them into {@code in}; false if bytes are lacking. */
    static boolean read(Insn in, Bytes bytes, Operand[] operands, int operandSize) {
        int filled = 0;
        for (Operand operand : operands) {
            int count = bytes(operand, in, operandSize);
            if (!bytes.take(count)) {
                return false;
            }
            long value = bytes.taken(count);
            switch (operand.kind()) {
                case OFFSET -> {
                    in.memory = true;
                    in.disp = in.addressSize == 64 ? value : value & (1L << in.addressSize) - 1;
                }
                case FAR -> {
                    in.imm = value & (1L << operandSize) - 1;
                    if (!bytes.take(2)) {
                        return false;
                    }
                    in.imm2 = bytes.taken(2) & 0xffff;
                    filled = 2;
                }
                default -> {
                    long extended = extend(operand, value);
                    if (filled++ == 0) {
                        in.imm = extended;
                    } else {
                        in.imm2 = extended;
                    }
                }
            }
        }
        return true;
    }

    /** Number of bytes of an immediate (of a far pointer's offset). */
    static int bytes(Operand operand, Insn in, int operandSize) {
        return switch (operand.kind()) {
            case OFFSET -> in.addressSize >> 3;
            case FAR -> operandSize >> 3;
            case VECTOR_IMMEDIATE -> 1;
            default -> operand.width().bits(operandSize, in.addressSize, 0) >> 3;
        };
    }

    private static long extend(Operand operand, long value) {
        if (operand.kind() == Operand.Kind.RELATIVE || operand.signed()) {
            return value;
        }
        return switch (operand.width()) {
            case B -> value & 0xff;
            case W -> value & 0xffff;
            default -> value;
        };
    }
}

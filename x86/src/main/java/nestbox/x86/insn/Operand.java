package nestbox.x86.insn;

import java.util.List;
import java.util.Locale;

/**
 * An operand of a row, in the notation of the manuals' opcode maps: addressing method and width ({@code Ev}), two widths where
 * register and memory differ ({@code Rv/Mw}), or a fixed register ({@code AL}, {@code rAX}).
 *
 * @param name as the table writes it
 * @param width width of a register or immediate, and of memory unless {@link #memoryWidth} differs
 * @param fixed number of the fixed register, or -1
 * @param signed a byte immediate that is sign-extended
 */
record Operand(String name, Kind kind, Width width, Width memoryWidth, int fixed, boolean signed) {
    /** Addressing methods; the letter is the manuals'. */
    enum Kind {
        /** E: general register or memory by ModRM. */
        RM,
        /** R: general register by ModRM.rm. */
        RM_REGISTER,
        /** M: memory by ModRM. */
        MEMORY,
        /** G: general register by ModRM.reg. */
        REG,
        /** Z: general register in the opcode. */
        OPCODE_REG,
        /** B: general register by VEX.vvvv. */
        VVVV,
        /** I: immediate. */
        IMMEDIATE,
        /** J: relative branch target. */
        RELATIVE,
        /** A: far pointer. */
        FAR,
        /** O: memory by an absolute offset. */
        OFFSET,
        /** S: segment register. */
        SEGMENT,
        /** C: control register. */
        CONTROL,
        /** D: debug register. */
        DEBUG,
        /** X: string source, DS:rSI. */
        SOURCE,
        /** Y: string destination, ES:rDI. */
        DESTINATION,
        /** V: vector register by ModRM.reg. */
        VECTOR,
        /** W: vector register or memory by ModRM. */
        VECTOR_RM,
        /** U: vector register by ModRM.rm. */
        VECTOR_RM_REGISTER,
        /** H: vector register by VEX.vvvv. */
        VECTOR_VVVV,
        /** L: vector register by the upper half of an immediate byte. */
        VECTOR_IMMEDIATE,
        /** P: MMX register by ModRM.reg. */
        MMX,
        /** Q: MMX register or memory by ModRM. */
        MMX_RM,
        /** N: MMX register by ModRM.rm. */
        MMX_RM_REGISTER,
        /** STi: x87 register by ModRM.rm. */
        STACK,
        /** ST0. */
        STACK_TOP,
        /** A fixed general register. */
        FIXED,
        /** A fixed segment register. */
        FIXED_SEGMENT,
        /** XMM0. */
        FIXED_VECTOR,
        /** The constant 1. */
        ONE
    }

    private static final List<String> SEGMENTS = List.of("ES", "CS", "SS", "DS", "FS", "GS");

    static Operand parse(String name) {
        int fixed = fixedRegister(name);
        if (fixed >= 0) {
            char first = name.charAt(0);
            Width width = first == 'r' ? Width.V : first == 'e' ? Width.Z : name.endsWith("L") ? Width.B : Width.W;
            return new Operand(name, Kind.FIXED, width, width, fixed, false);
        }
        int segment = SEGMENTS.indexOf(name);
        if (segment >= 0) {
            return new Operand(name, Kind.FIXED_SEGMENT, Width.W, Width.W, segment, false);
        }
        switch (name) {
            case "1":
                return new Operand(name, Kind.ONE, Width.NONE, Width.NONE, -1, false);
            case "ST0":
                return new Operand(name, Kind.STACK_TOP, Width.NONE, Width.NONE, 0, false);
            case "STi":
                return new Operand(name, Kind.STACK, Width.NONE, Width.NONE, -1, false);
            case "XMM0":
                return new Operand(name, Kind.FIXED_VECTOR, Width.DQ, Width.DQ, 0, false);
            default:
                break;
        }
        int slash = name.indexOf('/');
        String register = slash < 0 ? name : name.substring(0, slash);
        Width width = Width.of(register.substring(1).toLowerCase(Locale.ROOT));
        Width memory = slash < 0 ? width : Width.of(name.substring(slash + 2));
        Kind kind = kind(register.charAt(0));
        if (slash >= 0) {
            kind = kind == Kind.RM_REGISTER ? Kind.RM : kind == Kind.VECTOR_RM_REGISTER ? Kind.VECTOR_RM : Kind.MMX_RM;
        }
        return new Operand(name, kind, width, memory, -1, register.equals("Ibs"));
    }

    private static int fixedRegister(String name) {
        return switch (name) {
            case "AL", "AX", "rAX", "eAX" -> 0;
            case "CL" -> 1;
            case "DX" -> 2;
            default -> -1;
        };
    }

    private static Kind kind(char letter) {
        return switch (letter) {
            case 'E' -> Kind.RM;
            case 'R' -> Kind.RM_REGISTER;
            case 'M' -> Kind.MEMORY;
            case 'G' -> Kind.REG;
            case 'Z' -> Kind.OPCODE_REG;
            case 'B' -> Kind.VVVV;
            case 'I' -> Kind.IMMEDIATE;
            case 'J' -> Kind.RELATIVE;
            case 'A' -> Kind.FAR;
            case 'O' -> Kind.OFFSET;
            case 'S' -> Kind.SEGMENT;
            case 'C' -> Kind.CONTROL;
            case 'D' -> Kind.DEBUG;
            case 'X' -> Kind.SOURCE;
            case 'Y' -> Kind.DESTINATION;
            case 'V' -> Kind.VECTOR;
            case 'W' -> Kind.VECTOR_RM;
            case 'U' -> Kind.VECTOR_RM_REGISTER;
            case 'H' -> Kind.VECTOR_VVVV;
            case 'L' -> Kind.VECTOR_IMMEDIATE;
            case 'P' -> Kind.MMX;
            case 'Q' -> Kind.MMX_RM;
            case 'N' -> Kind.MMX_RM_REGISTER;
            default -> throw new IllegalArgumentException("operand kind " + letter);
        };
    }

    /** Whether ModRM.rm addresses it. */
    boolean isRm() {
        return switch (kind) {
            case RM, RM_REGISTER, MEMORY, VECTOR_RM, VECTOR_RM_REGISTER, MMX_RM, MMX_RM_REGISTER, STACK -> true;
            default -> false;
        };
    }

    /** Whether it can only be a register by ModRM.rm. */
    boolean isRmRegister() {
        return kind == Kind.RM_REGISTER
                || kind == Kind.VECTOR_RM_REGISTER
                || kind == Kind.MMX_RM_REGISTER
                || kind == Kind.STACK;
    }

    /** Whether its width is the instruction's operand size, if an earlier operand has not said so. */
    boolean decidesSize() {
        return switch (kind) {
            case RM, RM_REGISTER, REG, OPCODE_REG, VVVV, OFFSET, SOURCE, DESTINATION -> true;
            case FIXED -> fixed == 0;
            default -> false;
        };
    }

    boolean isVector() {
        return switch (kind) {
            case VECTOR, VECTOR_RM, VECTOR_RM_REGISTER, VECTOR_VVVV, VECTOR_IMMEDIATE, FIXED_VECTOR -> true;
            default -> false;
        };
    }

    boolean isMmx() {
        return kind == Kind.MMX || kind == Kind.MMX_RM || kind == Kind.MMX_RM_REGISTER;
    }
}

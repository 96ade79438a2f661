package nestbox.x86.insn;

import java.util.ArrayList;
import java.util.List;

/**
 * What the decoder must know about a row's operands.
 *
 * @param size width that gives {@link Insn#size}
 * @param rmRegister width of the r/m operand as a register
 * @param rmMemory width of the memory operand
 * @param eightRegs ModRM.reg names one of eight registers, whatever REX says (segment and MMX registers)
 * @param eightRms the same for ModRM.rm (MMX and x87 registers)
 * @param vvvv VEX.vvvv names an operand
 * @param immediates the operands that follow as immediate bytes, or null
 */
record Shape(
        Width size,
        Width rmRegister,
        Width rmMemory,
        boolean eightRegs,
        boolean eightRms,
        boolean vvvv,
        Operand[] immediates) {

    static Shape of(List<Operand> operands) {
        Width rmRegister = Width.NONE;
        Width rmMemory = Width.NONE;
        boolean eightRegs = false;
        boolean eightRms = false;
        boolean vvvv = false;
        for (Operand operand : operands) {
            Operand.Kind kind = operand.kind();
            if (operand.isRm() || kind == Operand.Kind.OFFSET) {
                rmRegister = operand.width();
                rmMemory = operand.memoryWidth();
            }
            eightRegs |= kind == Operand.Kind.SEGMENT || kind == Operand.Kind.MMX;
            eightRms |=
                    kind == Operand.Kind.MMX_RM || kind == Operand.Kind.MMX_RM_REGISTER || kind == Operand.Kind.STACK;
            vvvv |= kind == Operand.Kind.VVVV || kind == Operand.Kind.VECTOR_VVVV;
        }
        return new Shape(size(operands), rmRegister, rmMemory, eightRegs, eightRms, vvvv, immediates(operands));
    }

    /** The first general register or r/m decides; then vectors, MMX, and memory of a fixed width; else the operand size. */
    private static Width size(List<Operand> operands) {
        for (Operand operand : operands) {
            if (operand.decidesSize() && operand.width() != Width.NONE) {
                return operand.width();
            }
        }
        Width width = Width.V;
        for (Operand operand : operands) {
            if (operand.isVector()) {
                return Width.X;
            }
            if (operand.isMmx()) {
                width = Width.Q;
            } else if (operand.kind() == Operand.Kind.MEMORY
                    && operand.width().ordinal() <= Width.QQ.ordinal()
                    && operand.width() != Width.NONE
                    && width == Width.V) {
                width = operand.width();
            }
        }
        return width;
    }

    private static Operand[] immediates(List<Operand> operands) {
        List<Operand> found = new ArrayList<>();
        for (Operand operand : operands) {
            if (isImmediate(operand)) {
                found.add(operand);
            }
        }
        return found.isEmpty() ? null : found.toArray(new Operand[0]);
    }

    private static boolean isImmediate(Operand operand) {
        return switch (operand.kind()) {
            case IMMEDIATE, RELATIVE, FAR, OFFSET, VECTOR_IMMEDIATE -> true;
            default -> false;
        };
    }
}

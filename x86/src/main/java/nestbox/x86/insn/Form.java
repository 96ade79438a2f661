package nestbox.x86.insn;

import java.util.List;
import nestbox.x86.model.Feature;

/**
 * One row of the instruction table: one encoding of one instruction.
 *
 * @param mnemonic Intel's mnemonic in capitals. Conditions have one name each (B, AE, E, NE, BE, A, P, NP, L, GE, LE, G...).
 *     What differs by width alone has one name, and its width in {@link Insn#size}: {@code MOVS}, {@code CMPS}, {@code STOS},
 *     {@code LODS}, {@code SCAS}, {@code INS}, {@code OUTS}, {@code PUSHF}, {@code POPF}, {@code PUSHA}, {@code POPA},
 *     {@code IRET}. Far transfers are {@code JMPF}, {@code CALLF} and {@code RETF}
 * @param operands the operands' kinds in Intel order (destination first), in the table's notation: Ev, Gv, Ib, Wx...
 * @param feature what the processor must have, or null
 * @param attributes bits of {@link Attribute}
 * @param encoding opcode and what it demands of prefixes and ModRM
 * @param kinds the operands, parsed
 * @param shape what the decoder needs to know about the operands
 * @param notation the encoding as the table writes it
 */
public record Form(
        String mnemonic,
        List<String> operands,
        Feature feature,
        int attributes,
        Encoding encoding,
        List<Operand> kinds,
        Shape shape,
        String notation) {

    boolean is(int attribute) {
        return (attributes & attribute) != 0;
    }

    /** The instruction may change control flow, mode or pending events: it is the last of its block. */
    public boolean endsBlock() {
        return is(Attribute.END);
    }

    /** LOCK is permitted when the destination is memory. */
    public boolean lockable() {
        return is(Attribute.LOCK);
    }

    /** Needs CPL 0 (the handler checks it: other faults and intercepts may come first). */
    public boolean privileged() {
        return is(Attribute.CPL0);
    }

    /** Whether the first operand is the r/m operand (a store form where the second is a register). */
    public boolean rmFirst() {
        return !kinds.isEmpty() && kinds.get(0).isRm();
    }

    /** Whether it is a string instruction: its memory operands are implicit. */
    boolean string() {
        for (Operand operand : kinds) {
            if (operand.kind() == Operand.Kind.SOURCE || operand.kind() == Operand.Kind.DESTINATION) {
                return true;
            }
        }
        return false;
    }

    @Override
    public String toString() {
        return mnemonic + " " + String.join(", ", operands);
    }
}

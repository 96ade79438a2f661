package nestbox.x86.insn;

import java.util.List;
import nestbox.x86.model.Feature;

/**
 * One row of the instruction table: one encoding of one instruction.
 *
 * @param mnemonic Intel's mnemonic in capitals
 * @param operands the operands' kinds in Intel order (destination first), in the table's notation: Ev, Gv, Ib, Wx...
 * @param feature what the processor must have, or null
 * @param endsBlock the instruction may change control flow, mode or pending events: it is the last of its block
 */
public record Form(String mnemonic, List<String> operands, Feature feature, boolean endsBlock) {
    /** Whether the first operand is the r/m operand (a store form where the second is a register). */
    public boolean rmFirst() {
        return !operands.isEmpty() && "EWQMR".indexOf(operands.get(0).charAt(0)) >= 0;
    }
}

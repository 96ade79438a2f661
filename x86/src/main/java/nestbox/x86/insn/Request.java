package nestbox.x86.insn;

import java.util.List;
import java.util.function.ToLongFunction;

/**
 * An instruction to encode.
 *
 * @param mnemonic in lower case
 * @param prefixes prefix bytes that are written before it (F0, F2, F3, segment overrides)
 * @param operandBits operand size that a prefix word asks for ({@code o16}), or 0
 * @param addressBits address size that a prefix word asks for ({@code a32}), or 0
 */
record Request(String mnemonic, List<Arg> args, List<Integer> prefixes, int operandBits, int addressBits) {
    /** Where and for what the instruction is encoded. */
    record Place(int codeSize, long address, ToLongFunction<String> symbols) {}
}

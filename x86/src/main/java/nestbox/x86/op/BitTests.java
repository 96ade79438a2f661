package nestbox.x86.op;

import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;

/**
 * BT, BTS, BTR and BTC (SDM Vol. 2). CF alone changes. A bit offset in a register reaches beyond a memory operand: it
 * addresses a bit string.
 */
final class BitTests {
    /** What becomes of the bit. */
    @FunctionalInterface
    interface Change {
        long apply(long value, long bit);
    }

    private BitTests() {}

    static Handler bind(Insn in) {
        switch (in.form.mnemonic()) {
            case "BT":
                return test(in);
            case "BTS":
                return change(in, (value, bit) -> value | bit);
            case "BTR":
                return change(in, (value, bit) -> value & ~bit);
            case "BTC":
                return change(in, (value, bit) -> value ^ bit);
            default:
                return null;
        }
    }

    private static long bit(Cpu c, Insn in, boolean immediate) {
        long offset = immediate ? in.imm : c.r[in.reg];
        return 1L << (offset & (in.size - 1));
    }

    private static Handler test(Insn in) {
        boolean immediate = Kinds.isImmediate(in, 1);
        if (!in.memory) {
            return (c, i) -> Flags.setCf(c, (c.r[i.rm] & bit(c, i, immediate)) != 0);
        }
        return (c, i) -> {
            long value = c.mem.load(i.size, linear(c, i, immediate, false), Operands.faultSegment(i));
            Flags.setCf(c, (value & bit(c, i, immediate)) != 0);
        };
    }

    private static Handler change(Insn in, Change change) {
        boolean immediate = Kinds.isImmediate(in, 1);
        if (!in.memory) {
            return (c, i) -> {
                long value = c.r[i.rm];
                long bit = bit(c, i, immediate);
                Operands.setReg(c, i, i.rm, i.size, change.apply(value, bit));
                Flags.setCf(c, (value & bit) != 0);
            };
        }
        return (c, i) -> {
            long linear = linear(c, i, immediate, true);
            int seg = Operands.faultSegment(i);
            long bit = bit(c, i, immediate);
            long value = c.mem.loadForWrite(i.size, linear, seg);
            c.mem.store(i.size, linear, seg, change.apply(value, bit));
            Flags.setCf(c, (value & bit) != 0);
        };
    }

    /** Address of the word, doubleword or quadword that holds the bit. */
    static long linear(Cpu c, Insn in, boolean immediate, boolean write) {
        int bytes = in.size >> 3;
        if (immediate) {
            return Operands.linear(c, in, bytes, write);
        }
        long words = Operands.signExtend(c.r[in.reg], in.size) >> (Integer.numberOfTrailingZeros(in.size));
        long offset = Operands.zeroExtend(Operands.offset(c, in) + words * bytes, in.addressSize);
        return Operands.linearAt(c, in, in.seg, offset, bytes, write);
    }
}

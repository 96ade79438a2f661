package nestbox.x86.engine;

import nestbox.x86.Reg;
import nestbox.x86.insn.Insn;

/**
 * An instruction as the {@link BlockInterpreter} executes it, packed into two words: what the hot loop reads of an {@link Insn}.
 * The {@link UopSelector} fills it in; an immediate or displacement of more than 32 bits is left to the handler.
 */
final class Op {
    /** Bit positions in the first word, above the {@link Uop}. */
    static final int DST = 8;

    static final int SRC = 16;
    /** The base register of a memory operand; a form without one has its condition code here. */
    static final int BASE = 24;

    static final int IMM = 32;

    /** Bit positions in the second word, above the index register. */
    static final int SCALE = 8;
    /** Offset of the next instruction from the start of the block. */
    static final int NEXT = 16;

    static final int DISP = 32;

    /** The specialised code, or {@link Uop#HANDLER}. */
    int uop = Uop.HANDLER;

    /** Destination register; the operation, a {@link Uop}, of a read-modify-write form. */
    int dst = Reg.ZERO;

    /** Source register; the operation of an ALU form that loads its source. */
    int src = Reg.ZERO;

    int base;
    /** Immediate of the source (0 if that is a register), or a relative branch's target, counted from the start of the block. */
    int imm;

    private final Insn insn;

    Op(Insn insn) {
        this.insn = insn;
        this.base = insn.base;
        this.imm = (int) insn.imm;
    }

    long first() {
        return (long) imm << IMM | (long) base << BASE | src << SRC | dst << DST | uop;
    }

    long second() {
        return insn.disp << DISP | (long) insn.next << NEXT | insn.scale << SCALE | insn.index;
    }
}

package nestbox.x86.engine;

import nestbox.x86.insn.Insn;

/**
 * An instruction as the {@link BlockInterpreter} executes it: what the hot loop reads of an {@link Insn}, in one cache line.
 * The {@link UopSelector} fills it in; an immediate or displacement of more than 32 bits is left to the handler.
 */
final class Op {
    final Insn insn;
    /** Immediate of the source (0 if that is a register), or a relative branch's target, counted from the start of the block. */
    int imm;

    final int disp;
    /** Offset of the next instruction from the start of the block. */
    final short next;

    /** The specialised code, or {@link Uop#HANDLER}. */
    byte uop = Uop.HANDLER;

    byte dst;
    byte src;
    /** Condition code of a conditional form; the operation, a {@link Uop}, of an ALU form with a memory operand. */
    byte detail;

    final byte base;
    final byte index;
    final byte scale;
    final byte seg;
    /** Segment that a fault of the memory operand blames. */
    final byte faultSeg;

    Op(Insn insn) {
        this.insn = insn;
        this.imm = (int) insn.imm;
        this.disp = (int) insn.disp;
        this.next = (short) insn.next;
        this.base = (byte) insn.base;
        this.index = (byte) insn.index;
        this.scale = (byte) insn.scale;
        this.seg = (byte) insn.seg;
        this.faultSeg = (byte) (insn.stackSegment ? nestbox.x86.Reg.SS : insn.seg);
    }
}

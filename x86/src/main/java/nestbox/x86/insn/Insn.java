package nestbox.x86.insn;

/** One decoded instruction: the form of the instruction table with the operands' registers, sizes and immediates. */
public final class Insn {
    /** Segment number that stands for "no segmentation": base 0, no limit (64-bit mode's ES, CS, SS and DS). */
    public static final int FLAT = 8;

    public Form form;
    /** Executes the instruction; chosen from the form at decode time. */
    public Handler handler;

    /** Length in bytes, 1 to 15. */
    public int length;
    /** Offset of the next instruction from the start of the block. */
    public int next;

    /**
     * Operand size in bits. It is the width of the first general-register or r/m operand (so 32 or 64 for CVTSD2SI, MOVD and
     * their like, the destination's width for MOVZX); without one the vector length for SSE and AVX forms (128, 256), 64 for
     * MMX forms, the memory operand's width for x87 and others with a fixed one (16, 32, 64, 80, 128), and else the operand
     * size that follows from mode and prefixes (16, 32, 64), as for far pointers, stack and descriptor-table instructions.
     */
    public int size;
    /** Operand size that follows from mode, prefixes and the form's defaults: 16, 32, 64. */
    public int operandSize;
    /** Width in bits of the r/m (or moffs) operand: source of MOVZX, memory part of PINSRW; 0 where it has none (LEA). */
    public int rmSize;
    /** Address size in bits. */
    public int addressSize;
    /** Code size of the mode that it was decoded for: 16, 32 or 64. */
    public int codeSize;

    public boolean lock;
    /** F3 prefix, where it is not part of the opcode. */
    public boolean rep;
    /** F2 prefix, where it is not part of the opcode. */
    public boolean repne;
    /** The last segment override is 3Eh: NOTRACK before an indirect branch. */
    public boolean noTrack;
    /** REX, VEX or EVEX was present (byte registers 4-7 are then SPL, BPL, SIL, DIL). */
    public boolean rex;
    /** REX.W, VEX.W. */
    public boolean w;
    /** VEX.vvvv as a register number. */
    public int vvvv;
    /** 0 for legacy encoding, else the vector length in bits: 128 or 256. */
    public int vexLength;

    /** Register number of ModRM.reg (with REX.R), or of the register in the opcode (with REX.B). */
    public int reg;
    /** Register number of ModRM.rm (with REX.B) when {@link #memory} is false. */
    public int rm;
    /** The raw ModRM byte, 0 without one. */
    public int modrm;
    /** The opcode's last byte. */
    public int opcode;

    /** Whether the r/m operand (or the moffs operand) lies in memory. */
    public boolean memory;
    /**
     * Segment of the memory operand after overrides: ES..GS, and in 64-bit mode FS, GS or {@link #FLAT}. Set for every
     * instruction, so that those with implicit memory operands (strings, XLAT, MONITOR, MASKMOVQ) find their override here; DS
     * is their default. For faults and limits: a {@code FLAT} access relative to RSP or RBP faults with #SS, which
     * {@link #stackSegment} tells.
     */
    public int seg;

    public boolean stackSegment;
    /** Base register, {@link nestbox.x86.Reg#ZERO} or {@link nestbox.x86.Reg#BLOCK_RIP}. */
    public int base;
    /** Index register or {@link nestbox.x86.Reg#ZERO}. */
    public int index;
    /** Log2 of the scale. */
    public int scale;
    /** Displacement, sign-extended; RIP-relative ones already count from the block's start. */
    public long disp;

    /**
     * First immediate: {@code Ib} and {@code Iw} zero-extended, {@code Ibs}, {@code Iz} and branch displacements sign-extended;
     * the offset of a far pointer.
     */
    public long imm;
    /** Second immediate (ENTER's level, far pointers' selector, EXTRQ). */
    public long imm2;

    @Override
    public String toString() {
        return form == null ? "(bad)" : form.toString();
    }
}

package nestbox.x86.insn;

/** Attributes of a row of the instruction table, as bits of {@link Form#attributes}; the table writes them in lower case. */
final class Attribute {
    /** LOCK is permitted when the destination is memory. */
    static final int LOCK = 1;
    /** May change control flow, mode or pending events: the last instruction of its block. */
    static final int END = 1 << 1;
    /** Needs CPL 0. */
    static final int CPL0 = 1 << 2;
    /** Without its feature the bytes mean the next matching row, instead of #UD. */
    static final int ELSE = 1 << 3;
    /** Operand size 64 by default in 64-bit mode; 66h makes it 16. */
    static final int D64 = 1 << 4;
    /** Near branch: operand size 64 in 64-bit mode; Intel ignores 66h, AMD then takes 16 bits. */
    static final int N64 = 1 << 5;
    /** Operand size 64 in 64-bit mode, whatever the prefixes. */
    static final int F64 = 1 << 6;
    /** The mnemonic is written with a letter for the operand size: b, w, d, q. */
    static final int SUFFIX = 1 << 7;
    /** The mnemonic is written with 64 when REX.W is present. */
    static final int SUFFIX64 = 1 << 8;
    /** A second encoding that the assembler never chooses. */
    static final int ALIAS = 1 << 9;
    /** ModRM.mod is ignored: r/m is a register. */
    static final int ANYMOD = 1 << 10;
    /** AMD's alternative encoding of CR8: LOCK with MOV CR0. */
    static final int CR8 = 1 << 11;
    /** Only with a REP or REPNE prefix that repeats it. */
    static final int REP = 1 << 12;
    /** Not in 64-bit mode. */
    static final int I64 = 1 << 13;
    /** Only in 64-bit mode. */
    static final int ONLY64 = 1 << 14;

    static final int INTEL = 1 << 15;
    static final int AMD = 1 << 16;
    /** The memory operand has a SIB byte whose index is a vector register of the vector length; the address size is not 16. */
    static final int VSIB = 1 << 17;
    /** The same with an XMM register, whatever the vector length. */
    static final int VSIBX = 1 << 18;

    private Attribute() {}

    /** The bit of that name, or 0. */
    static int byName(String name) {
        return switch (name) {
            case "lock" -> LOCK;
            case "end" -> END;
            case "cpl0" -> CPL0;
            case "else" -> ELSE;
            case "d64" -> D64;
            case "n64" -> N64;
            case "f64" -> F64;
            case "suffix" -> SUFFIX;
            case "suffix64" -> SUFFIX64;
            case "alias" -> ALIAS;
            case "anymod" -> ANYMOD;
            case "cr8" -> CR8;
            case "rep" -> REP;
            case "i64" -> I64;
            case "only64" -> ONLY64;
            case "intel" -> INTEL;
            case "amd" -> AMD;
            case "vsib" -> VSIB;
            case "vsibx" -> VSIBX;
            default -> 0;
        };
    }
}

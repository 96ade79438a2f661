package nestbox.x86;

/** Numbers of the registers in {@link Cpu#r} and of the segment registers in {@link Cpu#selector} and its siblings. */
public final class Reg {
    public static final int RAX = 0;
    public static final int RCX = 1;
    public static final int RDX = 2;
    public static final int RBX = 3;
    public static final int RSP = 4;
    public static final int RBP = 5;
    public static final int RSI = 6;
    public static final int RDI = 7;
    public static final int R8 = 8;
    public static final int R11 = 11;
    public static final int R15 = 15;
    /** Always 0: the absent base or index of an effective address. */
    public static final int ZERO = 16;
    /** Linear-code address of the running block: the base of RIP-relative operands, whose displacement counts from it. */
    public static final int BLOCK_RIP = 17;

    public static final int ES = 0;
    public static final int CS = 1;
    public static final int SS = 2;
    public static final int DS = 3;
    public static final int FS = 4;
    public static final int GS = 5;
    public static final int LDTR = 6;
    public static final int TR = 7;

    private Reg() {}
}

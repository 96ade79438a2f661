package nestbox.x86.insn;

/**
 * What a row demands beyond its opcode, one-hot: an encoding at hand sets one bit in each group, a row rejects the bits that it
 * does not permit, and matches when the two have none in common.
 */
final class Match {
    /** Mandatory prefix: none, 66, F3, F2. */
    static final int PREFIX = 0;

    static final long NO_PREFIX = 1L << PREFIX;
    static final long PREFIX_66 = 2L << PREFIX;
    static final long PREFIX_F3 = 4L << PREFIX;
    static final long PREFIX_F2 = 8L << PREFIX;
    static final long ANY_PREFIX = 15L << PREFIX;

    static final long MEMORY = 1L << 4;
    static final long REGISTER = 1L << 5;
    /** First bit of the eight for ModRM.reg. */
    static final int REG = 6;

    static final long ANY_REG = 0xffL << REG;
    /** First bit of the eight for ModRM.rm. */
    static final int RM = 14;

    static final long ANY_RM = 0xffL << RM;

    /** Code size, operand size and address size each have three bits: 16, 32, 64. */
    static final int CODE = 22;

    static final long ANY_CODE = 7L << CODE;
    static final int OPERAND = 25;
    static final long ANY_OPERAND = 7L << OPERAND;
    static final int ADDRESS = 28;
    static final long ANY_ADDRESS = 7L << ADDRESS;

    /** First of two bits for W. */
    static final int W = 31;

    static final long ANY_W = 3L << W;
    /** First of three bits for the vector length: 128, 256, 512. */
    static final int LENGTH = 33;

    static final long ANY_LENGTH = 7L << LENGTH;
    static final long INTEL = 1L << 36;
    static final long AMD = 1L << 37;
    /** First of two bits for REX.B. */
    static final int B = 38;

    static final long ANY_B = 3L << B;

    static final long ALL = (1L << 40) - 1;

    private Match() {}

    /** Bit within a size group for 16, 32 or 64. */
    static long size(int group, int bits) {
        return (long) (bits >> 4) << group & 7L << group;
    }
}

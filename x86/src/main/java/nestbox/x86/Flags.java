package nestbox.x86;

/**
 * The arithmetic flags. They are kept lazily in two words of the {@link Cpu}: {@code flagResult}, the sign-extended result
 * (ZF: it is 0; SF: its sign; PF: the parity of its low byte), and {@code flagCarry}, whose bit 63 is CF, bit 62 is CF xor
 * OF, bit 3 is AF, bit 0 inverts SF and bit 1 inverts PF (only after flags were loaded as a whole).
 */
public final class Flags {
    public static final int CF = 1;
    public static final int FIXED = 2;
    public static final int PF = 1 << 2;
    public static final int AF = 1 << 4;
    public static final int ZF = 1 << 6;
    public static final int SF = 1 << 7;
    public static final int TF = 1 << 8;
    public static final int IF = 1 << 9;
    public static final int DF = 1 << 10;
    public static final int OF = 1 << 11;
    public static final int IOPL = 3 << 12;
    public static final int NT = 1 << 14;
    public static final int RF = 1 << 16;
    public static final int VM = 1 << 17;
    public static final int AC = 1 << 18;
    public static final int VIF = 1 << 19;
    public static final int VIP = 1 << 20;
    public static final int ID = 1 << 21;
    public static final int ARITHMETIC = CF | PF | AF | ZF | SF | OF;

    private static final long CARRY_CF = 1L << 63;
    private static final long CARRY_OUT = 3L << 62;
    private static final long CARRY_AF = 1L << 3;
    private static final long CARRY_SF_INVERT = 1;
    private static final long CARRY_PF_INVERT = 2;

    private Flags() {}

    public static boolean cf(Cpu c) {
        return c.flagCarry < 0;
    }

    public static boolean of(Cpu c) {
        return (c.flagCarry ^ (c.flagCarry << 1)) < 0;
    }

    public static boolean zf(Cpu c) {
        return c.flagResult == 0;
    }

    public static boolean sf(Cpu c) {
        return (c.flagResult ^ (c.flagCarry << 63)) < 0;
    }

    public static boolean af(Cpu c) {
        return (c.flagCarry & CARRY_AF) != 0;
    }

    public static boolean pf(Cpu c) {
        return ((Long.bitCount(c.flagResult & 0xff) ^ (int) (c.flagCarry >> 1)) & 1) == 0;
    }

    /** The six arithmetic flags at their places in EFLAGS. */
    public static int arithmetic(Cpu c) {
        return (cf(c) ? CF : 0)
                | (pf(c) ? PF : 0)
                | (af(c) ? AF : 0)
                | (zf(c) ? ZF : 0)
                | (sf(c) ? SF : 0)
                | (of(c) ? OF : 0);
    }

    /** Sets the six arithmetic flags from their places in {@code eflags}. */
    public static void setArithmetic(Cpu c, long eflags) {
        boolean cf = (eflags & CF) != 0;
        boolean of = (eflags & OF) != 0;
        c.flagResult = (eflags & ZF) != 0 ? 0 : 1;
        boolean parity = c.flagResult == 0;
        c.flagCarry = (cf ? CARRY_CF : 0)
                | (cf != of ? 1L << 62 : 0)
                | ((eflags & AF) != 0 ? CARRY_AF : 0)
                | ((eflags & SF) != 0 ? CARRY_SF_INVERT : 0)
                | (((eflags & PF) != 0) != parity ? CARRY_PF_INVERT : 0);
    }

    /** Changes the flags of {@code mask} (among the six) to those of {@code eflags} and keeps the others. */
    public static void update(Cpu c, int mask, long eflags) {
        setArithmetic(c, (arithmetic(c) & ~mask) | (eflags & mask));
    }

    public static void setCf(Cpu c, boolean cf) {
        if (cf != cf(c)) {
            // Bit 62 is CF xor OF, so OF stays when both flip.
            c.flagCarry ^= CARRY_OUT;
        }
    }

    /** The flags of a logical operation: CF = OF = 0; AF, which is undefined, is cleared. {@code result} is sign-extended. */
    public static void logic(Cpu c, long result) {
        c.flagResult = result;
        c.flagCarry = 0;
    }

    /**
     * The flags of an addition or subtraction.
     *
     * @param result sign-extended from {@code bits}
     * @param carries the carry (borrow) out of every bit position of the operation
     */
    public static void arithmetic(Cpu c, long result, long carries, int bits) {
        c.flagResult = result;
        c.flagCarry = ((carries << (64 - bits)) & CARRY_OUT) | (carries & CARRY_AF);
    }

    /** As {@link #arithmetic(Cpu, long, long, int)} with CF kept: INC and DEC. */
    public static void arithmeticKeepCf(Cpu c, long result, long carries, int bits) {
        long kept = c.flagCarry & CARRY_CF;
        long out = (carries << (64 - bits)) & CARRY_OUT;
        // OF is bit 63 xor bit 62 of the carries; store it relative to the kept CF.
        long overflow = (out ^ (out << 1)) & CARRY_CF;
        c.flagResult = result;
        c.flagCarry = kept | ((kept ^ overflow) >>> 1) | (carries & CARRY_AF);
    }

    public static void setOf(Cpu c, boolean of) {
        if (of != of(c)) {
            c.flagCarry ^= 1L << 62;
        }
    }

    /** Sets CF and OF, each 0 or 1, and keeps the others: multiplications and rotates. */
    public static void setCfOf(Cpu c, long cf, long of) {
        c.flagCarry = (c.flagCarry & ~CARRY_OUT) | cf << 63 | (cf ^ of) << 62;
    }

    /** All six: SF, ZF and PF of the sign-extended {@code result}; CF, OF and AF as given, each 0 or 1. */
    public static void set(Cpu c, long result, long cf, long of, long af) {
        c.flagResult = result;
        c.flagCarry = cf << 63 | (cf ^ of) << 62 | af << 3;
    }

    /** Condition code {@code cc} of Jcc, SETcc and CMOVcc (SDM Vol. 1, "EFLAGS Condition Codes"). */
    public static boolean condition(Cpu c, int cc) {
        boolean value;
        switch (cc >> 1) {
            case 0:
                value = of(c);
                break;
            case 1:
                value = cf(c);
                break;
            case 2:
                value = zf(c);
                break;
            case 3:
                value = cf(c) | zf(c);
                break;
            case 4:
                value = sf(c);
                break;
            case 5:
                value = pf(c);
                break;
            case 6:
                value = sf(c) != of(c);
                break;
            default:
                value = zf(c) | (sf(c) != of(c));
                break;
        }
        return value ^ ((cc & 1) != 0);
    }
}

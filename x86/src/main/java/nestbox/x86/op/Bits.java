package nestbox.x86.op;

import nestbox.x86.Cpu;
import nestbox.x86.Flags;

/**
 * Bit scans, counts and the BMI operations on values (SDM Vol. 2). Inputs are zero-extended. Undefined flags as AMD's Zen 3
 * has them.
 */
public final class Bits {
    private static final int SCAN_FLAGS = Flags.CF | Flags.ZF | Flags.SF | Flags.PF | Flags.AF;
    private static final int CRC32C = 0x82f63b78;

    private Bits() {}

    /** BSF: the destination stays as it was if the source is 0. */
    public static long bsf(Cpu c, long old, long source, int bits) {
        Flags.update(c, Flags.ZF, source == 0 ? Flags.ZF : 0);
        return source == 0 ? old : Long.numberOfTrailingZeros(source);
    }

    public static long bsr(Cpu c, long old, long source, int bits) {
        Flags.update(c, Flags.ZF, source == 0 ? Flags.ZF : 0);
        return source == 0 ? old : 63 - Long.numberOfLeadingZeros(source);
    }

    public static long tzcnt(Cpu c, long old, long source, int bits) {
        return counted(c, source, source == 0 ? bits : Long.numberOfTrailingZeros(source));
    }

    public static long lzcnt(Cpu c, long old, long source, int bits) {
        return counted(c, source, Long.numberOfLeadingZeros(source) - (64 - bits));
    }

    private static long counted(Cpu c, long source, long count) {
        Flags.update(c, SCAN_FLAGS, (source == 0 ? Flags.CF : 0) | (count == 0 ? Flags.ZF : 0));
        return count;
    }

    public static long popcnt(Cpu c, long old, long source, int bits) {
        Flags.setArithmetic(c, source == 0 ? Flags.ZF : 0);
        return Long.bitCount(source);
    }

    public static long andn(Cpu c, long a, long b, int bits) {
        return Alu.and(c, ~a, b, bits);
    }

    /** {@code control}: bits 7:0 the start, 15:8 the length of the extracted field. */
    public static long bextr(Cpu c, long source, long control, int bits) {
        int start = (int) control & 0xff;
        int length = (int) (control >>> 8) & 0xff;
        long field = start < bits ? source >>> start : 0;
        long result = length < 64 ? field & ~(-1L << length) : field;
        Flags.set(c, result, 0, 0, 1);
        if (result < 0) {
            Flags.update(c, Flags.SF, 0);
        }
        return result;
    }

    public static long blsi(Cpu c, long source, int bits) {
        return blended(c, source & -source, source != 0, bits);
    }

    public static long blsmsk(Cpu c, long source, int bits) {
        return blended(c, source ^ (source - 1), source == 0, bits);
    }

    public static long blsr(Cpu c, long source, int bits) {
        return blended(c, source & (source - 1), source == 0, bits);
    }

    private static long blended(Cpu c, long value, boolean cf, int bits) {
        long result = Operands.signExtend(value, bits);
        Flags.set(c, result, cf ? 1 : 0, 0, 0);
        return result;
    }

    /** Clears the bits from the index in the low byte of {@code index} on. */
    public static long bzhi(Cpu c, long source, long index, int bits) {
        int n = (int) index & 0xff;
        long value = n < bits ? source & ~(-1L << n) : source;
        return blended(c, value, n > bits - 1, bits);
    }

    /** Deposits the low bits of {@code source} at the set bits of {@code mask}. */
    public static long pdep(long source, long mask) {
        long result = 0;
        long rest = mask;
        for (int i = 0; rest != 0; i++) {
            long lowest = rest & -rest;
            if ((source >>> i & 1) != 0) {
                result |= lowest;
            }
            rest ^= lowest;
        }
        return result;
    }

    /** Gathers the bits of {@code source} at the set bits of {@code mask}. */
    public static long pext(long source, long mask) {
        long result = 0;
        long rest = mask;
        for (int i = 0; rest != 0; i++) {
            long lowest = rest & -rest;
            if ((source & lowest) != 0) {
                result |= 1L << i;
            }
            rest ^= lowest;
        }
        return result;
    }

    /** ADCX: an unsigned addition that reads and writes CF alone. */
    public static long adcx(Cpu c, long a, long b, int bits) {
        long sum = a + b + (Flags.cf(c) ? 1 : 0);
        Flags.setCf(c, carry(a, b, sum, bits));
        return sum;
    }

    /** ADOX: the same with OF. */
    public static long adox(Cpu c, long a, long b, int bits) {
        long sum = a + b + (Flags.of(c) ? 1 : 0);
        Flags.setOf(c, carry(a, b, sum, bits));
        return sum;
    }

    private static boolean carry(long a, long b, long sum, int bits) {
        return (((a & b) | ((a | b) & ~sum)) >>> (bits - 1) & 1) != 0;
    }

    /** CRC-32C of {@code bits} further bits, reflected, without the usual inversions (SDM Vol. 2, "CRC32"). */
    public static long crc32(long crc, long data, int bits) {
        int rest = (int) crc;
        for (int i = 0; i < bits; i += 8) {
            rest ^= (int) (data >>> i) & 0xff;
            for (int k = 0; k < 8; k++) {
                rest = rest >>> 1 ^ (CRC32C & -(rest & 1));
            }
        }
        return rest & 0xffffffffL;
    }
}

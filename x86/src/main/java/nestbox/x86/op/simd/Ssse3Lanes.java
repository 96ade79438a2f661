package nestbox.x86.op.simd;

/** The packed integer operations of SSSE3 on 64-bit lanes (SDM Vol. 2). Operand {@code a} is the destination. */
final class Ssse3Lanes {
    private static final long LOW = 0xffffffffL;

    private Ssse3Lanes() {}

    /** Words 0 and 2 of {@code a}, then of {@code b}. */
    private static long evenWords(long a, long b) {
        return a & 0xffff | a >>> 16 & 0xffff0000L | (b & 0xffff | b >>> 16 & 0xffff0000L) << 32;
    }

    private static long oddWords(long a, long b) {
        return evenWords(a >>> 16, b >>> 16);
    }

    static long phaddw(long a, long b) {
        return Lanes.paddw(evenWords(a, b), oddWords(a, b));
    }

    static long phaddsw(long a, long b) {
        return Lanes.paddsw(evenWords(a, b), oddWords(a, b));
    }

    static long phaddd(long a, long b) {
        return Lanes.paddd(a & LOW | b << 32, a >>> 32 | b & ~LOW);
    }

    static long phsubw(long a, long b) {
        return Lanes.psubw(evenWords(a, b), oddWords(a, b));
    }

    static long phsubsw(long a, long b) {
        return Lanes.psubsw(evenWords(a, b), oddWords(a, b));
    }

    static long phsubd(long a, long b) {
        return Lanes.psubd(a & LOW | b << 32, a >>> 32 | b & ~LOW);
    }

    /** Unsigned bytes of {@code a} by signed bytes of {@code b}, neighbours added with saturation. */
    static long pmaddubsw(long a, long b) {
        long r = 0;
        for (int s = 0; s < 64; s += 16) {
            int low = ((int) (a >>> s) & 0xff) * (byte) (b >>> s);
            int high = ((int) (a >>> s + 8) & 0xff) * (byte) (b >>> s + 8);
            r |= (Math.max(-32768, Math.min(low + high, 32767)) & 0xffffL) << s;
        }
        return r;
    }

    static long pmulhrsw(long a, long b) {
        long r = 0;
        for (int s = 0; s < 64; s += 16) {
            int product = (short) (a >>> s) * (short) (b >>> s);
            r |= ((product >> 14) + 1 >> 1 & 0xffffL) << s;
        }
        return r;
    }

    static long psignb(long a, long b) {
        long negative = Lanes.pcmpgtb(0, b);
        return Lanes.psubb(a ^ negative, negative) & ~Lanes.pcmpeqb(b, 0);
    }

    static long psignw(long a, long b) {
        long negative = Lanes.pcmpgtw(0, b);
        return Lanes.psubw(a ^ negative, negative) & ~Lanes.pcmpeqw(b, 0);
    }

    static long psignd(long a, long b) {
        long negative = Lanes.pcmpgtd(0, b);
        return Lanes.psubd(a ^ negative, negative) & ~Lanes.pcmpeqd(b, 0);
    }

    static long pabsb(long a, long b) {
        return psignb(b, b | 0x0101010101010101L);
    }

    static long pabsw(long a, long b) {
        return psignw(b, b | 0x0001000100010001L);
    }

    static long pabsd(long a, long b) {
        return psignd(b, b | 0x0000000100000001L);
    }

    /** MMX's PSHUFB: the bytes of {@code a} that {@code b} names; a name with bit 7 gives 0. */
    static long pshufb(long a, long b) {
        return shuffleBytes(a, 0, b & ~0x7878787878787878L);
    }

    /** The bytes of {@code high:low} that the bytes of {@code names} name, one lane of the result. */
    static long shuffleBytes(long low, long high, long names) {
        long r = 0;
        for (int s = 0; s < 64; s += 8) {
            int name = (int) (names >>> s) & 0xff;
            if (name < 0x80) {
                r |= (((name & 8) != 0 ? high : low) >>> 8 * (name & 7) & 0xff) << s;
            }
        }
        return r;
    }

    /** 64 bits of {@code high:low} from bit {@code by} on. */
    static long funnel(long low, long high, int by) {
        return by == 0 ? low : by < 64 ? low >>> by | high << 64 - by : by < 128 ? high >>> by - 64 : 0;
    }

    /** MMX's PALIGNR by {@code bytes}. */
    static long palignr(long a, long b, int bytes) {
        return bytes >= 16 ? 0 : funnel(b, a, 8 * bytes);
    }
}

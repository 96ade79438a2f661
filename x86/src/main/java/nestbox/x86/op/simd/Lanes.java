package nestbox.x86.op.simd;

/**
 * The packed integer operations on one 64-bit lane: MMX uses one lane, SSE two, AVX four. Operand {@code a} is the
 * destination.
 */
public final class Lanes {
    private static final long B7F = 0x7f7f7f7f7f7f7f7fL;
    private static final long W7F = 0x7fff7fff7fff7fffL;
    private static final long D7F = 0x7fffffff7fffffffL;
    private static final long B01 = 0x0101010101010101L;
    private static final long W01 = 0x0001000100010001L;
    private static final long D01 = 0x0000000100000001L;
    private static final long LOW = 0xffffffffL;

    private Lanes() {}

    private static long add(long a, long b, long low) {
        return (a & low) + (b & low) ^ (a ^ b) & ~low;
    }

    private static long sub(long a, long b, long low) {
        return (a | ~low) - (b & low) ^ (a ^ ~b) & ~low;
    }

    public static long paddb(long a, long b) {
        return add(a, b, B7F);
    }

    public static long paddw(long a, long b) {
        return add(a, b, W7F);
    }

    public static long paddd(long a, long b) {
        return add(a, b, D7F);
    }

    public static long paddq(long a, long b) {
        return a + b;
    }

    public static long psubb(long a, long b) {
        return sub(a, b, B7F);
    }

    public static long psubw(long a, long b) {
        return sub(a, b, W7F);
    }

    public static long psubd(long a, long b) {
        return sub(a, b, D7F);
    }

    public static long psubq(long a, long b) {
        return a - b;
    }

    // ---- saturating addition and subtraction ----

    private static int clamp(int value, int min, int max) {
        return value < min ? min : Math.min(value, max);
    }

    private static int signedByte(long a, int shift) {
        return (byte) (a >>> shift);
    }

    private static int signedWord(long a, int shift) {
        return (short) (a >>> shift);
    }

    private static int unsignedByte(long a, int shift) {
        return (int) (a >>> shift) & 0xff;
    }

    private static int unsignedWord(long a, int shift) {
        return (int) (a >>> shift) & 0xffff;
    }

    public static long paddsb(long a, long b) {
        long r = 0;
        for (int s = 0; s < 64; s += 8) {
            r |= (clamp(signedByte(a, s) + signedByte(b, s), -128, 127) & 0xffL) << s;
        }
        return r;
    }

    public static long paddsw(long a, long b) {
        long r = 0;
        for (int s = 0; s < 64; s += 16) {
            r |= (clamp(signedWord(a, s) + signedWord(b, s), -32768, 32767) & 0xffffL) << s;
        }
        return r;
    }

    public static long paddusb(long a, long b) {
        long r = 0;
        for (int s = 0; s < 64; s += 8) {
            r |= (long) Math.min(unsignedByte(a, s) + unsignedByte(b, s), 0xff) << s;
        }
        return r;
    }

    public static long paddusw(long a, long b) {
        long r = 0;
        for (int s = 0; s < 64; s += 16) {
            r |= (long) Math.min(unsignedWord(a, s) + unsignedWord(b, s), 0xffff) << s;
        }
        return r;
    }

    public static long psubsb(long a, long b) {
        long r = 0;
        for (int s = 0; s < 64; s += 8) {
            r |= (clamp(signedByte(a, s) - signedByte(b, s), -128, 127) & 0xffL) << s;
        }
        return r;
    }

    public static long psubsw(long a, long b) {
        long r = 0;
        for (int s = 0; s < 64; s += 16) {
            r |= (clamp(signedWord(a, s) - signedWord(b, s), -32768, 32767) & 0xffffL) << s;
        }
        return r;
    }

    public static long psubusb(long a, long b) {
        long r = 0;
        for (int s = 0; s < 64; s += 8) {
            r |= (long) Math.max(unsignedByte(a, s) - unsignedByte(b, s), 0) << s;
        }
        return r;
    }

    public static long psubusw(long a, long b) {
        long r = 0;
        for (int s = 0; s < 64; s += 16) {
            r |= (long) Math.max(unsignedWord(a, s) - unsignedWord(b, s), 0) << s;
        }
        return r;
    }

    // ---- multiplication ----

    public static long pmullw(long a, long b) {
        long r = 0;
        for (int s = 0; s < 64; s += 16) {
            r |= (signedWord(a, s) * signedWord(b, s) & 0xffffL) << s;
        }
        return r;
    }

    public static long pmulhw(long a, long b) {
        long r = 0;
        for (int s = 0; s < 64; s += 16) {
            r |= (signedWord(a, s) * signedWord(b, s) >>> 16 & 0xffffL) << s;
        }
        return r;
    }

    public static long pmulhuw(long a, long b) {
        long r = 0;
        for (int s = 0; s < 64; s += 16) {
            r |= (unsignedWord(a, s) * unsignedWord(b, s) >>> 16 & 0xffffL) << s;
        }
        return r;
    }

    public static long pmuludq(long a, long b) {
        return (a & LOW) * (b & LOW);
    }

    public static long pmaddwd(long a, long b) {
        long low = signedWord(a, 0) * signedWord(b, 0) + signedWord(a, 16) * signedWord(b, 16);
        long high = signedWord(a, 32) * signedWord(b, 32) + signedWord(a, 48) * signedWord(b, 48);
        return low & LOW | high << 32;
    }

    // ---- averages, extrema, differences ----

    public static long pavgb(long a, long b) {
        return (a | b) - ((a ^ b) >>> 1 & B7F);
    }

    public static long pavgw(long a, long b) {
        return (a | b) - ((a ^ b) >>> 1 & W7F);
    }

    public static long pmaxub(long a, long b) {
        return paddb(psubusb(a, b), b);
    }

    public static long pminub(long a, long b) {
        return psubb(a, psubusb(a, b));
    }

    public static long pmaxsw(long a, long b) {
        long greater = pcmpgtw(a, b);
        return a & greater | b & ~greater;
    }

    public static long pminsw(long a, long b) {
        long greater = pcmpgtw(a, b);
        return b & greater | a & ~greater;
    }

    public static long psadbw(long a, long b) {
        long sum = 0;
        for (int s = 0; s < 64; s += 8) {
            sum += Math.abs(unsignedByte(a, s) - unsignedByte(b, s));
        }
        return sum;
    }

    // ---- logic and comparison ----

    public static long and(long a, long b) {
        return a & b;
    }

    public static long andNot(long a, long b) {
        return ~a & b;
    }

    public static long or(long a, long b) {
        return a | b;
    }

    public static long xor(long a, long b) {
        return a ^ b;
    }

    /** Bit 0 of each element of {@code x} that is 0. */
    private static long zeros(long x, long low, int width) {
        return ~((x & low) + low | x | low) >>> width - 1;
    }

    public static long pcmpeqb(long a, long b) {
        return zeros(a ^ b, B7F, 8) * 0xff;
    }

    public static long pcmpeqw(long a, long b) {
        return zeros(a ^ b, W7F, 16) * 0xffff;
    }

    public static long pcmpeqd(long a, long b) {
        return zeros(a ^ b, D7F, 32) * LOW;
    }

    public static long pcmpgtb(long a, long b) {
        return (borrows(b, a, B7F) >>> 7 & B01) * 0xff;
    }

    public static long pcmpgtw(long a, long b) {
        return (borrows(b, a, W7F) >>> 15 & W01) * 0xffff;
    }

    public static long pcmpgtd(long a, long b) {
        return (borrows(b, a, D7F) >>> 31 & D01) * LOW;
    }

    /** The highest bit of each element tells whether {@code a} is less than {@code b}, signed. */
    private static long borrows(long a, long b, long low) {
        return a & ~b | ~(a ^ b) & sub(a, b, low);
    }

    // ---- packing and unpacking ----

    private static long packBytes(long a, int min, int max) {
        long r = 0;
        for (int i = 0; i < 4; i++) {
            r |= (clamp(signedWord(a, 16 * i), min, max) & 0xffL) << 8 * i;
        }
        return r;
    }

    /** The four words of {@code a}, then those of {@code b}, as signed bytes. */
    public static long packsswb(long a, long b) {
        return packBytes(a, -128, 127) | packBytes(b, -128, 127) << 32;
    }

    public static long packuswb(long a, long b) {
        return packBytes(a, 0, 255) | packBytes(b, 0, 255) << 32;
    }

    private static long packWords(long a) {
        return clamp((int) a, -32768, 32767) & 0xffffL | (clamp((int) (a >>> 32), -32768, 32767) & 0xffffL) << 16;
    }

    public static long packssdw(long a, long b) {
        return packWords(a) | packWords(b) << 32;
    }

    /** The low four bytes of {@code a}, spread over the even bytes. */
    private static long spreadBytes(long a) {
        long x = a & LOW;
        x = (x | x << 16) & 0x0000ffff0000ffffL;
        return (x | x << 8) & 0x00ff00ff00ff00ffL;
    }

    private static long spreadWords(long a) {
        return a & 0xffff | (a & 0xffff0000L) << 16;
    }

    public static long punpcklbw(long a, long b) {
        return spreadBytes(a) | spreadBytes(b) << 8;
    }

    public static long punpckhbw(long a, long b) {
        return punpcklbw(a >>> 32, b >>> 32);
    }

    public static long punpcklwd(long a, long b) {
        return spreadWords(a) | spreadWords(b) << 16;
    }

    public static long punpckhwd(long a, long b) {
        return punpcklwd(a >>> 32, b >>> 32);
    }

    public static long punpckldq(long a, long b) {
        return a & LOW | b << 32;
    }

    public static long punpckhdq(long a, long b) {
        return a >>> 32 | b & ~LOW;
    }

    // ---- shifts; a count beyond the element's width shifts everything out ----

    private static long repeat(long mask, int width) {
        return width == 16 ? (mask & 0xffff) * W01 : (mask & LOW) * D01;
    }

    private static boolean beyond(long count, int width) {
        return Long.compareUnsigned(count, width) >= 0;
    }

    public static long psllw(long a, long count) {
        return beyond(count, 16) ? 0 : a << count & repeat(0xffffL << count, 16);
    }

    public static long pslld(long a, long count) {
        return beyond(count, 32) ? 0 : a << count & repeat(LOW << count, 32);
    }

    public static long psllq(long a, long count) {
        return beyond(count, 64) ? 0 : a << count;
    }

    public static long psrlw(long a, long count) {
        return beyond(count, 16) ? 0 : a >>> count & repeat(0xffffL >>> count, 16);
    }

    public static long psrld(long a, long count) {
        return beyond(count, 32) ? 0 : a >>> count & repeat(LOW >>> count, 32);
    }

    public static long psrlq(long a, long count) {
        return beyond(count, 64) ? 0 : a >>> count;
    }

    public static long psraw(long a, long count) {
        int n = beyond(count, 16) ? 15 : (int) count;
        long r = 0;
        for (int s = 0; s < 64; s += 16) {
            r |= (signedWord(a, s) >> n & 0xffffL) << s;
        }
        return r;
    }

    public static long psrad(long a, long count) {
        int n = beyond(count, 32) ? 31 : (int) count;
        return (int) a >> n & LOW | (long) ((int) (a >>> 32) >> n) << 32;
    }

    // ---- shuffles and masks ----

    /** PSHUFW, PSHUFLW, PSHUFHW: the words of {@code a} that the pairs of bits of {@code order} name. */
    public static long shuffleWords(long a, int order) {
        long r = 0;
        for (int i = 0; i < 4; i++) {
            r |= (a >>> 16 * (order >>> 2 * i & 3) & 0xffff) << 16 * i;
        }
        return r;
    }

    /** The doubleword {@code n} = 0 to 3 of {@code high:low}. */
    public static long doubleword(long low, long high, int n) {
        return ((n & 2) != 0 ? high : low) >>> 32 * (n & 1) & LOW;
    }

    /** The sign bits of the eight bytes, as bits 0 to 7. */
    public static int pmovmskb(long a) {
        return (int) ((a & ~B7F) * 0x0002040810204081L >>> 56);
    }
}

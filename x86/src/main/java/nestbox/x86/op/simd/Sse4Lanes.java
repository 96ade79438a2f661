package nestbox.x86.op.simd;

/** The packed integer operations of SSE4 and AVX2 on 64-bit lanes (SDM Vol. 2). Operand {@code a} is the destination. */
final class Sse4Lanes {
    private static final long LOW = 0xffffffffL;
    private static final long B80 = 0x8080808080808080L;
    private static final long W80 = 0x8000800080008000L;
    private static final long D80 = 0x8000000080000000L;

    private Sse4Lanes() {}

    /** Bits of {@code b} where {@code mask} is set, else of {@code a}. */
    static long select(long a, long b, long mask) {
        return a & ~mask | b & mask;
    }

    static long pminsb(long a, long b) {
        return select(a, b, Lanes.pcmpgtb(a, b));
    }

    static long pmaxsb(long a, long b) {
        return select(b, a, Lanes.pcmpgtb(a, b));
    }

    static long pminsd(long a, long b) {
        return select(a, b, Lanes.pcmpgtd(a, b));
    }

    static long pmaxsd(long a, long b) {
        return select(b, a, Lanes.pcmpgtd(a, b));
    }

    static long pminuw(long a, long b) {
        return select(a, b, Lanes.pcmpgtw(a ^ W80, b ^ W80));
    }

    static long pmaxuw(long a, long b) {
        return select(b, a, Lanes.pcmpgtw(a ^ W80, b ^ W80));
    }

    static long pminud(long a, long b) {
        return select(a, b, Lanes.pcmpgtd(a ^ D80, b ^ D80));
    }

    static long pmaxud(long a, long b) {
        return select(b, a, Lanes.pcmpgtd(a ^ D80, b ^ D80));
    }

    static long pmuldq(long a, long b) {
        return (long) (int) a * (int) b;
    }

    static long pmulld(long a, long b) {
        return (a & LOW) * (b & LOW) & LOW | (a >>> 32) * (b >>> 32) << 32;
    }

    static long pcmpeqq(long a, long b) {
        return a == b ? -1 : 0;
    }

    static long pcmpgtq(long a, long b) {
        return a > b ? -1 : 0;
    }

    private static long unsignedWords(long a) {
        long low = Math.max(0, Math.min((int) a, 0xffff));
        long high = Math.max(0, Math.min((int) (a >>> 32), 0xffff));
        return low | high << 16;
    }

    static long packusdw(long a, long b) {
        return unsignedWords(a) | unsignedWords(b) << 32;
    }

    /** All ones in the bytes whose sign is set. */
    static long byteSigns(long a) {
        return ((a & B80) >>> 7) * 0xff;
    }

    static long doublewordSigns(long a) {
        return ((a & D80) >>> 31) * LOW;
    }

    // ---- shifts by a count for each element (AVX2) ----

    private static long shiftedLeft(long value, long count) {
        return count >= 32 ? 0 : value << count & LOW;
    }

    private static long shiftedRight(long value, long count) {
        return count >= 32 ? 0 : value >>> count;
    }

    static long psllvd(long a, long b) {
        return shiftedLeft(a & LOW, b & LOW) | shiftedLeft(a >>> 32, b >>> 32) << 32;
    }

    static long psrlvd(long a, long b) {
        return shiftedRight(a & LOW, b & LOW) | shiftedRight(a >>> 32, b >>> 32) << 32;
    }

    static long psravd(long a, long b) {
        int low = (int) a >> (int) Math.min(b & LOW, 31);
        int high = (int) (a >>> 32) >> (int) Math.min(b >>> 32, 31);
        return low & LOW | (long) high << 32;
    }
}

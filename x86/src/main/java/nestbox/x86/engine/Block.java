package nestbox.x86.engine;

/**
 * Where a block's code lies in physical memory, and for which mode it was decoded. A block is a straight run of instructions in
 * one physical page; or one instruction that begins in a page and ends in the page that follows it in linear memory.
 */
final class Block {
    static final long NONE = -1;

    final long physical;
    final int modeKey;
    final int bytes;
    /** Physical address of the part in the second page, or {@link #NONE}. */
    final long second;
    /** Its code in the {@link CodeArena}. */
    final int place;
    /** False once its code was overwritten. */
    boolean valid = true;

    Block(long physical, int modeKey, int bytes, long second, int place) {
        this.physical = physical;
        this.modeKey = modeKey;
        this.bytes = bytes;
        this.second = second;
        this.place = place;
    }

    /** Bytes in the first page. */
    int inFirst() {
        return second == NONE ? bytes : 0x1000 - ((int) physical & 0xfff);
    }

    /** Whether any of [from, from + length), which lies in one page, is a byte of the block. */
    boolean covers(long from, int length) {
        return overlap(physical, inFirst(), from, length)
                || second != NONE && overlap(second, bytes - inFirst(), from, length);
    }

    private static boolean overlap(long a, int aLength, long b, int bLength) {
        return a < b + bLength && b < a + aLength;
    }
}

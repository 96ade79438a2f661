package nestbox.x86.mem;

import java.util.Arrays;

/** The fast translations of one class of accesses in one world, of {@link Memory}'s. */
final class FastSet {
    static final int ENTRIES = 256;
    private static final int INDEX_MASK = ENTRIES - 1;
    private static final long PAGE = FastPage.PAGE;
    private static final long EMPTY = FastPage.EMPTY;
    /** Up to so many entries are emptied one by one: a guest that exits often fills few. */
    private static final int NOTED = 32;

    final FastPage[] readPages = FastPage.table(ENTRIES);
    final FastPage[] writePages = FastPage.table(ENTRIES);
    final long[] fetchTag = new long[ENTRIES];
    final long[] fetchPage = new long[ENTRIES];
    /** The entries filled since all were empty, if they are few. */
    private final byte[] noted = new byte[NOTED];

    private int filled;

    FastSet() {
        Arrays.fill(fetchTag, EMPTY);
    }

    static int index(long linear) {
        return (int) (linear >>> 12) & INDEX_MASK;
    }

    boolean empty() {
        return filled == 0;
    }

    private int fill(long linear) {
        int i = index(linear);
        if (filled < NOTED) {
            noted[filled] = (byte) i;
        }
        filled++;
        return i;
    }

    void fillRead(long linear, byte[] data, int offset) {
        readPages[fill(linear)].set(linear, data, offset);
    }

    void fillWrite(long linear, byte[] data, int offset) {
        writePages[fill(linear)].set(linear, data, offset);
    }

    void fillFetch(long linear, long physical) {
        int i = fill(linear);
        fetchTag[i] = linear & PAGE;
        fetchPage[i] = physical & PAGE;
    }

    void drop() {
        boolean few = filled <= NOTED;
        int count = few ? filled : ENTRIES;
        for (int k = 0; k < count; k++) {
            int i = few ? noted[k] & INDEX_MASK : k;
            readPages[i].tag = EMPTY;
            writePages[i].tag = EMPTY;
            fetchTag[i] = EMPTY;
        }
        filled = 0;
    }

    /** Drops the page at {@code linear}. */
    void dropPage(long linear) {
        dropAt(index(linear), linear & PAGE, -1L);
    }

    /** Drops the {@code 1 << shift} bytes at {@code linear}. */
    void drop(long linear, int shift) {
        long mask = -1L << shift;
        for (int i = 0; i < ENTRIES; i++) {
            dropAt(i, linear & mask, mask);
        }
    }

    private void dropAt(int i, long linear, long mask) {
        readPages[i].drop(linear, mask);
        writePages[i].drop(linear, mask);
        if ((fetchTag[i] & mask) == linear) {
            fetchTag[i] = EMPTY;
        }
    }

    void dropWritesTo(byte[] data, int offset) {
        for (FastPage page : writePages) {
            if (page.leadsTo(data, offset)) {
                page.tag = EMPTY;
            }
        }
    }
}

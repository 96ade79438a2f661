package nestbox.x86.engine;

import java.util.Arrays;
import nestbox.x86.insn.Insn;

/**
 * The decoded code of one processor in one array, a block behind the other, so that running code touches few cache lines: large
 * code is limited by them. A block is a header and two words an instruction ({@link Op}). Blocks are named by their place.
 */
final class CodeArena {
    /** No block. */
    static final int NONE = 0;

    /** Words of a header: two links to following blocks, each good while its epoch is the memory's, and the sizes. */
    static final int HEADER = 6;

    private static final int EPOCH_A = 0;
    private static final int RIP_A = 1;
    private static final int EPOCH_B = 2;
    private static final int RIP_B = 3;
    /** Link A in the lower half, link B in the upper one. */
    private static final int LINKS = 4;
    /** Instructions in the lowest 16 bits, those before a branch that is a {@link Uop} in the next 16, bytes above. */
    private static final int SIZES = 5;

    private static final int FIRST_WORDS = 1 << 12;
    /** Half a million instructions; what was overwritten counts until all is forgotten. */
    static final int MOST_WORDS = 1 << 20;

    /** Its length is a power of two, so that a masked index needs no bounds check. */
    private long[] words = new long[FIRST_WORDS];
    /** The instructions, each at half of its place. */
    private Insn[] insns = new Insn[FIRST_WORDS / 2];

    /** The first free place; 0 is never a block's. */
    private int top = HEADER;

    private final int mostWords;
    private int clears;

    /** @param mostWords room for a few of the longest blocks at least */
    CodeArena(int mostWords) {
        this.mostWords = mostWords;
    }

    long[] words() {
        return words;
    }

    /** Whether a block of so many instructions finds no place until {@link #clear}. */
    boolean full(int instructions) {
        return top + HEADER + 2 * instructions > mostWords;
    }

    /** Forgets all blocks. */
    void clear() {
        Arrays.fill(insns, null);
        top = HEADER;
        clears++;
    }

    /** How often it was cleared: places from before mean nothing now. */
    int clears() {
        return clears;
    }

    /** Adds a block and returns its place. */
    int add(Insn[] code, int bytes, int modeKey) {
        int block = top;
        top += HEADER + 2 * code.length;
        if (top > words.length) {
            int length = Integer.highestOneBit(top - 1) << 1;
            words = Arrays.copyOf(words, length);
            insns = Arrays.copyOf(insns, length / 2);
        }
        words[block + EPOCH_A] = -1;
        words[block + EPOCH_B] = -1;
        Op[] ops = new Op[code.length];
        for (int i = 0; i < code.length; i++) {
            ops[i] = UopSelector.select(code[i], modeKey);
        }
        FillLoop fill = FillLoop.of(code, ops);
        if (fill != null) {
            code[0].handler = fill;
            ops[0].uop = Uop.HANDLER;
        }
        int place = block + HEADER;
        for (int i = 0; i < code.length; i++) {
            words[place] = ops[i].first();
            words[place + 1] = ops[i].second();
            insns[place / 2] = code[i];
            place += 2;
        }
        boolean branch = ((int) words[place - 2] & 0xff) >= Uop.FIRST_BRANCH;
        int straight = code.length - (branch ? 1 : 0);
        words[block + SIZES] = (long) bytes << 32 | straight << 16 | code.length;
        return block;
    }

    int length(int block) {
        return (int) words[block + SIZES] & 0xffff;
    }

    /** Instructions before the branch that ends the block. */
    int straight(int block) {
        return (int) words[block + SIZES] >>> 16;
    }

    int bytes(int block) {
        return (int) (words[block + SIZES] >>> 32);
    }

    /** The instruction at a place. */
    Insn insn(int place) {
        return insns[place >> 1];
    }

    /** The second word of the block's instruction with number {@code i}. */
    long second(int block, int i) {
        return words[block + HEADER + 2 * i + 1];
    }

    /** The block that followed {@code block} at {@code rip}, or {@link #NONE} if that is not known in this epoch. */
    int follower(int block, long rip, long epoch) {
        long[] w = words;
        if (w[block + RIP_A] == rip && w[block + EPOCH_A] == epoch) {
            return (int) w[block + LINKS];
        }
        return w[block + RIP_B] == rip && w[block + EPOCH_B] == epoch ? (int) (w[block + LINKS] >>> 32) : NONE;
    }

    /** Links {@code block} to the one that followed it at {@code rip}; false if both links are taken in this epoch. */
    boolean link(int block, int to, long rip, long epoch) {
        long[] w = words;
        if (w[block + EPOCH_A] != epoch) {
            w[block + EPOCH_A] = epoch;
            w[block + RIP_A] = rip;
            w[block + LINKS] = w[block + LINKS] & ~0xffffffffL | to;
        } else if (w[block + EPOCH_B] != epoch) {
            w[block + EPOCH_B] = epoch;
            w[block + RIP_B] = rip;
            w[block + LINKS] = w[block + LINKS] & 0xffffffffL | (long) to << 32;
        } else {
            return false;
        }
        return true;
    }
}

package nestbox.x86.engine;

import nestbox.x86.insn.Insn;

/**
 * A straight run of decoded instructions in one physical page, for one mode; or one instruction that begins in a page and ends in
 * the page that follows it in linear memory.
 */
final class Block {
    static final long NONE = -1;

    final long physical;
    final int modeKey;
    final Op[] code;
    /** Bytes that it covers; 0 if it must not be kept (its bytes do not lie in memory). */
    final int bytes;
    /** Physical address of the part in the second page, or {@link #NONE}. */
    final long second;
    /** False once its code was overwritten. */
    boolean valid = true;

    /** Two links to following blocks, each good while its epoch is the memory's {@code fetchEpoch}. */
    long epochA = -1;

    long ripA;
    Block linkA;
    long epochB = -1;
    long ripB;
    Block linkB;

    Block(long physical, int modeKey, Insn[] insns, int bytes, long second) {
        this.physical = physical;
        this.modeKey = modeKey;
        this.bytes = bytes;
        this.second = second;
        code = new Op[insns.length];
        // Allocated in one go, so that they lie side by side.
        for (int i = 0; i < code.length; i++) {
            code[i] = UopSelector.select(insns[i], modeKey);
        }
    }

    /** Whether any of [from, from + length), which lies in one page, is a byte of the block. */
    boolean covers(long from, int length) {
        int inFirst = second == NONE ? bytes : 0x1000 - ((int) physical & 0xfff);
        return overlap(physical, inFirst, from, length)
                || second != NONE && overlap(second, bytes - inFirst, from, length);
    }

    private static boolean overlap(long a, int aLength, long b, int bLength) {
        return a < b + bLength && b < a + aLength;
    }

    /** The block that followed this one at {@code rip}, or null if that is not known in this epoch. */
    Block follower(long rip, long epoch) {
        if (epochA == epoch && ripA == rip) {
            return linkA;
        }
        return epochB == epoch && ripB == rip ? linkB : null;
    }

    /** Links this block to the one that followed it at {@code rip}; false if both links are taken in this epoch. */
    boolean link(Block to, long rip, long epoch) {
        if (epochA != epoch) {
            epochA = epoch;
            ripA = rip;
            linkA = to;
        } else if (epochB != epoch) {
            epochB = epoch;
            ripB = rip;
            linkB = to;
        } else {
            return false;
        }
        return true;
    }
}

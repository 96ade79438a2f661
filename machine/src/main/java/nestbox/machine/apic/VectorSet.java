package nestbox.machine.apic;

import nestbox.core.StateReader;
import nestbox.core.StateWriter;

/** A set of the 256 interrupt vectors, readable as the eight 32-bit registers of IRR, ISR or TMR. */
final class VectorSet {
    private final int[] words = new int[8];

    boolean contains(int vector) {
        return (words[vector >>> 5] >>> (vector & 31) & 1) != 0;
    }

    void set(int vector, boolean present) {
        if (present) {
            words[vector >>> 5] |= 1 << (vector & 31);
        } else {
            words[vector >>> 5] &= ~(1 << (vector & 31));
        }
    }

    /** The highest vector in the set, -1 if it is empty. */
    int highest() {
        for (int i = 7; i >= 0; i--) {
            if (words[i] != 0) {
                return i * 32 + 31 - Integer.numberOfLeadingZeros(words[i]);
            }
        }
        return -1;
    }

    long word(int index) {
        return words[index] & 0xffffffffL;
    }

    void clear() {
        java.util.Arrays.fill(words, 0);
    }

    void save(StateWriter out) {
        out.writeInts(words);
    }

    void restore(StateReader in) {
        in.readInts(words);
    }
}

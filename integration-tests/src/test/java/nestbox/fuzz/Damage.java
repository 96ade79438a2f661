package nestbox.fuzz;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import nestbox.core.Seed;

/** Damages a saved state: each of its sections as often as any other, and their beginnings most. */
final class Damage {
    private static final int LONGEST_NAME = 24;
    private static final int BEGINNING = 64;
    private static final int MOST = 4096;

    private final byte[] good;
    private final Seed random;
    private final List<Integer> sections = new ArrayList<>();

    Damage(byte[] good, Seed random) {
        this.good = good;
        this.random = random;
        ByteBuffer in = ByteBuffer.wrap(good);
        for (int at = 0; at + 4 < good.length; at++) {
            int length = in.getInt(at);
            if (length > 1 && length < LONGEST_NAME && at + 4 + length <= good.length && isName(at + 4, length)) {
                sections.add(at);
            }
        }
    }

    private boolean isName(int at, int length) {
        for (int i = at; i < at + length; i++) {
            boolean letter = good[i] >= 'a' && good[i] <= 'z';
            if (!letter && (i == at || good[i] != ' ' && good[i] != '-' && (good[i] < '0' || good[i] > '9'))) {
                return false;
            }
        }
        return true;
    }

    byte[] next() {
        byte[] bad = good.clone();
        for (int i = 1 + random.nextInt(3); i > 0; i--) {
            int section = random.nextInt(sections.size());
            int start = sections.get(section);
            int end = section + 1 < sections.size() ? sections.get(section + 1) : good.length;
            int at = start + random.nextInt(Math.min(end - start, random.nextInt(2) == 0 ? BEGINNING : MOST));
            bad[at] = (byte) (random.nextInt(2) == 0 ? random.nextLong() : bad[at] ^ 1 << random.nextInt(8));
        }
        return bad;
    }
}

package nestbox.mmu.core;

import java.util.Arrays;

/**
 * Which leaves map a guest frame. A frame's head in its slot is 0, the handle of the one leaf, or the negated number of the
 * first node of a list; so most frames cost 4 bytes.
 */
final class ReverseMap {
    private int[] handles = new int[64];
    private int[] next = new int[64];
    private int fresh = 1;
    private int free;

    void add(MemorySlot slot, int level, long gfn, int handle) {
        int head = slot.head(level, gfn);
        if (head == 0) {
            slot.setHead(level, gfn, handle);
        } else {
            int rest = head > 0 ? node(head, 0) : -head;
            slot.setHead(level, gfn, -node(handle, rest));
        }
    }

    void remove(MemorySlot slot, int level, long gfn, int handle) {
        int head = slot.head(level, gfn);
        if (head == handle) {
            slot.setHead(level, gfn, 0);
            return;
        }
        int before = 0;
        for (int at = head < 0 ? -head : 0; at != 0; at = next[at]) {
            if (handles[at] == handle) {
                if (before == 0) {
                    slot.setHead(level, gfn, -next[at]);
                } else {
                    next[before] = next[at];
                }
                next[at] = free;
                free = at;
                return;
            }
            before = at;
        }
    }

    /** Any leaf that maps the frame at {@code level}, or 0. */
    int first(MemorySlot slot, int level, long gfn) {
        int head = slot.head(level, gfn);
        return head < 0 ? handles[-head] : head;
    }

    /** All of them. */
    int[] all(MemorySlot slot, int level, long gfn) {
        int head = slot.head(level, gfn);
        if (head >= 0) {
            return head == 0 ? new int[0] : new int[] {head};
        }
        int[] found = new int[4];
        int count = 0;
        for (int at = -head; at != 0; at = next[at]) {
            if (count == found.length) {
                found = Arrays.copyOf(found, 2 * count);
            }
            found[count++] = handles[at];
        }
        return Arrays.copyOf(found, count);
    }

    private int node(int handle, int rest) {
        int at = free;
        if (at != 0) {
            free = next[at];
        } else {
            at = fresh++;
            if (at == handles.length) {
                handles = Arrays.copyOf(handles, 2 * at);
                next = Arrays.copyOf(next, 2 * at);
            }
        }
        handles[at] = handle;
        next[at] = rest;
        return at;
    }
}

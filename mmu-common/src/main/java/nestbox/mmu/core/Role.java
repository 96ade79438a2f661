package nestbox.mmu.core;

import nestbox.mmu.paging.Access;

/**
 * What a shadow page is made for, in one word (kvm_mmu_page_role): two pages with the same frame and role are one page. Bits
 * 0-3 are the level, 8-11 the {@link Access} rights of the entries above.
 */
final class Role {
    static final int LEVEL = 0xf;
    static final int FOUR_BYTES = 1 << 4;
    static final int QUADRANT_SHIFT = 5;
    static final int QUADRANT = 3 << QUADRANT_SHIFT;
    static final int DIRECT = 1 << 7;
    static final int ACCESS_SHIFT = 8;
    static final int ACCESS = 15 << ACCESS_SHIFT;
    static final int NX = 1 << 12;
    static final int WP = 1 << 13;
    static final int SMEP_NOT_WP = 1 << 14;
    static final int SMAP_NOT_WP = 1 << 15;
    static final int NO_AD = 1 << 16;
    static final int GUEST_MODE = 1 << 17;
    /** A level-5 table over a guest's level-4 table, which stands for the same guest frame. */
    static final int PASSTHROUGH = 1 << 18;

    static final int SMM = 1 << 19;
    static final int PSE = 1 << 20;
    /** What a page may have other than the MMU that synchronises it. */
    static final int NOT_COMPARED = LEVEL | ACCESS | QUADRANT | PASSTHROUGH | DIRECT;

    static final int ALL_ACCESS = Access.READ | Access.WRITE | Access.EXECUTE | Access.USER;

    private Role() {}

    static int level(int role) {
        return role & LEVEL;
    }

    static int withLevel(int role, int level) {
        return role & ~LEVEL | level;
    }

    static int access(int role) {
        return role >>> ACCESS_SHIFT & 15;
    }

    static int withAccess(int role, int access) {
        return role & ~ACCESS | access << ACCESS_SHIFT;
    }

    static int quadrant(int role) {
        return role >>> QUADRANT_SHIFT & 3;
    }

    static int withQuadrant(int role, int quadrant) {
        return role & ~QUADRANT | quadrant << QUADRANT_SHIFT;
    }

    static boolean has(int role, int bit) {
        return (role & bit) != 0;
    }

    static int with(int role, int bit, boolean on) {
        return on ? role | bit : role & ~bit;
    }

    /** The address space whose slots pages of this role map. */
    static int space(int role) {
        return has(role, SMM) ? MemorySlots.SMM : MemorySlots.NORMAL;
    }

    /** The role of the page that entry {@code index} of a page with role {@code parent} references. */
    static int child(int parent, int index, boolean direct, int access) {
        int role = withAccess(parent, access) - 1 & ~PASSTHROUGH;
        role = with(role, DIRECT, direct);
        return has(role, FOUR_BYTES) ? withQuadrant(role, index & 1) : role;
    }
}

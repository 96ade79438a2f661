package nestbox.mmu.core;

/** The current root of an MMU and the three before it (fast_pgd_switch). */
final class RootCache {
    static final int PREVIOUS = 3;
    static final long INVALID = -1;

    /** What hardware's CR3 or EPTP points to, and which of the guest's tables it stands for. */
    static final class Root {
        long pgd;
        long hpa = INVALID;
        /** Null for PAE roots, for the dummy root, and if invalid. */
        ShadowPage page;

        boolean valid() {
            return hpa != INVALID;
        }

        void set(long newPgd, long newHpa, ShadowPage newPage) {
            pgd = newPgd;
            hpa = newHpa;
            page = newPage;
        }
    }

    /** Takes roots that leave the cache. */
    interface Releaser {
        void release(Root root);
    }

    private final Releaser releaser;
    Root current = new Root();
    /** The most recent one first. */
    final Root[] previous = {new Root(), new Root(), new Root()};

    RootCache(Releaser releaser) {
        this.releaser = releaser;
    }

    private static boolean usable(Root root, long pgd, int role, boolean compareRole) {
        return root.valid()
                && root.page != null
                && (Role.has(role, Role.DIRECT) || root.pgd == pgd)
                && (!compareRole || root.page.role == role);
    }

    /** Makes a root for these the current one if there is one; else there is none afterwards. */
    boolean switchTo(long pgd, int role, boolean compareRole) {
        if (current.valid() && current.page == null) {
            release(current);
        }
        return current.valid() ? rotate(pgd, role, compareRole) : refill(pgd, role, compareRole);
    }

    private boolean rotate(long pgd, int role, boolean compareRole) {
        if (usable(current, pgd, role, compareRole)) {
            return true;
        }
        for (int i = 0; i < PREVIOUS; i++) {
            Root swap = current;
            current = previous[i];
            previous[i] = swap;
            if (usable(current, pgd, role, compareRole)) {
                return true;
            }
        }
        release(current);
        return false;
    }

    private boolean refill(long pgd, int role, boolean compareRole) {
        for (int i = 0; i < PREVIOUS; i++) {
            if (usable(previous[i], pgd, role, compareRole)) {
                Root empty = current;
                current = previous[i];
                for (; i < PREVIOUS - 1; i++) {
                    previous[i] = previous[i + 1];
                }
                previous[i] = empty;
                return true;
            }
        }
        return false;
    }

    void release(Root root) {
        if (root.valid()) {
            releaser.release(root);
            root.set(0, INVALID, null);
        }
    }

    /** Releases the roots of {@code mask}: bit 0 the current one, bit 1 + i previous i. */
    void free(int mask) {
        for (int i = 0; i < PREVIOUS; i++) {
            if ((mask & MmuVcpu.rootPrevious(i)) != 0) {
                release(previous[i]);
            }
        }
        if ((mask & MmuVcpu.ROOT_CURRENT) != 0) {
            release(current);
        }
    }
}

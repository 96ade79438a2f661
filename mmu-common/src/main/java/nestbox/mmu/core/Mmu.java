package nestbox.mmu.core;

/** Shadowing state of one of a vCPU's MMUs: its role, its roots, and the walk whose tables it shadows. */
final class Mmu {
    static final int PAE_ROOTS = 4;

    final GuestWalk walk;
    final RootCache roots;
    /** The level-2 roots under {@link #paeTable}, null where the guest has none. */
    final ShadowPage[] pae = new ShadowPage[PAE_ROOTS];

    /** What the guest's registers say about the tables; see {@link Roles}. */
    long cpuRole = -1;
    /** Of the root, with the access rights and level that it has. */
    int role;
    /** The table of four PDPTEs, and tables above it for hardware that walks more levels; 0 until needed. */
    long paeTable;

    long pml4;
    long pml5;

    Mmu(GuestWalk walk, ShadowPages pages) {
        this.walk = walk;
        roots = new RootCache(root -> release(root, pages));
    }

    private void release(RootCache.Root root, ShadowPages pages) {
        if (root.page != null) {
            pages.putRoot(root.page);
            return;
        }
        if (root == roots.current) {
            for (int i = 0; i < PAE_ROOTS; i++) {
                if (pae[i] != null) {
                    pages.putRoot(pae[i]);
                    pae[i] = null;
                }
            }
        }
    }

    /** How often a page is among the roots. */
    int rootsOf(ShadowPage page) {
        int found = 0;
        for (RootCache.Root root : roots.previous) {
            found += root.page == page ? 1 : 0;
        }
        found += roots.current.page == page ? 1 : 0;
        for (ShadowPage root : pae) {
            found += root == page ? 1 : 0;
        }
        return found;
    }

    boolean direct() {
        return Role.has(role, Role.DIRECT);
    }
}

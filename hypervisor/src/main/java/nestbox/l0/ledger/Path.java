package nestbox.l0.ledger;

import nestbox.l0.ledger.CheckReport.Change;
import nestbox.mmu.paging.Access;

/**
 * A walk to a leaf through present or past entries of tables.
 *
 * @param target guest-physical address
 * @param rights {@link Access} bits: WRITE, USER, EXECUTE
 * @param shift size of the page
 * @param end number of the event that made the first of its entries a past one; {@link #NOW} if all are present
 * @param change that event, or null
 */
record Path(long target, int rights, boolean global, int shift, long end, Change change) {
    static final long NOW = Long.MAX_VALUE;

    /** @param lifted EFLAGS.AC lifts SMAP for accesses that are not implicit */
    boolean permits(int access, GuestPaging paging, boolean lifted) {
        boolean user = (access & Access.USER) != 0;
        boolean fetch = (access & Access.EXECUTE) != 0;
        boolean barred = fetch ? paging.smep() : paging.smap() && !(lifted && (access & Access.IMPLICIT) == 0);
        if (!user && barred && (rights & Access.USER) != 0) {
            return false;
        }
        boolean write = (access & Access.WRITE) != 0 && (user || paging.writeProtect());
        return (!user || (rights & Access.USER) != 0)
                && (!write || (rights & Access.WRITE) != 0)
                && (!fetch || (rights & Access.EXECUTE) != 0);
    }
}

package nestbox.l0.ledger;

import java.util.List;
import nestbox.l0.ledger.CheckReport.Change;
import nestbox.mmu.paging.Access;

/**
 * A walk to a leaf through present or past entries of tables.
 *
 * @param target guest-physical address of L1
 * @param rights {@link Access} bits by the guest's own tables
 * @param shift size of the page there
 * @param end number of the event that made the first of their entries a past one; {@link #NOW} if all are present
 * @param change that event, or null
 * @param nested what nested tables made of the tables' addresses and of the page's, in this order; empty without
 */
record Path(long target, int rights, boolean global, int shift, long end, Change change, List<Nested> nested) {
    static final long NOW = Long.MAX_VALUE;

    /** A walk of nested tables. */
    record Nested(long ngpa, int rights, int shift, long end, Change change) {}

    /** @param lifted EFLAGS.AC lifts SMAP for accesses that are not implicit */
    boolean permits(int access, GuestPaging paging, boolean lifted) {
        boolean fetch = (access & Access.EXECUTE) != 0;
        boolean write = (access & Access.WRITE) != 0;
        if (!nested.isEmpty()) {
            int wanted = fetch ? Access.EXECUTE : write ? Access.WRITE : Access.READ;
            if ((nested.get(nested.size() - 1).rights() & wanted) == 0) {
                return false;
            }
        }
        return paging == null || permits(access, fetch, write, paging, lifted);
    }

    private boolean permits(int access, boolean fetch, boolean write, GuestPaging paging, boolean lifted) {
        boolean user = (access & Access.USER) != 0;
        boolean barred = fetch ? paging.smep() : paging.smap() && !(lifted && (access & Access.IMPLICIT) == 0);
        if (!user && barred && (rights & Access.USER) != 0) {
            return false;
        }
        boolean needsWrite = write && (access & Access.SHADOW_STACK) == 0 && (user || paging.writeProtect());
        return (!user || (rights & Access.USER) != 0)
                && (!needsWrite || (rights & Access.WRITE) != 0)
                && (!fetch || (rights & Access.EXECUTE) != 0);
    }

    /** The youngest write that made an entry of this path a past one, or null. */
    Change last() {
        Change youngest = change;
        for (Nested part : nested) {
            if (part.change != null && (youngest == null || youngest.number() < part.change.number())) {
                youngest = part.change;
            }
        }
        return youngest;
    }

    /** Number of the event from which on the path as a whole is past. */
    long firstEnd() {
        long first = end;
        for (Nested part : nested) {
            first = Math.min(first, part.end);
        }
        return first;
    }
}

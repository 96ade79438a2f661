package nestbox.l0.ledger;

/**
 * One use of a stale translation.
 *
 * @param verdict whose fault
 * @param cpu the processor that used it
 * @param nested L2 ran
 * @param linear the address
 * @param used guest-physical address that it led to, or -1 if it led outside the guest's memory
 * @param usedAt virtual time of the use
 * @param change the write that made the translation stale; null if no contents of the guest's tables explain it
 * @param invalidation what should have removed it; null if nothing should have
 * @param nearest what comes nearest to an explanation where neither a write nor an invalidation is one
 */
public record CheckReport(
        Verdict verdict,
        int cpu,
        boolean nested,
        long linear,
        long used,
        long usedAt,
        Change change,
        Invalidation invalidation,
        Nearest nearest) {
    /** Whose fault a stale use is. */
    public enum Verdict {
        /** Nothing that the manual says covers the translation has happened since the write: the guest permitted it. */
        PERMITTED,
        /** More has happened since than is remembered: an explanation may be among what is forgotten. The run goes on. */
        NOT_JUDGED,
        /** Whoever provides the processor (L0, or the silicon itself) has kept what it had to forget. */
        FAULT
    }

    /** How close the guest's tables, past and present, come to a use that they do not explain; the closest is the last. */
    public enum Nearest {
        NOTHING("no contents of the guest's tables lead there, so the change is the hypervisor's own"),
        FEWER_RIGHTS("the guest's tables lead there, but never with the right to that access"),
        OTHER_WORLD("a translation of another VPID, ASID or EPTP, which does not count for this one"),
        OTHER_PCID("a translation of another PCID, which the change of PCID had to leave behind");

        private final String words;

        Nearest(String words) {
            this.words = words;
        }
    }

    /**
     * A write to a table.
     *
     * @param number of the write among all writes and invalidations
     * @param time virtual time
     * @param writer who
     * @param address guest-physical address of the 8 bytes
     * @param old what they held
     */
    public record Change(long number, long time, String writer, long address, long old) {}

    @Override
    public String toString() {
        String use = String.format(
                "%scpu%d used %x at %d as %s",
                nested ? "L2 on " : "",
                cpu,
                linear,
                usedAt,
                used < 0 ? "an address outside its memory" : String.format("%x", used));
        if (verdict == Verdict.NOT_JUDGED) {
            return use + ": not judged, since more changes and invalidations have happened than are remembered";
        }
        if (change == null && invalidation != null) {
            return use + ": a translation of top tables in use before, and the " + invalidation
                    + " was not carried out";
        }
        if (change == null && verdict == Verdict.PERMITTED) {
            return use + ": a translation of top tables in use before, which the guest has not invalidated";
        }
        if (change == null) {
            return use + ": " + nearest.words;
        }
        String write = String.format(
                "%s had changed the table at %x (%x before) at %d",
                change.writer(), change.address(), change.old(), change.time());
        return verdict == Verdict.PERMITTED
                ? use + ": " + write + " and has not invalidated it"
                : use + ": " + write + ", and the " + invalidation + " was not carried out";
    }
}

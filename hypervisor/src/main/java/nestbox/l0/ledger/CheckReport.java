package nestbox.l0.ledger;

/**
 * One use of a stale translation.
 *
 * @param verdict whose fault
 * @param cpu the processor that used it
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
        /** Whoever provides the processor (L0, or the silicon itself) has kept what it had to forget. */
        FAULT
    }

    /** How close the guest's tables, past and present, come to a use that they do not explain. */
    public enum Nearest {
        NOTHING("no contents of the guest's tables lead there, so the change is the hypervisor's own"),
        OTHER_PCID("a translation of another PCID, which the change of PCID had to leave behind"),
        FEWER_RIGHTS("the guest's tables lead there, but never with the right to that access");

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

    /**
     * An invalidation by an instruction or by a VM entry or exit without VPID.
     *
     * @param number among all writes and invalidations
     * @param time virtual time
     * @param scope what it reaches
     * @param pcid of one PCID
     * @param linear of one address
     */
    public record Invalidation(
            long number, long time, nestbox.x86.mem.TranslationObserver.Scope scope, int pcid, long linear) {
        @Override
        public String toString() {
            return switch (scope) {
                case ADDRESS -> String.format("INVLPG of %x at %d", linear, time);
                case ADDRESS_OF_PCID -> String.format("INVPCID of %x, PCID %d, at %d", linear, pcid, time);
                case CONTEXT -> String.format("flush of PCID %d (MOV CR3, INVPCID) at %d", pcid, time);
                default -> String.format("flush of %s at %d", scope, time);
            };
        }
    }

    @Override
    public String toString() {
        String use = String.format(
                "cpu%d used %x at %d as %s",
                cpu, linear, usedAt, used < 0 ? "an address outside its memory" : String.format("%x", used));
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

package nestbox.machine;

/**
 * How a run ended.
 *
 * @param code the value written to the debug-exit device for {@link Kind#DEBUG_EXIT}, else 0
 * @param detail what and where, in one line for the user; empty if there is nothing to say
 */
public record Outcome(Kind kind, long code, String detail) {
    /** The ways in which a run can end. */
    public enum Kind {
        /** The guest wrote to isa-debug-exit. */
        DEBUG_EXIT,
        /** The guest powered the machine off. */
        POWER_OFF,
        /** The guest reset the machine, which was configured to end then. */
        RESET,
        /** A processor shut down: a triple fault. */
        SHUTDOWN,
        /** Every processor is halted and nothing will wake one. */
        HALTED_FOREVER,
        /** The limit of instructions is used up; the run can go on. */
        LIMIT,
        /** The guest used something that Nestbox does not implement. */
        UNSUPPORTED,
        /** A hypervisor under the machine gave the guest up, as KVM does by an exit to userspace. */
        HYPERVISOR,
        /** A processor used a translation that it had to have forgotten ({@code --check tlb}). */
        TLB_CHECK,
        /** The host asked the run to stop; it can go on. */
        STOPPED
    }

    static Outcome of(Kind kind, String detail) {
        return new Outcome(kind, 0, detail);
    }
}

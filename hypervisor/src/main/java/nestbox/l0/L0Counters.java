package nestbox.l0;

/** Counters of L0, as {@code kvm_stat} has them. */
public final class L0Counters {
    public long exits;
    /** Instructions and events emulated because the silicon could not run the guest's state. */
    public long emulatedStates;
}

package nestbox.mmu.core;

/**
 * By which address of L1 a fault of L2 under nested TDP is looked up in the MMIO cache: the policy point
 * {@link MmuPolicy#MMIO_NESTED_LOOKUP}.
 */
@FunctionalInterface
public interface NgpaLookup {
    /** The cache keeps addresses of L1, and L2's address is none: no lookup. */
    NgpaLookup REFUSE = ngpa -> null;
    /** Takes the one for the other. */
    NgpaLookup ALLOW = Ngpa::unsafeAsGpa;

    /** Null for no lookup. */
    Gpa toLookUp(Ngpa address);
}

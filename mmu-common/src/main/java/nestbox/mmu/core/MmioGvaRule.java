package nestbox.mmu.core;

/** When the MMIO cache may hold and use linear addresses: the policy point {@link MmuPolicy#MMIO_GVA_ALLOWED}. */
public interface MmioGvaRule {
    /**
     * The page to remember with a new entry, 0 for none.
     *
     * @param address the faulting address
     * @param tdpFault hardware reported the fault on its own second stage
     * @param fromSpte the fault hit an MMIO SPTE, rather than finding no slot
     */
    long toStore(PolicyContext context, FaultAddress address, boolean tdpFault, boolean fromSpte);

    /** Whether a remembered page may be matched now. */
    boolean mayMatch(PolicyContext context);

    /** Whether the lookup at a fault goes by page rather than by gfn. */
    boolean lookupByGva(PolicyContext context);

    /** The rule of KVM as it stands. */
    MmioGvaRule LEGACY = new MmioGvaRule() {
        @Override
        public long toStore(PolicyContext context, FaultAddress address, boolean tdpFault, boolean fromSpte) {
            boolean none = context.nested() || (fromSpte ? context.direct() : tdpFault);
            return none ? 0 : address.value() & ~0xfffL;
        }

        @Override
        public boolean mayMatch(PolicyContext context) {
            return true;
        }

        @Override
        public boolean lookupByGva(PolicyContext context) {
            return !context.direct();
        }
    };

    /** The rule of Sean Christopherson's proposal of 9 June 2026: with shadow paging and CR0.PG=1 only. */
    MmioGvaRule SEAN = new MmioGvaRule() {
        @Override
        public long toStore(PolicyContext context, FaultAddress address, boolean tdpFault, boolean fromSpte) {
            return mayMatch(context) ? address.value() & ~0xfffL : 0;
        }

        @Override
        public boolean mayMatch(PolicyContext context) {
            return !context.tdp() && context.paging();
        }

        @Override
        public boolean lookupByGva(PolicyContext context) {
            return mayMatch(context);
        }
    };

    /** Takes every faulting address for a linear one. */
    MmioGvaRule ANY = new MmioGvaRule() {
        @Override
        public long toStore(PolicyContext context, FaultAddress address, boolean tdpFault, boolean fromSpte) {
            return address.value() & ~0xfffL;
        }

        @Override
        public boolean mayMatch(PolicyContext context) {
            return true;
        }

        @Override
        public boolean lookupByGva(PolicyContext context) {
            return !context.direct();
        }
    };
}

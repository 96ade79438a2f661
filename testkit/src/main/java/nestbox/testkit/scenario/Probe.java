package nestbox.testkit.scenario;

import java.util.function.Supplier;
import nestbox.modules.Nestbox;

/**
 * Observes a run from outside. The image tells where it is: a write of N to port 80h is the end of step N; with bit 7 of it the step
 * flushed the guest's TLB.
 */
public abstract class Probe {
    /** The probes that a scenario can name. */
    public enum Kind {
        /** Roots that L0 built after the first step that the image tells of and before the last. */
        ROOTS(() -> new CounterProbe("roots", l0 -> l0.mmu().counters().rootsBuilt)),
        /** Hits of the MMIO cache in the same time. */
        MMIO_HITS(() -> new CounterProbe("hits", l0 -> l0.mmu().counters().mmioCacheHits)),
        /** How often the MMIO cache was made to forget its linear address. */
        MMIO_CLEARS(() -> new CounterProbe("clears", l0 -> l0.mmu().counters().mmioCacheClears)),
        /** Shadow pages that were compared with the guest's tables again. */
        SYNCED(() -> new CounterProbe("synced", l0 -> l0.mmu().counters().pagesSynced)),
        /** Shadow pages that were dropped. */
        ZAPPED(() -> new CounterProbe("zapped", l0 -> l0.mmu().counters().pagesZapped)),
        /** Exits of the guest to L0. */
        EXITS(() -> new CounterProbe("exits", l0 -> l0.counters().exits)),
        /** Roots of the guest's virtual TLB that map address X otherwise than any translation since the last flush: facts A.5. */
        VIRTUAL_TLB(VirtualTlbProbe::new),
        /** The role of the root with which the vCPU runs, against whether it is in guest mode. */
        ROOT_ROLE(RootRoleProbe::new),
        /** Entries that L0 makes for hardware to refuse. */
        EARLY(() -> new CounterProbe("early", l0 -> l0.counters().earlyEntries)),
        /** Userspace gives the virtual machine memory at D0000000h, full of N, at the end of step 0. */
        PLUG(() -> new PlugProbe(PlugProbe.What.ONLY)),
        /** The same, and the second processor runs while L0 changes the slots. */
        PLUG_RACE(() -> new PlugProbe(PlugProbe.What.RACE)),
        /** The same, and then slots change until the generation that MMIO entries of tables keep is that of step 0 again. */
        PLUG_WRAP(() -> new PlugProbe(PlugProbe.What.WRAP));

        private final Supplier<Probe> maker;

        Kind(Supplier<Probe> maker) {
            this.maker = maker;
        }

        Probe make() {
            return maker.get();
        }
    }

    /** The image is about to start. */
    void begin(Nestbox lab) {}

    /**
     * The image has come to the end of a step.
     *
     * @param flushed the architecture says that the step flushed what the TLB holds of the PCID in question
     */
    void mark(int step, boolean flushed, Nestbox lab) {}

    /** What was seen, empty if nothing was to be seen; the run has ended. */
    String observed(Nestbox lab) {
        return "";
    }
}

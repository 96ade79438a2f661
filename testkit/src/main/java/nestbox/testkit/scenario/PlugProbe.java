package nestbox.testkit.scenario;

import java.util.List;
import nestbox.l0.Hypervisor;
import nestbox.l0.Vcpu;
import nestbox.mmu.core.HostFrames;
import nestbox.mmu.core.MemorySlots;
import nestbox.mmu.core.Slot;
import nestbox.mmu.core.YieldPoint;
import nestbox.modules.Nestbox;

/**
 * Userspace gives the virtual machine a page of memory, as it does with that of a passed-through device: hardware reaches it, the
 * board's bus does not, so that an access which L0 still takes for MMIO reads ones. On bare silicon the bus has it.
 */
final class PlugProbe extends Probe {
    private static final long ADDRESS = 0xd000_0000L;
    private static final int PAGE = 4096;
    private static final int SLOT = 1 << 24;
    private static final long NS = 0x4e4e_4e4e_4e4e_4e4eL;
    /** MMIO entries of tables keep 19 bits of the generation, which goes up by two. */
    private static final long GENERATIONS = 1 << 19;

    private static final int INSTRUCTIONS = 500;

    private final What what;

    /** What happens besides. */
    enum What {
        ONLY,
        RACE,
        WRAP
    }

    PlugProbe(What what) {
        this.what = what;
    }

    @Override
    void begin(Nestbox lab) {
        if (what == What.RACE) {
            lab.hypervisor()
                    .ifPresent(l0 -> l0.mmu().setYieldPoints(point -> {
                        List<Vcpu> vcpus = l0.vcpus();
                        boolean changing = point == YieldPoint.SLOTS_IN_PROGRESS || point == YieldPoint.SLOTS_INSTALLED;
                        if (changing && vcpus.size() > 1) {
                            vcpus.get(1).run(INSTRUCTIONS);
                        }
                    }));
        }
    }

    @Override
    void mark(int step, boolean flushed, Nestbox lab) {
        if (step == 0) {
            lab.hypervisor().ifPresentOrElse(this::plug, () -> plugBare(lab));
        }
    }

    private static void plugBare(Nestbox lab) {
        lab.machine().memory().mapRam(ADDRESS, PAGE);
        for (int at = 0; at < PAGE; at += 8) {
            lab.machine().memory().write(ADDRESS + at, 8, NS);
        }
    }

    private void plug(Hypervisor l0) {
        HostFrames frames = l0.host().frames();
        long page = frames.allocate();
        for (int at = 0; at < PAGE; at += 8) {
            frames.write(page + at, 8, NS);
        }
        MemorySlots slots = l0.mmu().slots();
        long before = slots.generation(MemorySlots.NORMAL);
        Slot slot = Slot.ram(SLOT, ADDRESS, PAGE, page);
        slots.set(MemorySlots.NORMAL, slot).request();
        if (what == What.WRAP) {
            // Updates that change nothing are left out: only those at which the generation is 0 and as before.
            slots.setGeneration(GENERATIONS - 2);
            slots.set(MemorySlots.NORMAL, slot.withDirtyLog(true)).request();
            slots.setGeneration(GENERATIONS + before - 2);
            slots.set(MemorySlots.NORMAL, slot).request();
        }
    }
}

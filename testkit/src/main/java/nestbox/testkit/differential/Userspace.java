package nestbox.testkit.differential;

import java.util.ArrayList;
import java.util.List;
import nestbox.core.Seed;
import nestbox.machine.Outcome;
import nestbox.mmu.core.MemorySlots;
import nestbox.mmu.core.MmuVm;
import nestbox.mmu.core.Slot;
import nestbox.mmu.memory.PhysicalMemory;
import nestbox.modules.Nestbox;

/**
 * Userspace at work on L0's memory slots while a guest runs: they are logged, taken away, moved and brought back. The guest cannot
 * tell; and whatever page changes under a log that is asked regularly must be in it.
 */
final class Userspace {
    private static final int SHORTEST = 500;
    private static final int LONGEST = 6000;
    private static final long ELSEWHERE = 0x1000000;
    /** Pages that are compared between two looks into the log. */
    private static final long[][] WATCHED = {
        {0, 0x5000}, {Layout.TABLES, Layout.FRAMES + 0x10000}, {Layout.LOG, Layout.LOG + 0x20000}
    };

    private final Nestbox lab;
    private final MmuVm mmu;
    private final MemorySlots slots;
    private final PhysicalMemory memory;
    private final Seed random;
    private final List<Long> pages = new ArrayList<>();
    private final long[] before;
    /** The log has been on since {@link #before} was taken. */
    private long logged = -1;

    private String wrong;

    Userspace(Nestbox lab) {
        this.lab = lab;
        mmu = lab.hypervisor().orElseThrow().mmu();
        slots = mmu.slots();
        memory = lab.machine().memory();
        random = new Seed(lab.configuration().machine().seed());
        for (long[] range : WATCHED) {
            for (long page = range[0]; page < range[1]; page += 0x1000) {
                pages.add(page);
            }
        }
        before = new long[pages.size()];
    }

    /** What was missing from a log, or null. */
    String wrong() {
        return wrong;
    }

    Outcome run(long limit) {
        long left = limit;
        while (true) {
            long slice = Math.min(left, SHORTEST + random.nextInt(LONGEST));
            Outcome outcome = lab.run(slice);
            left -= slice;
            if (outcome.kind() != Outcome.Kind.LIMIT || left <= 0 || wrong != null) {
                return outcome;
            }
            act();
        }
    }

    private void act() {
        List<Slot> all = slots.all(MemorySlots.NORMAL);
        Slot slot = all.get(random.nextInt(all.size()));
        switch (random.nextInt(8)) {
            case 0 -> log(slot, !slot.dirtyLog());
            case 1 -> {
                forget(slot);
                slots.delete(MemorySlots.NORMAL, slot.id()).request();
                slots.set(MemorySlots.NORMAL, slot).request();
            }
            case 2 -> {
                forget(slot);
                slots.set(MemorySlots.NORMAL, slot.movedTo(ELSEWHERE)).request();
                slots.set(MemorySlots.NORMAL, slot).request();
            }
            case 3 -> mmu.zapAllFast();
            default -> look();
        }
    }

    private void forget(Slot slot) {
        logged = slot.id() == logged ? -1 : logged;
    }

    private void log(Slot slot, boolean on) {
        forget(slot);
        slots.set(MemorySlots.NORMAL, slot.withDirtyLog(on)).request();
    }

    /** Into the log of the slot with most of the memory. */
    private void look() {
        Slot slot = slots.at(MemorySlots.NORMAL, Layout.IMAGE >>> 12);
        if (!slot.dirtyLog()) {
            log(slot, true);
            return;
        }
        long[] dirty = slots.takeDirty(MemorySlots.NORMAL, slot.id());
        for (int i = 0; i < before.length; i++) {
            long digest = digest(pages.get(i));
            long index = (pages.get(i) >>> 12) - slot.baseGfn();
            boolean watched = logged == slot.id() && index >= 0 && index < slot.pages();
            if (watched && digest != before[i] && (dirty[(int) (index >>> 6)] >>> (index & 63) & 1) == 0) {
                wrong = String.format("the dirty log lacks page %x", pages.get(i));
            }
            before[i] = digest;
        }
        logged = slot.id();
    }

    private long digest(long page) {
        long digest = 0;
        for (long at = page; at < page + 0x1000; at += 8) {
            digest = digest * 31 + memory.read(at, 8);
        }
        return digest;
    }
}

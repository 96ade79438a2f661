package nestbox.mmu.core;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import nestbox.core.NestboxException;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.Stateful;

/**
 * The memory slots of a virtual machine in its two address spaces, normal and SMM. Each change installs a new set: the
 * generation first says that an update is in progress, then becomes a new number; MMIO that was cached under another generation
 * no longer counts. A slot that goes away or moves is first marked invalid, and all translations are zapped.
 */
public final class MemorySlots implements Stateful {
    public static final int NORMAL = 0;
    public static final int SMM = 1;
    static final int SPACES = 2;
    /** Set in the generation while slots change. */
    public static final long UPDATE_IN_PROGRESS = 1L << 63;

    private static final MemorySlot[] NONE = {};

    private final MmuVm vm;
    /** By address space, in ascending order of addresses. */
    private final MemorySlot[][] spaces = {NONE, NONE};

    private final long[] generations = {0, 1};
    /** Private stretches as [first gfn, end gfn), disjoint and ascending. */
    private long[] privateRanges = {};

    MemorySlots(MmuVm vm) {
        this.vm = vm;
    }

    /** Generation of an address space, with {@link #UPDATE_IN_PROGRESS}. */
    public long generation(int space) {
        return generations[space];
    }

    public boolean updateInProgress(int space) {
        return generations[space] < 0;
    }

    /** For tests of the wrap: the next generation follows this one. Must be even. */
    public void setGeneration(long value) {
        generations[NORMAL] = value;
        generations[SMM] = value + 1;
    }

    /** The slots of an address space in ascending order. */
    public List<Slot> all(int space) {
        return Arrays.stream(spaces[space]).map(MemorySlot::slot).toList();
    }

    /** The slot at {@code gfn}, or null; one that is being deleted or moved counts. */
    public Slot at(int space, long gfn) {
        MemorySlot found = find(space, gfn);
        return found == null ? null : found.slot();
    }

    /** Host-physical address behind a guest-physical one, -1 without a slot or behind one that goes away. */
    public long toHpa(int space, long gpa) {
        MemorySlot found = find(space, gpa >>> 12);
        return found == null || found.invalid ? -1 : found.hpa(gpa >>> 12) | gpa & 0xfff;
    }

    MemorySlot find(int space, long gfn) {
        MemorySlot[] slots = spaces[space];
        int low = 0;
        int high = slots.length - 1;
        while (low <= high) {
            int middle = low + high >>> 1;
            MemorySlot slot = slots[middle];
            if (gfn < slot.base) {
                high = middle - 1;
            } else if (gfn >= slot.end) {
                low = middle + 1;
            } else {
                return slot;
            }
        }
        return null;
    }

    private MemorySlot byId(int space, int id) {
        for (MemorySlot slot : spaces[space]) {
            if (slot.slot().id() == id) {
                return slot;
            }
        }
        return null;
    }

    /**
     * Adds a slot, or moves the one with the same id, or changes its flags.
     *
     * @throws NestboxException if it overlaps another slot, or the size or host address of an existing one would change
     */
    public Invalidation set(int space, Slot slot) {
        MemorySlot old = byId(space, slot.id());
        for (MemorySlot other : spaces[space]) {
            if (other != old && other.slot().overlaps(slot)) {
                throw new NestboxException(
                        "memory slot " + slot.id(),
                        "overlaps slot " + other.slot().id());
            }
        }
        if (slot.pages() <= 0 || (slot.hpaBase() & 0xfff) != 0) {
            throw new NestboxException("memory slot " + slot.id(), "is not made of whole pages");
        }
        if (old == null) {
            install(space, null, new MemorySlot(slot));
            vm.requestAll(Request.MMU_FREE_OBSOLETE_ROOTS);
            return Invalidation.nothing(vm);
        }
        Slot before = old.slot();
        if (before.pages() != slot.pages()
                || before.hpaBase() != slot.hpaBase()
                || before.readOnly() != slot.readOnly()
                || before.apicAccess() != slot.apicAccess()) {
            throw new NestboxException(
                    "memory slot " + slot.id(), "can be moved and logged, but not resized, re-backed or re-protected");
        }
        if (before.baseGfn() != slot.baseGfn()) {
            retire(space, old);
            install(space, old, new MemorySlot(slot));
            return Invalidation.allVcpus(vm);
        }
        if (before.dirtyLog() != slot.dirtyLog()) {
            old.setDirtyLog(slot);
            install(space, old, old);
            vm.pages.dirtyLogChanged(old);
            return Invalidation.allVcpus(vm);
        }
        return Invalidation.nothing(vm);
    }

    /** @throws NestboxException if there is no such slot */
    public Invalidation delete(int space, int id) {
        MemorySlot old = byId(space, id);
        if (old == null) {
            throw new NestboxException("memory slot " + id, "does not exist");
        }
        retire(space, old);
        install(space, old, null);
        return Invalidation.allVcpus(vm);
    }

    /** First half of a deletion or a move: nothing may use the slot any more. */
    private void retire(int space, MemorySlot old) {
        old.invalid = true;
        install(space, old, old);
        vm.yieldAt(YieldPoint.SLOT_INVALID);
        vm.zapAllFast();
    }

    private void install(int space, MemorySlot old, MemorySlot replacement) {
        long generation = generations[space];
        generations[space] = generation | UPDATE_IN_PROGRESS;
        vm.yieldAt(YieldPoint.SLOTS_IN_PROGRESS);
        List<MemorySlot> list = new ArrayList<>(Arrays.asList(spaces[space]));
        list.remove(old);
        if (replacement != null) {
            list.add(replacement);
        }
        list.sort(Comparator.comparingLong(slot -> slot.base));
        spaces[space] = list.toArray(NONE);
        vm.changed();
        vm.yieldAt(YieldPoint.SLOTS_INSTALLED);
        long next = generation + SPACES;
        vm.slotsUpdated(next);
        generations[space] = next;
    }

    /** Pages written since this was asked last, a bit each; they are watched again. Empty without dirty logging. */
    public long[] takeDirty(int space, int id) {
        MemorySlot slot = byId(space, id);
        if (slot == null || slot.dirty == null) {
            return new long[0];
        }
        long[] result = slot.dirty.clone();
        Arrays.fill(slot.dirty, 0);
        if (vm.pages.protectPages(slot, result)) {
            vm.yieldAt(YieldPoint.DIRTY_PROTECTED);
            vm.requestAll(Request.TLB_FLUSH);
        }
        return result;
    }

    /** The hypervisor itself has written to the page. */
    public void markDirty(int space, long gfn) {
        MemorySlot slot = find(space, gfn);
        if (slot != null) {
            slot.markDirty(gfn);
        }
    }

    /** Makes guest frames private or shared; translations of them are zapped. */
    public Invalidation setPrivate(long gfn, long count, boolean isPrivate) {
        List<Long> bounds = new ArrayList<>();
        long end = gfn + count;
        for (int i = 0; i < privateRanges.length; i += 2) {
            keep(bounds, privateRanges[i], Math.min(privateRanges[i + 1], gfn));
            keep(bounds, Math.max(privateRanges[i], end), privateRanges[i + 1]);
        }
        if (isPrivate) {
            keep(bounds, gfn, end);
        }
        privateRanges = sortedPairs(bounds);
        vm.changed();
        vm.pages.zapGfnRange(gfn, end);
        return Invalidation.allVcpus(vm);
    }

    private static void keep(List<Long> bounds, long from, long to) {
        if (from < to) {
            bounds.add(from);
            bounds.add(to);
        }
    }

    private static long[] sortedPairs(List<Long> bounds) {
        List<long[]> pairs = new ArrayList<>();
        for (int i = 0; i < bounds.size(); i += 2) {
            pairs.add(new long[] {bounds.get(i), bounds.get(i + 1)});
        }
        pairs.sort(Comparator.comparingLong(pair -> pair[0]));
        return pairs.stream().flatMapToLong(Arrays::stream).toArray();
    }

    public boolean isPrivate(long gfn) {
        for (int i = 0; i < privateRanges.length; i += 2) {
            if (gfn >= privateRanges[i] && gfn < privateRanges[i + 1]) {
                return true;
            }
        }
        return false;
    }

    /** Whether all or none of the frames are private. */
    boolean uniform(long gfn, long count) {
        for (long bound : privateRanges) {
            if (bound > gfn && bound < gfn + count) {
                return false;
            }
        }
        return true;
    }

    MemorySlot[] slots(int space) {
        return spaces[space];
    }

    @Override
    public void save(StateWriter out) {
        out.section("memory slots").writeLongs(generations).writeInt(privateRanges.length);
        for (long bound : privateRanges) {
            out.writeLong(bound);
        }
        for (MemorySlot[] slots : spaces) {
            out.writeInt(slots.length);
            for (MemorySlot slot : slots) {
                slot.save(out);
            }
        }
    }

    /** Reads the slots back; everything that was shadowed is zapped first. */
    @Override
    public void restore(StateReader in) {
        vm.zapAllFast();
        in.section("memory slots");
        in.readLongs(generations);
        privateRanges = new long[in.readCount()];
        for (int i = 0; i < privateRanges.length; i++) {
            privateRanges[i] = in.readLong();
        }
        for (int space = 0; space < SPACES; space++) {
            spaces[space] = new MemorySlot[in.readCount()];
            for (int i = 0; i < spaces[space].length; i++) {
                spaces[space][i] = MemorySlot.restored(in);
            }
        }
    }
}

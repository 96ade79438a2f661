package nestbox.mmu.core;

/** Guest-physical memory of one address space as the core reads and writes it: the slots' host memory. */
final class GuestMemory {
    private final MmuVm vm;
    int space;

    GuestMemory(MmuVm vm) {
        this.vm = vm;
    }

    /** Host address behind {@code gpa}, -1 outside memory. */
    long hpa(long gpa) {
        return vm.slots().toHpa(space, gpa);
    }

    /** Writes unless the slot is read-only, and logs the page as dirty. */
    void write(long gpa, long hpa, int bytes, long value) {
        MemorySlot slot = vm.slots().find(space, gpa >>> 12);
        if (!slot.slot().readOnly()) {
            slot.markDirty(gpa >>> 12);
            vm.frames.write(hpa, bytes, value);
        }
    }

    long read(long hpa, int bytes) {
        return vm.frames.read(hpa, bytes);
    }
}

package nestbox.mmu.core;

/** All shadow pages of a virtual machine. */
final class ShadowPages {
    ShadowPages(MmuVm vm) {}

    void dirtyLogChanged(MemorySlot slot) {}

    boolean protectPages(MemorySlot slot, long[] mask) {
        return false;
    }

    void zapGfnRange(long start, long end) {}

    void zapAllFast() {}

    void trackWrite(Gpa address, int bytes) {}
}

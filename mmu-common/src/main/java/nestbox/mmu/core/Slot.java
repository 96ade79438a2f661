package nestbox.mmu.core;

/**
 * A memory slot: a stretch of guest-physical memory and the host memory behind it.
 *
 * @param id the user's number
 * @param baseGfn first guest frame
 * @param pages number of 4-KiB pages
 * @param hpaBase host-physical address of the first page
 * @param readOnly writes are emulated
 * @param dirtyLog pages are mapped so that the first write of each is seen
 * @param apicAccess the hypervisor's page for virtual APIC accesses: L1 maps it while its APIC is virtualised, L2 never
 */
public record Slot(
        int id, long baseGfn, long pages, long hpaBase, boolean readOnly, boolean dirtyLog, boolean apicAccess) {
    public static Slot ram(int id, long gpa, long bytes, long hpaBase) {
        return new Slot(id, gpa >>> 12, bytes >>> 12, hpaBase, false, false, false);
    }

    public Slot withReadOnly(boolean value) {
        return new Slot(id, baseGfn, pages, hpaBase, value, dirtyLog, apicAccess);
    }

    public Slot withDirtyLog(boolean value) {
        return new Slot(id, baseGfn, pages, hpaBase, readOnly, value, apicAccess);
    }

    public Slot movedTo(long gfn) {
        return new Slot(id, gfn, pages, hpaBase, readOnly, dirtyLog, apicAccess);
    }

    public long endGfn() {
        return baseGfn + pages;
    }

    boolean overlaps(Slot other) {
        return baseGfn < other.endGfn() && other.baseGfn < endGfn();
    }
}

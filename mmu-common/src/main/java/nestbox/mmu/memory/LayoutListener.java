package nestbox.mmu.memory;

/** Told when what stands behind physical addresses changes, so that no shortcut to the old backing survives. */
public interface LayoutListener {
    /** A region was mapped or unmapped. */
    void layoutChanged();
}

package nestbox.mmu.core;

/**
 * The address that a page fault reports. Which of the three it is follows from the MMU that was running: a {@link Gva} under
 * shadow paging, a {@link Gpa} under TDP (and without paging), an {@link Ngpa} while L2 runs on EPT12 or NPT12.
 */
public sealed interface FaultAddress permits Gva, Gpa, Ngpa {
    long value();
}

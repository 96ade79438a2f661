package nestbox.mmu.paging;

/** What a paging format leaves to the processor's model and control registers; a set of them is one of {@link PagingLimits}. */
public enum PagingFeature {
    /** CR4.PSE: 4-MByte pages in 2-level paging. Without it bit 7 of a PDE is ignored. */
    PAGE_SIZE_EXTENSIONS,
    /** CPUID.PSE36: bits 20:13 of a 4-MByte PDE hold address bits 39:32. Without it they are reserved. */
    PSE36,
    /** CPUID.PDPE1GB (EPT: 1-GByte pages). Without it bit 7 of a PDPTE is reserved. */
    GIGABYTE_PAGES,
    /** EPT: 2-MByte pages. Without it bit 7 of an EPT PDE is reserved; the other formats always have them. */
    EPT_LARGE_PAGES,
    /** EFER.NXE: bit 63 forbids execution. Without it bit 63 is reserved. */
    EXECUTE_DISABLE,
    /** CR4.PGE: bit 8 of a leaf makes the translation global. Without it the bit is ignored. */
    GLOBAL_PAGES,
    /** Protection keys (CR4.PKE or PKS). Without it bits 62:59 of a leaf are ignored. */
    PROTECTION_KEYS,
    /** AMD: bit 8 of a PML4E or PML5E is reserved (APM Vol. 2, "Long-Mode Page Translation"). */
    TOP_BIT8_RESERVED,
    /** EPT: accessed and dirty flags are enabled in the EPTP; the other formats always have them. */
    EPT_ACCESSED_DIRTY,
    /** EPT: execute-only translations are supported. Without it R=0, X=1 is a misconfiguration. */
    EPT_EXECUTE_ONLY,
    /**
     * EPT: mode-based execute control. Bit 2 permits execution from supervisor-mode linear addresses, bit 10 from user-mode ones:
     * the latter is {@link Access#USER} among the rights.
     */
    EPT_MODE_BASED_EXECUTE
}

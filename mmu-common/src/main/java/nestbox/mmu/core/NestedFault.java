package nestbox.mmu.core;

/**
 * A fault in EPT12 or NPT12, with the facts that the exit to L1 needs.
 *
 * @param kind which exit
 * @param address what could not be translated
 * @param access {@link nestbox.mmu.paging.Access} bits of the access to this stage
 * @param rights {@link nestbox.mmu.paging.Access} bits that the stage's entries grant (EPT qualification bits 5:3), 0 if an
 *     entry is missing
 * @param ofTable the access was to a paging structure of L2 (NPT: GUEST_PAGE instead of GUEST_FINAL; EPT: bit 8 clear)
 * @param errorCode of NPF: the #PF-like bits and the stage bit; 0 for EPT
 * @param byHardware an exit of hardware carried it, whose own stage bits are to be preferred
 */
public record NestedFault(
        Kind kind, Ngpa address, int access, int rights, boolean ofTable, long errorCode, boolean byHardware) {
    /** Which exit to L1. */
    public enum Kind {
        EPT_VIOLATION,
        EPT_MISCONFIG,
        /** The page-modification log of L1 has no room for {@link NestedFault#address}. */
        PML_FULL,
        NPF
    }
}

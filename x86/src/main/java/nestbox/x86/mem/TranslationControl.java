package nestbox.x86.mem;

import nestbox.core.StateReader;
import nestbox.core.StateWriter;

/**
 * What instructions tell the translation hardware: the invalidations of SDM Vol. 3, "Invalidation of TLBs and
 * Paging-Structure Caches", and APM Vol. 2, "TLB Management". The instructions check their operands and raise their own
 * faults first; registers of the {@link nestbox.x86.Cpu} already hold the new values when a {@code ...Written} method is
 * called, and the methods drop only what the manual says. All of them include {@link MemoryPort#contextChanged}. Their instructions end
 * their block.
 */
public interface TranslationControl {
    /** INVPCID types: one address of one PCID; one PCID; everything; everything but global translations. */
    int INDIVIDUAL_ADDRESS = 0;

    int SINGLE_CONTEXT = 1;
    int ALL_CONTEXTS = 2;
    int ALL_BUT_GLOBAL = 3;

    /** For {@link #watchPage}: no page begins at this address. */
    long NO_PAGE = 1;

    /** In place of a tag: any. */
    int ANY = -1;

    /** INVLPG of a linear address; a non-canonical one does nothing. */
    void invalidatePage(long linear);

    /** INVPCID; {@code type} is 0 to 3. */
    void invalidatePcid(int type, int pcid, long linear);

    /** MOV CR0, LMSW, CLTS and a task switch's TS need not call it unless PE, WP, AM, CD, NW or PG changed. */
    void cr0Written(long oldValue);

    /**
     * MOV CR3 and a task switch; {@code cpu.cr3} holds the new value without bit 63.
     *
     * @param keep bit 63 of the source operand while CR4.PCIDE is set: nothing is dropped
     */
    void cr3Written(long oldValue, boolean keep);

    void cr4Written(long oldValue);

    /** EFER.NXE, LME or LMA changed. */
    void eferWritten(long oldValue);

    /**
     * Loads the four PDPTE registers from the table at {@code cr3}, as MOV CR3, CR0, CR4 and a task switch do in PAE paging
     * (SDM Vol. 3, "PDPTE Registers"; call it before the control register takes its new value).
     *
     * @return false if a present entry has reserved bits set: nothing was loaded, and the instruction raises #GP(0)
     */
    boolean loadPdptes(long cr3);

    /** Drops every cached translation and follows the registers: reset, INIT, and after a restored state. */
    void invalidateAll();

    /** Opens or closes the A20 gate (a mask on physical addresses); it is open after reset. */
    void setA20(boolean open);

    boolean a20();

    /** From here on the A20 gate, if there is one, has no effect, or has it again (AMD's VM_CR.DIS_A20M). */
    default void ignoreA20(boolean ignored) {}

    /**
     * A world switch: from here on translations carry the tag {@code space} and go through {@code second}. The registers hold
     * the new world's values already. Nothing is dropped: what was cached under the tag before is used again.
     *
     * @param space 0 for the host; what the extension makes of VPID, ASID and EP4TA for a guest, see
     *     {@link nestbox.mmu.tlb.TranslationCache}
     * @param second null without nested paging
     */
    default void enterSpace(long space, SecondStage second) {
        throw new UnsupportedOperationException("no world switch behind this port");
    }

    /**
     * Hands the guest's accesses to one page of physical memory to the extension (VMX's APIC-access page), see
     * {@link nestbox.x86.VirtualizationExtension#watchedAccess}. In force whenever a space other than 0 is entered; call it
     * before {@link #enterSpace}.
     *
     * @param physical address of the page, or {@link #NO_PAGE}
     */
    default void watchPage(long physical) {
        throw new UnsupportedOperationException("no world switch behind this port");
    }

    /** Drops the translations of a space's group, or only those that are not global. */
    default void dropSpace(long space, boolean globalToo) {
        dropSpaces((1L << nestbox.mmu.tlb.TranslationCache.GROUP_BITS) - 1, space, globalToo);
    }

    /** Drops the translations of all spaces that agree with {@code wanted} in the bits of {@code mask}. */
    default void dropSpaces(long mask, long wanted, boolean globalToo) {
        throw new UnsupportedOperationException("no world switch behind this port");
    }

    /** Drops the translations of one linear address in a space's group, of every PCID, global ones included. */
    default void dropAddress(long space, long linear) {
        throw new UnsupportedOperationException("no world switch behind this port");
    }

    /** The tag that {@link #enterSpace} set last, 0 for the host. */
    default long space() {
        return 0;
    }

    /**
     * INVLPGB as it reaches one processor.
     *
     * @param space the tag, or {@link #ANY}
     * @param pcid the PCID of what is not global, or {@link #ANY}
     * @param globalToo global translations go, too
     * @param structures what leads to the pages' own entries goes, too
     * @param first the first page
     * @param pages how many, {@code 1 << shift} bytes apart; 0 means all
     */
    default void drop(long space, int pcid, boolean globalToo, boolean structures, long first, int pages, int shift) {
        invalidateAll();
    }

    /** Drops the guest-physical mappings of {@link SecondStage#tables}, or all if it is negative. */
    default void dropGuestPhysical(long tables) {
        throw new UnsupportedOperationException("no world switch behind this port");
    }

    /** Writes what is cached, all tags and all kinds: under {@code keep}, software can tell. */
    default void saveTranslations(StateWriter out) {}

    /** Reads back what {@link #saveTranslations} wrote; registers and retention policy are the same as then. */
    default void restoreTranslations(StateReader in) {}

    /** Drops every translation of every tag. */
    default void dropEverything() {
        throw new UnsupportedOperationException("no world switch behind this port");
    }

    /**
     * Physical address of what the present guest calls physical, for an instruction that takes such an operand; unwinds as an
     * access does if the second stage refuses.
     */
    default long guestPhysical(long address, boolean write) {
        throw new UnsupportedOperationException("no world switch behind this port");
    }

    /** The host's paging format, as a second stage of that format uses it for its own tables; null without paging. */
    default nestbox.mmu.paging.PagingMode hostPaging() {
        return null;
    }
}

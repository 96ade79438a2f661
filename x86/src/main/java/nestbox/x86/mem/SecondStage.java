package nestbox.x86.mem;

import nestbox.mmu.paging.Access;
import nestbox.mmu.paging.PagingMode;
import nestbox.mmu.paging.Permissions;
import nestbox.mmu.paging.TableReader;
import nestbox.mmu.paging.Walker;

/**
 * A second stage of translation, from guest-physical to physical addresses: EPT or NPT (SDM Vol. 3, "The Extended Page Table
 * Mechanism"; APM Vol. 2, "Nested Paging"). Its owner, the virtualization extension, sets it up before it hands it to
 * {@link TranslationControl#enterSpace}; {@link #walker} tells why the last walk failed.
 */
public final class SecondStage {
    private static final long[] NO_REGISTERS = new long[4];

    public final Walker walker = new Walker();
    public final Permissions permissions = new Permissions();

    /** The format of the tables. */
    public PagingMode mode;
    /** Physical address of the root table, as the control structure holds it. */
    public long root;
    /** {@link Access} bits that every access to this stage carries: NPT sees all of them as the user's. */
    public int always;
    /** What reading an entry of a guest's paging structure wants of this stage; a write wants {@link Access#WRITE} besides. */
    public int tableRead = Access.READ;
    /** Guest-physical addresses from this bit up translate to nothing. */
    public int addressBits = 52;
    /** What the guest's own tables grant where the access that was refused last wanted to go; all, without paging. */
    public int firstStageRights;
    /** The guest's PAE paging reads its PDPTEs from memory on demand, as AMD's nested paging has it. */
    public boolean pdptesInMemory;

    /** Translates; on success {@code walker.physical} is the address. */
    boolean walk(TableReader tables, long guestPhysical, int access) {
        if (guestPhysical >>> addressBits != 0) {
            walker.outcome = Walker.NOT_PRESENT;
            walker.level = mode.topLevel;
            return false;
        }
        return walker.walk(mode, tables, root, NO_REGISTERS, guestPhysical, access | always, permissions);
    }

    /** Whether the last walk leaves a translation through which stores may go without another walk. */
    boolean writable() {
        return walker.dirty && (walker.rights & Access.WRITE) != 0;
    }
}

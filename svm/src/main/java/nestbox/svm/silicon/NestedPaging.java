package nestbox.svm.silicon;

import nestbox.mmu.paging.Access;
import nestbox.mmu.paging.PagingFormat;
import nestbox.mmu.paging.PagingMode;
import nestbox.svm.vmcb.ExitCode;
import nestbox.svm.vmcb.VmcbField;
import nestbox.x86.Cpu;
import nestbox.x86.mem.SecondStage;

/**
 * Nested paging (APM Vol. 2, "Nested Paging"): the second stage in the host's paging format, where every access is the user's
 * and a walk of the guest's tables writes. Under the guest-mode execute trap fetches are those of the guest's mode, and no other
 * access regards the U/S right.
 */
final class NestedPaging {
    private static final long FINAL = 1L << 32;
    private static final long TABLE = 1L << 33;
    private static final int FOUR_LEVEL_BITS = 48;

    private final Svm svm;
    private final SecondStage stage = new SecondStage();
    private long info1;
    private long info2;
    private boolean fetch;
    /** The stage's permissions are set, with this meaning of a fault's I bit. */
    private boolean prepared;

    private boolean reportsFetch;

    NestedPaging(Svm svm) {
        this.svm = svm;
        stage.always = Access.USER;
        stage.tableRead = Access.READ | Access.WRITE;
        stage.pdptesInMemory = true;
    }

    /** The stage as host paging and nCR3 have it; the registers still hold the host's values. */
    SecondStage prepare(Cpu c) {
        PagingMode mode = c.mem.port().control().hostPaging();
        stage.mode = mode;
        stage.root = svm.source.get(VmcbField.N_CR3);
        if (mode.format == PagingFormat.FOUR_LEVEL) {
            stage.addressBits = FOUR_LEVEL_BITS;
        } else {
            stage.addressBits = mode.format == PagingFormat.FIVE_LEVEL ? 52 : 32;
        }
        boolean noExecute = (c.efer & Cpu.EFER_NXE) != 0 && mode.format != PagingFormat.TWO_LEVEL;
        boolean smep = (c.cr4 & Cpu.CR4_SMEP) != 0;
        boolean trap = svm.controls.gmet && svm.capability.gmet();
        if (!prepared || reportsFetch != (noExecute || smep || trap) || stage.fetchesByMode != trap) {
            prepared = true;
            reportsFetch = noExecute || smep || trap;
            stage.fetchesByMode = trap;
            if (trap) {
                stage.permissions.setGuestModeExecuteTrap(reportsFetch);
            } else {
                stage.permissions.set(true, false, false, false, reportsFetch);
            }
        }
        return stage;
    }

    /** Notes a nested page fault. */
    void refused(long guestPhysical, int access, boolean ofTable) {
        info1 = stage.permissions.errorCode(stage.walker, access) | (ofTable ? TABLE : FINAL);
        info2 = guestPhysical;
        fetch = !ofTable && (access & Access.EXECUTE) != 0;
    }

    /** #VMEXIT(NPF) as noted. */
    void exit(Cpu c) {
        long one = info1;
        long two = info2;
        svm.worldSwitch.saveInstructionBytes(c, fetch);
        svm.worldSwitch.exit(ExitCode.NPF.code(), one, two, c.rip, 0);
    }
}

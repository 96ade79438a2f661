package nestbox.svm.silicon;

import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.Stateful;
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
final class NestedPaging implements Stateful {
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
        boolean noExecute = (c.efer & Cpu.EFER_NXE) != 0 && mode.format != PagingFormat.TWO_LEVEL;
        boolean smep = (c.cr4 & Cpu.CR4_SMEP) != 0;
        boolean trap = svm.controls.gmet && svm.capability.gmet();
        set(mode, svm.source.get(VmcbField.N_CR3), noExecute || smep || trap, trap);
        return stage;
    }

    private void set(PagingMode mode, long root, boolean reports, boolean trap) {
        stage.mode = mode;
        stage.root = root;
        if (mode.format == PagingFormat.FOUR_LEVEL) {
            stage.addressBits = FOUR_LEVEL_BITS;
        } else {
            stage.addressBits = mode.format == PagingFormat.FIVE_LEVEL ? 52 : 32;
        }
        if (!prepared || reportsFetch != reports || stage.fetchesByMode != trap) {
            prepared = true;
            reportsFetch = reports;
            stage.fetchesByMode = trap;
            if (trap) {
                stage.permissions.setGuestModeExecuteTrap(reportsFetch);
            } else {
                stage.permissions.set(true, false, false, false, reportsFetch);
            }
        }
    }

    /** The stage as it was prepared last. */
    SecondStage stage() {
        return stage;
    }

    /** What the guest's next translations depend on; the host's paging mode is restored elsewhere. */
    @Override
    public void save(StateWriter out) {
        out.writeBoolean(prepared);
        if (prepared) {
            out.writeLong(stage.root).writeBoolean(reportsFetch).writeBoolean(stage.fetchesByMode);
        }
    }

    @Override
    public void restore(StateReader in) {
        prepared = false;
        if (in.readBoolean()) {
            long root = in.readLong();
            boolean reports = in.readBoolean();
            boolean trap = in.readBoolean();
            PagingMode mode = svm.cpu.mem.port().control().hostPaging();
            if (mode != null) {
                set(mode, root, reports, trap);
            }
        }
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

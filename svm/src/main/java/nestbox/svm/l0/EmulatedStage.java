package nestbox.svm.l0;

import nestbox.mmu.core.NestedFault;
import nestbox.mmu.core.Ngpa;
import nestbox.mmu.paging.Access;
import nestbox.mmu.paging.PagingFormat;
import nestbox.mmu.paging.PagingMode;
import nestbox.svm.vmcb.VmcbField;
import nestbox.svm.world.HostState;
import nestbox.x86.Cpu;
import nestbox.x86.mem.SecondStage;
import nestbox.x86.mem.TranslationControl;

/** NPT12 as the emulator walks it for L2's instructions (APM Vol. 2, "Nested Paging"). */
final class EmulatedStage {
    private static final long FINAL = 1L << 32;
    private static final long TABLE = 1L << 33;
    private static final int FOUR_LEVEL_BITS = 48;
    /** Any tag but the host's: the emulator caches nothing under it. */
    private static final long SPACE = 1;

    private final NestedSvm svm;
    private final SecondStage stage = new SecondStage();
    private NestedFault due;

    EmulatedStage(NestedSvm svm) {
        this.svm = svm;
        stage.always = Access.USER;
        stage.tableRead = Access.READ | Access.WRITE;
        stage.pdptesInMemory = true;
    }

    private TranslationControl control() {
        return svm.cpu.mem.port().control();
    }

    /** Takes the format from L1's registers, which are still in force. */
    void prepare() {
        if (!svm.vmcb12.npt()) {
            return;
        }
        PagingMode mode = control().hostPaging();
        stage.mode = mode;
        stage.root = svm.vmcb12.get(VmcbField.N_CR3);
        boolean two = mode.format == PagingFormat.TWO_LEVEL;
        stage.addressBits = mode.format == PagingFormat.FOUR_LEVEL
                ? FOUR_LEVEL_BITS
                : mode.format == PagingFormat.FIVE_LEVEL ? 52 : 32;
        boolean noExecute = (svm.cpu.efer & Cpu.EFER_NXE) != 0 && !two;
        boolean smep = (svm.cpu.cr4 & Cpu.CR4_SMEP) != 0;
        stage.permissions.set(true, false, false, false, noExecute || smep);
    }

    /** As {@link #prepare}, while L2 runs: the format depends on L1's registers. */
    void prepareFor(HostState host) {
        Cpu c = svm.cpu;
        long cr0 = c.cr0;
        long cr4 = c.cr4;
        long efer = c.efer;
        c.cr0 = host.cr0();
        c.cr4 = host.cr4();
        c.efer = host.efer();
        c.mem.port().contextChanged();
        prepare();
        c.cr0 = cr0;
        c.cr4 = cr4;
        c.efer = efer;
        c.mem.port().contextChanged();
    }

    void enter() {
        if (svm.vmcb12.npt()) {
            control().enterSpace(SPACE, stage);
        }
    }

    void leave() {
        control().enterSpace(0, null);
    }

    /** Notes the exit that is made when the access has unwound. */
    void refused(long guestPhysical, int access, boolean ofTable) {
        long error = stage.permissions.errorCode(stage.walker, access) | (ofTable ? TABLE : FINAL);
        due = new NestedFault(NestedFault.Kind.NPF, new Ngpa(guestPhysical), access, 0, ofTable, error, false);
    }

    void unwound() {
        NestedFault fault = due;
        due = null;
        svm.vcpu.nestedPageFault(fault, fault.errorCode());
    }
}

package nestbox.l0;

import nestbox.mmu.core.Gva;
import nestbox.mmu.core.Invalidation;
import nestbox.x86.Cpu;
import nestbox.x86.mem.SecondStage;
import nestbox.x86.mem.TranslationControl;

/** What emulated instructions do to translation becomes events of the MMU core, and so requests of the vCPU. */
final class GuestControl implements TranslationControl {
    private final TranslationControl walking;
    private Vcpu vcpu;

    GuestControl(TranslationControl walking) {
        this.walking = walking;
    }

    void attach(Vcpu newVcpu) {
        vcpu = newVcpu;
    }

    /** Before the hypervisor has taken the processor over, at its first reset, nothing is cached anywhere. */
    private boolean attached() {
        return vcpu != null;
    }

    private Cpu guest() {
        return vcpu.guest();
    }

    @Override
    public void invalidatePage(long linear) {
        walking.invalidatePage(linear);
        discharge(vcpu.mmu().invlpg(new Gva(linear)));
    }

    @Override
    public void invalidatePcid(int type, int pcid, long linear) {
        walking.invalidatePcid(type, pcid, linear);
        boolean hook = vcpu.mmu().tdp() || vcpu.mmu().paging();
        if (type == 0 && !hook && !vcpu.follows(NestedPolicy.INVPCID_UNPAGED)) {
            throw vcpu.giveUp("KVM_EXIT_INTERNAL_ERROR: the MMU without paging has no hook for INVPCID");
        }
        discharge(vcpu.mmu().invpcid(type, pcid, new Gva(linear)));
    }

    private void discharge(Invalidation invalidation) {
        switch (invalidation.scope()) {
            case NOTHING -> invalidation.discharged();
            case ADDRESS -> {
                vcpu.backend().flushAddress(invalidation.address());
                invalidation.discharged();
            }
            default -> invalidation.request();
        }
    }

    @Override
    public void cr0Written(long oldValue) {
        walking.cr0Written(oldValue);
        if (attached()) {
            vcpu.mmu().cr0Written(oldValue, guest().cr0);
        }
    }

    @Override
    public void cr3Written(long oldValue, boolean keep) {
        walking.cr3Written(oldValue, keep);
        vcpu.mmu().cr3Written(oldValue, guest().cr3, keep);
    }

    @Override
    public void cr4Written(long oldValue) {
        walking.cr4Written(oldValue);
        vcpu.mmu().cr4Written(oldValue, guest().cr4);
    }

    @Override
    public void eferWritten(long oldValue) {
        walking.eferWritten(oldValue);
        vcpu.mmu().eferWritten(oldValue, guest().efer);
    }

    @Override
    public boolean loadPdptes(long cr3) {
        long[] old = guest().pdpte.clone();
        boolean legal = walking.loadPdptes(cr3);
        vcpu.mmu().pdptesLoaded(!java.util.Arrays.equals(old, guest().pdpte));
        return legal;
    }

    /** Reset, INIT, or a state that was loaded from outside. */
    @Override
    public void invalidateAll() {
        walking.invalidateAll();
        if (attached()) {
            vcpu.stateReplaced();
        }
    }

    /** As under KVM the gate has no effect: the guest's memory is not wired through it. */
    @Override
    public void setA20(boolean open) {}

    @Override
    public boolean a20() {
        return true;
    }

    @Override
    public void enterSpace(long space, SecondStage second) {
        walking.enterSpace(space, second);
    }

    @Override
    public void dropSpace(long space, boolean globalToo) {
        walking.dropSpace(space, globalToo);
    }

    @Override
    public void dropAddress(long space, long linear) {
        walking.dropAddress(space, linear);
    }

    @Override
    public void dropEverything() {
        walking.dropEverything();
    }

    @Override
    public long guestPhysical(long address, boolean write) {
        return walking.guestPhysical(address, write);
    }

    @Override
    public nestbox.mmu.paging.PagingMode hostPaging() {
        return walking.hostPaging();
    }
}

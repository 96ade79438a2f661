package nestbox.svm.l0;

import nestbox.l0.NestedPolicy;
import nestbox.mmu.core.HostFrames;
import nestbox.svm.vmcb.ExitCode;
import nestbox.svm.vmcb.Vmcb;
import nestbox.svm.vmcb.VmcbField;
import nestbox.svm.world.PermissionMaps;

/** The controls of vmcb02: a merge of vmcb01's and vmcb12's, row by row as facts E.2 has it. */
final class Vmcb02 {
    private static final int INTERCEPT_BYTES = 0x18;
    private static final int CR8 = 8;

    private final NestedSvm svm;
    private final SvmBackend backend;
    private final long permissions;

    Vmcb02(NestedSvm svm) {
        this.svm = svm;
        backend = svm.backend;
        permissions = SvmBackend.permissionMap(svm.vcpu.hypervisor().host().frames());
    }

    void merge() {
        Vmcb from01 = backend.vmcb01();
        Vmcb12 vmcb12 = svm.vmcb12;
        Vmcb to = backend.vmcb02();
        for (int at = 0; at < INTERCEPT_BYTES; at += 4) {
            to.set(at, 4, from01.get(at, 4) | vmcb12.copy().get(at, 4));
        }
        // What L0 wants for windows of its own is decided at each entry.
        only12(ExitCode.VINTR.code());
        only12(ExitCode.IRET.code());
        only12(ExitCode.VMMCALL.code());
        boolean needed = !svm.vmloadRuns() && svm.vcpu.follows(NestedPolicy.SVM_VMLOAD);
        for (ExitCode code : new ExitCode[] {ExitCode.VMLOAD, ExitCode.VMSAVE}) {
            backend.intercept((int) code.code(), needed || vmcb12.intercepts(code));
        }
        if (vmcb12.interruptMasking()) {
            only12(ExitCode.CR_READ.code() + CR8);
            only12(ExitCode.CR_WRITE.code() + CR8);
        }
        if (vmcb12.virtualGif()) {
            only12(ExitCode.STGI.code());
            only12(ExitCode.CLGI.code());
        }
        permissions();
        to.set(VmcbField.MSRPM_BASE_PA, permissions);
        to.set(VmcbField.IOPM_BASE_PA, from01.get(VmcbField.IOPM_BASE_PA));
        to.set(VmcbField.GUEST_ASID, from01.get(VmcbField.GUEST_ASID));
        to.set(VmcbField.NESTED_CONTROL, from01.get(VmcbField.NESTED_CONTROL));
        to.set(VmcbField.INTERRUPT_CONTROL, vmcb12.get(VmcbField.INTERRUPT_CONTROL) | Vmcb12.V_INTR_MASKING);
        to.set(VmcbField.V_INTR_VECTOR, vmcb12.get(VmcbField.V_INTR_VECTOR));
        // PAUSE is intercepted for L1 alone.
        to.set(VmcbField.PAUSE_FILTER_COUNT, vmcb12.get(VmcbField.PAUSE_FILTER_COUNT));
        to.set(VmcbField.PAUSE_FILTER_THRESHOLD, vmcb12.get(VmcbField.PAUSE_FILTER_THRESHOLD));
        to.set(VmcbField.EVENTINJ, 0);
        to.set(VmcbField.VIRTUAL_EXTENSIONS, svm.vmloadRuns() ? Vmcb12.VIRTUAL_VMLOAD : 0);
        to.set(VmcbField.NRIP, vmcb12.get(VmcbField.NRIP));
    }

    private void only12(long code) {
        backend.intercept((int) code, svm.vmcb12.intercepts(code));
    }

    /** An MSR passes only if both maps let it pass. */
    private void permissions() {
        HostFrames frames = svm.vcpu.hypervisor().host().frames();
        boolean used = svm.vmcb12.intercepts(ExitCode.MSR);
        long map12 = svm.vmcb12.get(VmcbField.MSRPM_BASE_PA) & ~0xfffL;
        for (int msr = SvmBackend.FS_BASE; msr <= SvmBackend.KERNEL_GS_BASE; msr++) {
            long bits = 0;
            if (used) {
                bits = (PermissionMaps.msr(svm.cpu.physical, map12, msr, false) ? 1 : 0)
                        | (PermissionMaps.msr(svm.cpu.physical, map12, msr, true) ? 2 : 0);
            }
            SvmBackend.permit(frames, permissions, msr, bits);
        }
    }
}

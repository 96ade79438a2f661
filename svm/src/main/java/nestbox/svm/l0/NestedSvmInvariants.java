package nestbox.svm.l0;

import java.util.ArrayList;
import java.util.List;
import nestbox.svm.vmcb.ExitCode;
import nestbox.svm.vmcb.Vmcb;
import nestbox.svm.vmcb.VmcbField;
import nestbox.svm.vmcb.VmcbSegment;
import nestbox.x86.VirtualizationExtension;

/** For tests: whether vmcb12, as L1 finds it in memory behind an exit, agrees with vmcb02, as hardware left it. */
public final class NestedSvmInvariants {
    private static final VmcbField[] FIELDS = {
        VmcbField.EXITCODE,
        VmcbField.RIP,
        VmcbField.RSP,
        VmcbField.RAX,
        VmcbField.RFLAGS,
        VmcbField.CPL,
        VmcbField.CR2,
        VmcbField.DR6,
        VmcbField.DR7
    };
    private static final VmcbField[] INFORMATION = {VmcbField.EXITINFO1, VmcbField.EXITINFO2, VmcbField.NRIP};
    private static final VmcbSegment[] SEGMENTS = {
        VmcbSegment.ES, VmcbSegment.CS, VmcbSegment.SS, VmcbSegment.DS, VmcbSegment.GDTR, VmcbSegment.IDTR
    };

    private NestedSvmInvariants() {}

    /**
     * What does not agree, a line each; to be asked when L1 is about to run behind an exit from L2 that was hardware's own, and
     * neither it nor L0 has done anything since.
     *
     * @param extension of a processor that L0 shows to L1
     */
    public static List<String> broken(VirtualizationExtension extension) {
        List<String> wrong = new ArrayList<>();
        if (!(extension instanceof NestedSvm svm) || svm.guest) {
            return wrong;
        }
        Vmcb held = svm.backend.vmcb02();
        Vmcb vmcb12 = new Vmcb(svm.cpu.physical);
        vmcb12.attach(svm.vmcb12.address());
        for (VmcbField field : FIELDS) {
            compare(field.toString(), vmcb12.get(field), held.get(field), wrong);
        }
        if (held.get(VmcbField.EXITCODE) != ExitCode.NPF.code()) {
            for (VmcbField field : INFORMATION) {
                compare(field.toString(), vmcb12.get(field), held.get(field), wrong);
            }
        }
        if (svm.vcpu.hypervisor().mmu().config().tdp()) {
            compare("CR3", vmcb12.get(VmcbField.CR3), held.get(VmcbField.CR3), wrong);
        }
        for (VmcbSegment segment : SEGMENTS) {
            compare(segment + "'s base", vmcb12.base(segment), held.base(segment), wrong);
            compare(segment + "'s limit", vmcb12.limit(segment), held.limit(segment), wrong);
        }
        return wrong;
    }

    private static void compare(String what, long here, long there, List<String> wrong) {
        if (here != there) {
            wrong.add(String.format("vmcb12 has %s = %#x, vmcb02 %#x", what, here, there));
        }
    }
}

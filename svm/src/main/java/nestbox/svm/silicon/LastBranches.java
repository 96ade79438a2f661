package nestbox.svm.silicon;

import nestbox.svm.vmcb.Vmcb;
import nestbox.svm.vmcb.VmcbField;
import nestbox.svm.world.HostState;
import nestbox.x86.Cpu;

/** LBR virtualization: DEBUGCTL and the last-branch registers change with the world (APM Vol. 2, "LBR Virtualization"). */
final class LastBranches {
    private static final long DEBUGCTL = 3;
    private static final VmcbField[] FIELDS = {
        VmcbField.BR_FROM, VmcbField.BR_TO, VmcbField.LASTEXCPFROM, VmcbField.LASTEXCPTO
    };

    private LastBranches() {}

    static void enter(Cpu c, HostState host, Vmcb vmcb) {
        host.debugCtl = c.debugCtl;
        c.debugCtl = vmcb.get(VmcbField.DBGCTL) & DEBUGCTL;
        for (int i = 0; i < FIELDS.length; i++) {
            host.lastBranch[i] = c.lastBranch[i];
            c.lastBranch[i] = vmcb.get(FIELDS[i]);
        }
    }

    static void store(Cpu c, Vmcb vmcb) {
        vmcb.set(VmcbField.DBGCTL, c.debugCtl);
        for (int i = 0; i < FIELDS.length; i++) {
            vmcb.set(FIELDS[i], c.lastBranch[i]);
        }
    }

    static void leave(Cpu c, HostState host) {
        c.debugCtl = host.debugCtl;
        System.arraycopy(host.lastBranch, 0, c.lastBranch, 0, FIELDS.length);
    }
}

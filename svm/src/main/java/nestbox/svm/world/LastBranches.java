package nestbox.svm.world;

import nestbox.svm.vmcb.Vmcb;
import nestbox.svm.vmcb.VmcbField;
import nestbox.x86.Cpu;

/** LBR virtualization: DEBUGCTL and the last-branch registers change with the world (APM Vol. 2, "LBR Virtualization"). */
public final class LastBranches {
    /** LBR_VIRTUALIZATION_ENABLE in {@link VmcbField#VIRTUAL_EXTENSIONS}. */
    public static final long ENABLE = 1;

    private static final long DEBUGCTL = 3;
    private static final VmcbField[] FIELDS = {
        VmcbField.BR_FROM, VmcbField.BR_TO, VmcbField.LASTEXCPFROM, VmcbField.LASTEXCPTO
    };

    private LastBranches() {}

    /** VMRUN: the VMCB's registers, instead of the host's, which are kept. */
    public static void enter(Cpu c, HostState host, Vmcb vmcb) {
        host.debugCtl = c.debugCtl;
        System.arraycopy(c.lastBranch, 0, host.lastBranch, 0, FIELDS.length);
        load(c, vmcb);
    }

    /** Writes the processor's registers into a VMCB. */
    public static void store(Cpu c, Vmcb vmcb) {
        vmcb.set(VmcbField.DBGCTL, c.debugCtl);
        for (int i = 0; i < FIELDS.length; i++) {
            vmcb.set(FIELDS[i], c.lastBranch[i]);
        }
    }

    /** Reads back what {@link #store} wrote or a processor has stored. */
    public static void load(Cpu c, Vmcb vmcb) {
        c.debugCtl = vmcb.get(VmcbField.DBGCTL) & DEBUGCTL;
        for (int i = 0; i < FIELDS.length; i++) {
            c.lastBranch[i] = vmcb.get(FIELDS[i]);
        }
    }

    /** Writes the host's registers, as far as they are kept, into a state-save area. */
    static void store(HostState host, Vmcb vmcb) {
        vmcb.set(VmcbField.DBGCTL, host.debugCtl);
        for (int i = 0; i < FIELDS.length; i++) {
            vmcb.set(FIELDS[i], host.lastBranch[i]);
        }
    }

    /** Reads back what that wrote. */
    static void load(HostState host, Vmcb vmcb) {
        host.debugCtl = vmcb.get(VmcbField.DBGCTL) & DEBUGCTL;
        for (int i = 0; i < FIELDS.length; i++) {
            host.lastBranch[i] = vmcb.get(FIELDS[i]);
        }
    }

    /** #VMEXIT: the host's registers. */
    public static void leave(Cpu c, HostState host) {
        c.debugCtl = host.debugCtl;
        System.arraycopy(host.lastBranch, 0, c.lastBranch, 0, FIELDS.length);
    }
}

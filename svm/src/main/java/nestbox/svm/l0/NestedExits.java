package nestbox.svm.l0;

import nestbox.l0.Exit;
import nestbox.svm.vmcb.ExitCode;
import nestbox.svm.vmcb.VmcbField;
import nestbox.svm.world.PermissionMaps;
import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import nestbox.x86.Vector;

/** Whose an exit from L2 is, L0's or L1's (facts E.3). */
final class NestedExits {
    private final NestedSvm svm;
    private final Cpu cpu;

    NestedExits(NestedSvm svm) {
        this.svm = svm;
        cpu = svm.cpu;
    }

    boolean toL1(ExitCode row, Exit exit) {
        Vmcb12 vmcb12 = svm.vmcb12;
        return switch (row) {
            case INTR, NMI, SMI, INIT, NPF, BUSY -> false;
            case INVALID -> true;
            case EXCP -> !(exit.vector == Vector.PF && !svm.backend.nested()) && vmcb12.intercepts(exit.code);
            case VINTR -> !svm.backend.windowOpen() && vmcb12.intercepts(exit.code);
            case MSR -> vmcb12.intercepts(exit.code) && msr((exit.info1 & 1) != 0);
            case IOIO -> vmcb12.intercepts(exit.code) && port(exit.info1);
            case VMLOAD, VMSAVE -> vmcb12.intercepts(exit.code) || svm.vmloadLeaves();
            default -> row.intercept() && vmcb12.intercepts(exit.code);
        };
    }

    private boolean msr(boolean write) {
        long map = svm.vmcb12.get(VmcbField.MSRPM_BASE_PA) & ~0xfffL;
        return PermissionMaps.msr(cpu.physical, map, (int) cpu.r[Reg.RCX], write);
    }

    private boolean port(long info) {
        long map = svm.vmcb12.get(VmcbField.IOPM_BASE_PA) & ~0xfffL;
        return PermissionMaps.port(cpu.physical, map, (int) (info >>> 16) & 0xffff, (int) (info >>> 4) & 7);
    }
}

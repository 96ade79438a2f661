package nestbox.svm.l0;

import java.util.Arrays;
import nestbox.svm.world.HostState;
import nestbox.x86.Cpu;

/**
 * What VMRUN changes of L1 beside what {@link HostState} keeps, for entries that fail so that they have not happened.
 */
final class L1Snapshot {
    private long cr2;
    private long dr6;
    private long dr7;
    private long pendingDebug;
    private boolean noStepTrap;
    private boolean switchedWorlds;

    void take(Cpu c, HostState host) {
        host.save(c);
        cr2 = c.cr2;
        dr6 = c.dr[6];
        dr7 = c.dr[7];
        pendingDebug = c.pendingDebug;
        noStepTrap = c.noStepTrap;
        switchedWorlds = c.switchedWorlds;
    }

    /**
     * Whether PDPTEs have changed by it.
     *
     * @param vmexit as #VMEXIT would, else everything
     */
    boolean restore(Cpu c, HostState host, boolean vmexit) {
        long[] pdptes = c.pdpte.clone();
        host.restore(c);
        c.pat = host.pat();
        if (!vmexit) {
            c.cr2 = cr2;
            c.dr[6] = dr6;
            c.dr[7] = dr7;
            c.pendingDebug = pendingDebug;
            c.noStepTrap = noStepTrap;
            c.switchedWorlds = switchedWorlds;
        }
        c.shadow = Cpu.SHADOW_NONE;
        c.unpend(Cpu.PENDING_SHADOW);
        return !Arrays.equals(pdptes, c.pdpte);
    }
}

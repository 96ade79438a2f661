package nestbox.svm.l0;

import java.util.Arrays;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.svm.world.HostState;
import nestbox.x86.Cpu;

/**
 * What VMRUN changes of L1 beside what {@link HostState} keeps, for entries that fail so that they have not happened.
 */
final class L1Snapshot {
    private final long[] pdptes = new long[4];
    private final long[] lastBranch = new long[4];
    private long debugCtl;
    private long cr2;
    private long dr6;
    private long dr7;
    private long pendingDebug;
    private boolean noStepTrap;
    private boolean switchedWorlds;

    void take(Cpu c, HostState host) {
        host.save(c);
        System.arraycopy(c.pdpte, 0, pdptes, 0, pdptes.length);
        System.arraycopy(c.lastBranch, 0, lastBranch, 0, lastBranch.length);
        debugCtl = c.debugCtl;
        cr2 = c.cr2;
        dr6 = c.dr[6];
        dr7 = c.dr[7];
        pendingDebug = c.pendingDebug;
        noStepTrap = c.noStepTrap;
        switchedWorlds = c.switchedWorlds;
    }

    void save(StateWriter out) {
        out.writeLongs(pdptes)
                .writeLongs(lastBranch)
                .writeLong(debugCtl)
                .writeLong(cr2)
                .writeLong(dr6)
                .writeLong(dr7)
                .writeLong(pendingDebug);
        out.writeBoolean(noStepTrap).writeBoolean(switchedWorlds);
    }

    void restore(StateReader in) {
        in.readLongs(pdptes);
        in.readLongs(lastBranch);
        debugCtl = in.readLong();
        cr2 = in.readLong();
        dr6 = in.readLong();
        dr7 = in.readLong();
        pendingDebug = in.readLong();
        noStepTrap = in.readBoolean();
        switchedWorlds = in.readBoolean();
    }

    /** Whether PDPTEs have changed by it. */
    boolean restore(Cpu c, HostState host) {
        boolean changed = !Arrays.equals(pdptes, c.pdpte);
        host.restore(c);
        c.pat = host.pat();
        System.arraycopy(pdptes, 0, c.pdpte, 0, pdptes.length);
        System.arraycopy(lastBranch, 0, c.lastBranch, 0, lastBranch.length);
        c.debugCtl = debugCtl;
        c.cr2 = cr2;
        c.dr[6] = dr6;
        c.dr[7] = dr7;
        c.pendingDebug = pendingDebug;
        c.noStepTrap = noStepTrap;
        c.switchedWorlds = switchedWorlds;
        c.shadow = Cpu.SHADOW_NONE;
        c.unpend(Cpu.PENDING_SHADOW);
        return changed;
    }
}

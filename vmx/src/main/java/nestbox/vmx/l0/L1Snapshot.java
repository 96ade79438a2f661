package nestbox.vmx.l0;

import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.x86.Cpu;

/**
 * L1's registers just before an entry into L2, for the one case in which they come back as they were: hardware refuses vmcs02
 * with VMfail, so that no entry has happened (facts A.1, D.7).
 */
final class L1Snapshot {
    private final long[] general = new long[16];
    private final int[] selector = new int[Cpu.SEGMENTS];
    private final long[] base = new long[Cpu.SEGMENTS];
    private final long[] limit = new long[Cpu.SEGMENTS];
    private final int[] rights = new int[Cpu.SEGMENTS];
    private final long[] pdpte = new long[4];
    private final long[] tables = new long[4];
    private final long[] control = new long[8];
    private final long[] system = new long[7];

    void take(Cpu c) {
        System.arraycopy(c.r, 0, general, 0, general.length);
        System.arraycopy(c.selector, 0, selector, 0, selector.length);
        System.arraycopy(c.base, 0, base, 0, base.length);
        System.arraycopy(c.limit, 0, limit, 0, limit.length);
        System.arraycopy(c.rights, 0, rights, 0, rights.length);
        System.arraycopy(c.pdpte, 0, pdpte, 0, pdpte.length);
        tables[0] = c.gdtBase;
        tables[1] = c.gdtLimit;
        tables[2] = c.idtBase;
        tables[3] = c.idtLimit;
        control[0] = c.cr0;
        control[1] = c.cr3;
        control[2] = c.cr4;
        control[3] = c.efer;
        control[4] = c.rip;
        control[5] = c.rflags();
        control[6] = c.dr[7];
        control[7] = c.debugCtl;
        system[0] = c.sysenterCs;
        system[1] = c.sysenterEsp;
        system[2] = c.sysenterEip;
        system[3] = c.pat;
        system[4] = c.cpl;
        system[5] = c.nmiBlocked ? 1 : 0;
        system[6] = c.pendingDebug;
    }

    void save(StateWriter out) {
        out.writeLongs(general)
                .writeInts(selector)
                .writeLongs(base)
                .writeLongs(limit)
                .writeInts(rights);
        out.writeLongs(pdpte).writeLongs(tables).writeLongs(control).writeLongs(system);
    }

    void restore(StateReader in) {
        in.readLongs(general);
        in.readInts(selector);
        in.readLongs(base);
        in.readLongs(limit);
        in.readInts(rights);
        in.readLongs(pdpte);
        in.readLongs(tables);
        in.readLongs(control);
        in.readLongs(system);
    }

    void restore(Cpu c) {
        System.arraycopy(general, 0, c.r, 0, general.length);
        System.arraycopy(selector, 0, c.selector, 0, selector.length);
        System.arraycopy(base, 0, c.base, 0, base.length);
        System.arraycopy(limit, 0, c.limit, 0, limit.length);
        System.arraycopy(rights, 0, c.rights, 0, rights.length);
        System.arraycopy(pdpte, 0, c.pdpte, 0, pdpte.length);
        c.gdtBase = tables[0];
        c.gdtLimit = (int) tables[1];
        c.idtBase = tables[2];
        c.idtLimit = (int) tables[3];
        c.cr0 = control[0];
        c.cr3 = control[1];
        c.cr4 = control[2];
        c.efer = control[3];
        c.rip = control[4];
        c.dr[7] = control[6];
        c.debugCtl = control[7];
        c.sysenterCs = system[0];
        c.sysenterEsp = system[1];
        c.sysenterEip = system[2];
        c.pat = system[3];
        c.cpl = (int) system[4];
        c.nmiBlocked = system[5] != 0;
        c.pendingDebug = system[6];
        if (c.pendingDebug != 0) {
            c.pend(Cpu.PENDING_DEBUG_TRAP);
        } else {
            c.unpend(Cpu.PENDING_DEBUG_TRAP);
        }
        c.shadow = Cpu.SHADOW_NONE;
        c.unpend(Cpu.PENDING_SHADOW | Cpu.PENDING_INACTIVE);
        c.activity = Cpu.ACTIVE;
        c.setRflags(control[5]);
    }
}

package nestbox.x86;

import nestbox.core.StateReader;
import nestbox.core.StateWriter;

/**
 * Writes and reads the state of a {@link Cpu} between two instructions. What engines keep for themselves (lazy flags, the
 * running block, translations) is not part of it, so that equal processors write equal bytes whatever executes them.
 */
public final class CpuState {
    private static final int GENERAL = 16;
    /** Reasons that follow from other state, or that are the host's. */
    private static final int DERIVED = Cpu.PENDING_INTERRUPT
            | Cpu.PENDING_STEP
            | Cpu.PENDING_BREAKPOINTS
            | Cpu.PENDING_RESUME
            | Cpu.PENDING_ENDBRANCH
            | Cpu.PENDING_STOP;

    private CpuState() {}

    public static void save(Cpu c, StateWriter out) {
        out.section("cpu");
        for (int i = 0; i < GENERAL; i++) {
            out.writeLong(c.r[i]);
        }
        out.writeLong(c.rip).writeLong(c.rflags());
        out.writeInts(c.selector).writeLongs(c.base).writeLongs(c.limit).writeInts(c.rights);
        out.writeLong(c.gdtBase).writeInt(c.gdtLimit).writeLong(c.idtBase).writeInt(c.idtLimit);
        out.writeLong(c.cr0)
                .writeLong(c.cr2)
                .writeLong(c.cr3)
                .writeLong(c.cr4)
                .writeLong(c.efer)
                .writeLong(c.xcr0);
        out.writeLong(c.pkru)
                .writeLong(c.pkrs)
                .writeLong(c.ssp)
                .writeLong(c.userCet)
                .writeLong(c.supervisorCet)
                .writeLongs(c.levelSsp)
                .writeLong(c.interruptSspTable)
                .writeLongs(c.pdpte)
                .writeLongs(c.dr)
                .writeLongs(c.v)
                .writeInt(c.mxcsr);
        c.fpu.save(out);
        c.msrs.save(out);
        out.writeLong(c.star)
                .writeLong(c.lstar)
                .writeLong(c.cstar)
                .writeLong(c.fmask)
                .writeLong(c.kernelGsBase);
        out.writeLong(c.sysenterCs)
                .writeLong(c.sysenterEsp)
                .writeLong(c.sysenterEip)
                .writeLong(c.tscAux);
        out.writeLongs(c.lastBranch);
        out.writeLong(c.debugCtl)
                .writeLong(c.pat)
                .writeLong(c.tscOffset)
                .writeInt(c.cpl)
                .writeLong(c.ticks)
                .writeLong(c.waited);
        out.writeInt(c.pending & ~DERIVED)
                .writeInt(c.activity)
                .writeInt(c.shadow)
                .writeLong(c.pendingDebug);
        c.counters.save(out);
        out.writeBoolean(c.monitorArmed)
                .writeBoolean(c.nmiBlocked)
                .writeBoolean(c.nmiLatched)
                .writeInt(c.sipiVector);
        out.writeBoolean(c.interruptLine());
        out.writeBoolean(c.smm).writeInt(c.smbase).writeBoolean(c.smmNmiBlocked).writeLong(c.smmPendingDebug);
        c.random.save(out);
    }

    /** Reads back what {@link #save} wrote; every cached translation is dropped. */
    public static void restore(Cpu c, StateReader in) {
        in.section("cpu");
        for (int i = 0; i < GENERAL; i++) {
            c.r[i] = in.readLong();
        }
        c.rip = in.readLong();
        final long flags = in.readLong();
        in.readInts(c.selector);
        in.readLongs(c.base);
        in.readLongs(c.limit);
        in.readInts(c.rights);
        c.gdtBase = in.readLong();
        c.gdtLimit = in.readInt();
        c.idtBase = in.readLong();
        c.idtLimit = in.readInt();
        c.cr0 = in.readLong();
        c.cr2 = in.readLong();
        c.cr3 = in.readLong();
        c.cr4 = in.readLong();
        c.efer = in.readLong();
        c.xcr0 = in.readLong();
        c.pkru = in.readLong();
        c.pkrs = in.readLong();
        c.ssp = in.readLong();
        c.userCet = in.readLong();
        c.supervisorCet = in.readLong();
        in.readLongs(c.levelSsp);
        c.interruptSspTable = in.readLong();
        in.readLongs(c.pdpte);
        in.readLongs(c.dr);
        in.readLongs(c.v);
        c.mxcsr = in.readInt();
        c.fpu.restore(in);
        c.msrs.restore(in);
        restoreSystem(c, in);
        c.setRflags(flags);
        c.updateMode();
        c.mem.port().control().invalidateAll();
        c.updatePending();
    }

    private static void restoreSystem(Cpu c, StateReader in) {
        c.star = in.readLong();
        c.lstar = in.readLong();
        c.cstar = in.readLong();
        c.fmask = in.readLong();
        c.kernelGsBase = in.readLong();
        c.sysenterCs = in.readLong();
        c.sysenterEsp = in.readLong();
        c.sysenterEip = in.readLong();
        c.tscAux = in.readLong();
        in.readLongs(c.lastBranch);
        c.debugCtl = in.readLong();
        c.pat = in.readLong();
        c.tscOffset = in.readLong();
        c.cpl = in.readIndex(4);
        c.ticks = in.readLong();
        c.waited = in.readLong();
        c.pending = in.readInt();
        c.activity = in.readInt(Cpu.ACTIVE, Cpu.WAIT_FOR_SIPI);
        c.shadow = in.readInt();
        c.pendingDebug = in.readLong();
        c.counters.restore(in);
        c.monitorArmed = in.readBoolean();
        c.nmiBlocked = in.readBoolean();
        c.nmiLatched = in.readBoolean();
        c.sipiVector = in.readInt();
        c.setInterruptLine(in.readBoolean());
        c.smm = in.readBoolean();
        c.smbase = in.readInt();
        c.smmNmiBlocked = in.readBoolean();
        c.smmPendingDebug = in.readLong();
        c.random.restore(in);
    }
}

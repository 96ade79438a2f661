package nestbox.x86.system;

import java.util.Arrays;
import nestbox.core.trace.TraceEvents;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Reg;

/** Power-up, INIT and start-up IPI (SDM Vol. 3, "IA-32 and Intel 64 Processor States Following Power-up, Reset, or INIT"). */
public final class Reset {
    private static final int REAL_DATA = 0x93;
    private static final int LDT = 0x82;
    private static final int BUSY_TSS32 = 0x8b;
    private static final int BOOTSTRAP = 1 << 8;
    private static final int APIC_BASE = 0x1b;
    private static final long CACHE_OFF = Cpu.CR0_CD | Cpu.CR0_NW;

    private Reset() {}

    /** RESET: everything, MSRs, vector and FPU registers included. */
    public static void power(Cpu c) {
        if (c.extension != null) {
            c.extension.reset(c, true);
        }
        c.cr0 = CACHE_OFF | Cpu.CR0_ET;
        common(c);
        c.xcr0 = 1;
        c.pkru = 0;
        c.pkrs = 0;
        c.ssp = 0;
        c.userCet = 0;
        c.supervisorCet = 0;
        Arrays.fill(c.levelSsp, 0);
        c.interruptSspTable = 0;
        Arrays.fill(c.v, 0);
        c.mxcsr = 0x1f80;
        c.fpu.reset();
        c.msrs.reset();
        c.counters.reset();
        c.tscOffset = -c.platform.now();
        c.smbase = ManagementMode.SMBASE_RESET;
        c.unpend(Cpu.PENDING_SIPI | Cpu.PENDING_INIT | Cpu.PENDING_SMI);
        start(c);
    }

    /** INIT: caches, MSRs other than those of the listed registers, and FPU state stay. CR0.CD and NW stay. */
    public static void init(Cpu c) {
        if (c.extension != null) {
            c.extension.reset(c, false);
        }
        c.cr0 = c.cr0 & CACHE_OFF | Cpu.CR0_ET;
        common(c);
        if (c.apic != null) {
            c.apic.initReceived();
        }
        start(c);
        Tracing.event(c, TraceEvents.INIT);
    }

    /** The bootstrap processor starts at the reset vector, the others wait for a start-up IPI. */
    private static void start(Cpu c) {
        boolean bootstrap = c.apic == null ? c.id == 0 : (c.apic.readMsr(APIC_BASE) & BOOTSTRAP) != 0;
        c.activity = bootstrap ? Cpu.ACTIVE : Cpu.WAIT_FOR_SIPI;
        c.unpend(Cpu.PENDING_INACTIVE);
        if (!bootstrap) {
            c.pend(Cpu.PENDING_INACTIVE);
        }
    }

    /** A start-up IPI: real mode at {@code vector}:0 pages. */
    public static void startUp(Cpu c, int vector) {
        Segments.setReal(c, Reg.CS, vector << 8);
        c.rip = 0;
        c.activity = Cpu.ACTIVE;
        c.unpend(Cpu.PENDING_INACTIVE);
        c.counters.resumed();
        c.updateMode();
        c.updatePending();
        Tracing.event(c, TraceEvents.SIPI, vector);
    }

    private static void common(Cpu c) {
        Arrays.fill(c.r, 0, 16, 0);
        c.r[Reg.RDX] = c.features.cpuid(1, 0)[0] & 0xffffffffL;
        c.cr2 = 0;
        c.cr3 = 0;
        c.cr4 = 0;
        c.efer = 0;
        c.cpl = 0;
        c.gdtBase = 0;
        c.gdtLimit = 0xffff;
        c.idtBase = 0;
        c.idtLimit = 0xffff;
        for (int seg = 0; seg <= Reg.GS; seg++) {
            segment(c, seg, REAL_DATA);
        }
        c.selector[Reg.CS] = 0xf000;
        c.base[Reg.CS] = 0xffff0000L;
        segment(c, Reg.LDTR, LDT);
        segment(c, Reg.TR, BUSY_TSS32);
        c.rip = 0xfff0;
        Arrays.fill(c.dr, 0);
        c.dr[6] = DebugRegisters.DR6_FIXED;
        c.dr[7] = DebugRegisters.DR7_FIXED;
        c.shadow = Cpu.SHADOW_NONE;
        c.pendingDebug = 0;
        c.nmiBlocked = false;
        c.nmiLatched = false;
        c.smm = false;
        c.event.active = false;
        c.unpend(Cpu.PENDING_SHADOW | Cpu.PENDING_DEBUG_TRAP | Cpu.PENDING_NMI);
        c.setRflags(Flags.FIXED);
        c.mem.port().control().invalidateAll();
        c.updateMode();
        c.updatePending();
    }

    private static void segment(Cpu c, int seg, int rights) {
        c.selector[seg] = 0;
        c.base[seg] = 0;
        c.limit[seg] = 0xffff;
        c.rights[seg] = rights;
    }
}

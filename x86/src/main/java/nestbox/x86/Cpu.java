package nestbox.x86;

import nestbox.core.Clock;
import nestbox.core.Seed;
import nestbox.core.trace.Trace;
import nestbox.mmu.memory.PhysicalMemory;
import nestbox.x86.fp.X87;
import nestbox.x86.mem.Memory;
import nestbox.x86.mem.MemoryPort;
import nestbox.x86.model.CpuFeatures;
import nestbox.x86.model.Vendor;
import nestbox.x86.system.Cet;
import nestbox.x86.system.EventInDelivery;
import nestbox.x86.system.ManagementMode;
import nestbox.x86.system.MsrTable;
import nestbox.x86.system.PerformanceCounters;
import nestbox.x86.system.StackFrame;

/**
 * The state of one logical processor. Plain fields, because every engine and every instruction works on them; what is
 * derived (modes, fast paths) is recomputed by the methods that say so.
 */
public final class Cpu implements Clock.SliceCounter {
    public static final int SEGMENTS = 9;

    public static final long CR0_PE = 1;
    public static final long CR0_MP = 1 << 1;
    public static final long CR0_EM = 1 << 2;
    public static final long CR0_TS = 1 << 3;
    public static final long CR0_ET = 1 << 4;
    public static final long CR0_NE = 1 << 5;
    public static final long CR0_WP = 1 << 16;
    public static final long CR0_AM = 1 << 18;
    public static final long CR0_NW = 1 << 29;
    public static final long CR0_CD = 1 << 30;
    public static final long CR0_PG = 1L << 31;

    public static final long CR4_VME = 1;
    public static final long CR4_PVI = 1 << 1;
    public static final long CR4_TSD = 1 << 2;
    public static final long CR4_DE = 1 << 3;
    public static final long CR4_PSE = 1 << 4;
    public static final long CR4_PAE = 1 << 5;
    public static final long CR4_MCE = 1 << 6;
    public static final long CR4_PGE = 1 << 7;
    public static final long CR4_PCE = 1 << 8;
    public static final long CR4_OSFXSR = 1 << 9;
    public static final long CR4_OSXMMEXCPT = 1 << 10;
    public static final long CR4_UMIP = 1 << 11;
    public static final long CR4_LA57 = 1 << 12;
    public static final long CR4_VMXE = 1 << 13;
    public static final long CR4_FSGSBASE = 1 << 16;
    public static final long CR4_PCIDE = 1 << 17;
    public static final long CR4_OSXSAVE = 1 << 18;
    public static final long CR4_SMEP = 1 << 20;
    public static final long CR4_SMAP = 1 << 21;
    public static final long CR4_PKE = 1 << 22;
    public static final long CR4_CET = 1 << 23;
    public static final long CR4_PKS = 1 << 24;
    public static final long CR4_LAM_SUP = 1 << 28;

    /** CR3 bits of linear-address masking for user pointers: 57 significant bits, and 48. */
    public static final long CR3_LAM_U57 = 1L << 61;

    public static final long CR3_LAM_U48 = 1L << 62;

    public static final long EFER_SCE = 1;
    public static final long EFER_LME = 1 << 8;
    public static final long EFER_LMA = 1 << 10;
    public static final long EFER_NXE = 1 << 11;
    public static final long EFER_SVME = 1 << 12;
    public static final long EFER_LMSLE = 1 << 13;
    public static final long EFER_FFXSR = 1 << 14;

    public static final int RIGHTS_TYPE = 0xf;
    public static final int RIGHTS_S = 1 << 4;
    public static final int RIGHTS_DPL = 3 << 5;
    public static final int RIGHTS_P = 1 << 7;
    public static final int RIGHTS_L = 1 << 13;
    public static final int RIGHTS_DB = 1 << 14;
    public static final int RIGHTS_G = 1 << 15;
    public static final int RIGHTS_UNUSABLE = 1 << 16;

    /** IA32_PAT after reset: WB, WT, UC-, UC, twice. */
    public static final long PAT_RESET = 0x0007040600070406L;

    /** {@link #modeKey} bits above the code size. */
    public static final int KEY_STACK16 = 1 << 8;

    public static final int KEY_USER = 1 << 9;
    /** The code has a shadow stack. */
    public static final int KEY_SHADOW_STACK = 1 << 10;
    /** The code's indirect branches are tracked. */
    public static final int KEY_BRANCH_TRACKING = 1 << 11;

    /** An interrupt waits and EFLAGS.IF is set. */
    public static final int PENDING_INTERRUPT = 1;

    public static final int PENDING_NMI = 1 << 1;
    public static final int PENDING_SMI = 1 << 2;
    public static final int PENDING_INIT = 1 << 3;
    public static final int PENDING_SIPI = 1 << 4;
    /** EFLAGS.TF is set: one instruction at a time. */
    public static final int PENDING_STEP = 1 << 5;
    /** Instruction breakpoints are enabled: one instruction at a time. */
    public static final int PENDING_BREAKPOINTS = 1 << 6;
    /** Debug traps of the instruction just retired wait in {@link #pendingDebug}. */
    public static final int PENDING_DEBUG_TRAP = 1 << 7;
    /** The next instruction runs in the shadow of STI or of a load of SS. */
    public static final int PENDING_SHADOW = 1 << 8;
    /** The processor does not execute: see {@link #activity}. */
    public static final int PENDING_INACTIVE = 1 << 9;
    /** The host asked the processor to return from its run loop. */
    public static final int PENDING_STOP = 1 << 10;
    /** EFLAGS.RF is set: it goes with the next instruction. */
    public static final int PENDING_RESUME = 1 << 11;
    /** The {@link VirtualizationExtension} wants its {@link VirtualizationExtension#window} called. */
    public static final int PENDING_EXTENSION = 1 << 12;
    /** DEBUGCTL.LBR is set: one instruction at a time, so that branches are recorded. */
    public static final int PENDING_BRANCH_RECORD = 1 << 13;
    /** An indirect branch was tracked: the next instruction must be ENDBRANCH. */
    public static final int PENDING_ENDBRANCH = 1 << 14;

    /** DEBUGCTL.LBR. */
    public static final long DEBUGCTL_LBR = 1;

    /** Values of {@link #activity}, as in a VMCS. */
    public static final int ACTIVE = 0;

    public static final int HALTED = 1;
    public static final int SHUTDOWN = 2;
    public static final int WAIT_FOR_SIPI = 3;

    /** Values of {@link #shadow}. */
    public static final int SHADOW_NONE = 0;

    public static final int SHADOW_STI = 1;
    public static final int SHADOW_MOV_SS = 2;

    public final int id;
    public final CpuFeatures features;
    public final Platform platform;
    public final Memory mem;
    public final PhysicalMemory physical;
    /** Source of RDRAND and RDSEED. */
    public final Seed random;

    public InterruptController apic;
    /** Where events are emitted; the machine replaces it by its own. */
    public Trace trace = Trace.off();

    /** VMX or SVM; null when the model has neither or none is plugged in. */
    public VirtualizationExtension extension;

    /**
     * RAX..R15 in encoding order, then {@link Reg#ZERO} and {@link Reg#BLOCK_RIP}; as long as a power of two, so that a masked
     * index needs no bounds check.
     */
    public final long[] r = new long[32];
    /** Address of the next instruction while one executes; of the instruction to execute between instructions. */
    public long rip;

    /** Lazy arithmetic flags, see {@link Flags}. */
    public long flagResult = 1;

    public long flagCarry;
    /** EFLAGS without the six arithmetic flags; bit 1 is always set. */
    public long systemFlags = Flags.FIXED;

    /** Segment registers by {@link Reg} number, hidden parts included; entry 8 is {@link nestbox.x86.insn.Insn#FLAT}. */
    public final int[] selector = new int[SEGMENTS];

    public final long[] base = new long[SEGMENTS];
    /** Byte-granular limit, unsigned 32 bits. */
    public final long[] limit = new long[SEGMENTS];
    /**
     * Access rights as a VMCS holds them: bits 3:0 type, 4 S, 6:5 DPL, 7 P, 12 AVL, 13 L, 14 D/B, 15 G, 16 unusable.
     */
    public final int[] rights = new int[SEGMENTS];

    public long gdtBase;
    public int gdtLimit;
    public long idtBase;
    public int idtLimit;

    public long cr0;
    public long cr2;
    public long cr3;
    public long cr4;
    public long efer;
    public long xcr0 = 1;
    public long pkru;
    /** IA32_PKRS. */
    public long pkrs;
    /** SSP, the shadow-stack pointer. */
    public long ssp;
    /** IA32_U_CET. */
    public long userCet;
    /** IA32_S_CET. */
    public long supervisorCet;
    /** IA32_PL0_SSP to IA32_PL3_SSP. */
    public final long[] levelSsp = new long[4];
    /** IA32_INTERRUPT_SSP_TABLE_ADDR. */
    public long interruptSspTable;
    /** The four PDPTE registers of Intel's PAE paging. */
    public final long[] pdpte = new long[4];

    /** DR0 to DR3, (unused), (unused), DR6, DR7. */
    public final long[] dr = new long[8];

    /**
     * Vector registers, four 64-bit lanes each (256 bits); XMM uses lanes 0 and 1. The register behind the last one holds a
     * memory operand while an instruction runs.
     */
    public final long[] v = new long[17 * 4];

    /** The x87 and MMX registers. */
    public final X87 fpu;

    public int mxcsr = 0x1f80;

    public final Msrs msrs;
    public final PerformanceCounters counters;

    // Registers that RDMSR and WRMSR reach by number, kept here because instructions use them.
    public long star;
    public long lstar;
    public long cstar;
    public long fmask;
    public long kernelGsBase;
    public long sysenterCs;
    public long sysenterEsp;
    public long sysenterEip;
    public long tscAux;
    public long debugCtl;
    /** AMD's LastBranchFromIP, LastBranchToIP, LastIntFromIP and LastIntToIP, kept up to date while DEBUGCTL.LBR is set. */
    public final long[] lastBranch = new long[4];
    /** IA32_PAT. */
    public long pat = PAT_RESET;
    /** What the time-stamp counter is ahead of virtual time. */
    public long tscOffset;

    /** Current privilege level. */
    public int cpl;
    /** Code size of the current mode: 16, 32 or 64. */
    public int codeSize = 16;
    /** Mask of the stack pointer: 0xffff, 0xffffffff or -1. */
    public long stackMask = 0xffff;

    private int canonicalShift = 64 - 48;

    /** What the current block was decoded for; see {@link #updateMode}. */
    public int modeKey;

    /**
     * Virtual time that this processor has run for, in ticks, up to the running block's start: one for each instruction, each
     * delivered event and each fault, and {@link #waited}.
     */
    public long ticks;
    /** Those of {@link #ticks} that passed in instructions that wait, beyond the tick of the instruction itself. */
    public long waited;
    /** MONITOR or UMONITOR has armed what MWAIT or UMWAIT waits for. */
    public boolean monitorArmed;
    /** Index of the running instruction in its block; with {@link #ticks} and {@link #sliceStart} it gives the exact tick. */
    public int cursor;
    /** {@link #ticks} when the slice began. */
    public long sliceStart;
    /** The tick that the running engine stops at, or before. */
    public long runEnd;
    /** The running block ends before the instruction with this index; slow paths lower it to end the block early. */
    public int blockLimit;

    /** Reasons to leave the fast loop at the next instruction boundary: a set of PENDING_ bits, see {@link #pend}. */
    public int pending;

    /** Whether and why the processor executes: {@link #ACTIVE}, {@link #HALTED}, {@link #SHUTDOWN}, {@link #WAIT_FOR_SIPI}. */
    public int activity;

    /** Shadow that the next instruction runs in while {@link #PENDING_SHADOW} is set. */
    public int shadow;

    /** DR6 bits of debug traps to deliver after the running instruction. */
    public long pendingDebug;

    /** NMIs are blocked until the next IRET. */
    public boolean nmiBlocked;

    /** An NMI arrived while NMIs were blocked; {@link #unblockNmi} makes it pending again. */
    public boolean nmiLatched;

    /** The processor is in system management mode. */
    public boolean smm;

    /** Base of the memory that SMM starts in. */
    public int smbase = ManagementMode.SMBASE_RESET;

    /** What {@link #nmiBlocked} and {@link #pendingDebug} were when SMM was entered; RSM brings them back. */
    public boolean smmNmiBlocked;

    public long smmPendingDebug;

    /** The running instruction decides that no single-step trap follows it (INT n, SYSCALL...). */
    public boolean noStepTrap;

    /** The running instruction was a world switch, which is no branch. */
    public boolean switchedWorlds;

    /** Whoever runs the processor wants to be in control when a guest is left: see {@link #guestLeft}. */
    public boolean stopsInRoot;

    /** The guest was left since {@link #stopsInRoot}'s owner cleared this. */
    public boolean leftGuest;

    /** The event that is being delivered, or was delivered last. */
    public final EventInDelivery event = new EventInDelivery();

    /** The stack that a far transfer or an event writes its frame to: scratch, no state. */
    public final StackFrame frame = new StackFrame(this);

    /** Length of the running far JMP, CALL or IRET, for the exit that a task switch may cause. */
    public int farLength;

    /** Length of the instruction whose fault is being delivered, for the exit that takes its place; 0 if it could not be fetched. */
    public int faultLength;

    /** Vector of the SIPI behind {@link #PENDING_SIPI}. */
    public int sipiVector;

    private boolean interruptLine;

    public final GuestFault fault = new GuestFault();

    public Cpu(int id, CpuFeatures features, Platform platform, PhysicalMemory physical, PortFactory port, long seed) {
        this.id = id;
        this.features = features;
        this.platform = platform;
        this.physical = physical;
        this.random = new Seed(seed);
        this.fpu = new X87(features.vendor() == Vendor.AMD);
        this.msrs = new Msrs(this);
        this.mem = new Memory(this, port.create(this));
        this.msrs.register(MsrTable.rows());
        this.counters = new PerformanceCounters(this);
    }

    /** Makes the memory port of a processor, which needs the processor to raise faults on. */
    @FunctionalInterface
    public interface PortFactory {
        MemoryPort create(Cpu cpu);
    }

    @Override
    public long ticksInSlice() {
        return ticks - sliceStart + cursor;
    }

    /** Instructions and delivered events: {@link #ticks} without the waiting. */
    public long retired() {
        return ticks - waited;
    }

    /**
     * Lets virtual time pass in the running instruction, beyond its own tick, but never past the machine's next event. Only for
     * instructions that end their block.
     *
     * @return whether all of it passed
     */
    public boolean letPass(long wanted) {
        long most = Math.max(0, platform.idleTicks() - 1);
        long passed = Math.min(wanted, most);
        ticks += passed;
        waited += passed;
        return passed == wanted;
    }

    /** Raises an exception without an error code. Never returns; the result type lets callers write {@code throw raise(..)}. */
    public GuestFault raise(int vector) {
        fault.vector = vector;
        fault.hasErrorCode = false;
        fault.errorCode = 0;
        fault.detail = 0;
        throw fault;
    }

    /** Raises an exception with an error code. */
    public GuestFault raise(int vector, long errorCode) {
        fault.vector = vector;
        fault.hasErrorCode = true;
        fault.errorCode = errorCode;
        fault.detail = 0;
        throw fault;
    }

    /** Raises #PF. */
    public GuestFault raisePageFault(long linear, long errorCode) {
        fault.vector = Vector.PF;
        fault.hasErrorCode = true;
        fault.errorCode = errorCode;
        fault.detail = linear;
        throw fault;
    }

    /** RFLAGS as PUSHF sees it (VM and RF included). */
    public long rflags() {
        return systemFlags | Flags.arithmetic(this);
    }

    /** Sets all of RFLAGS as given; callers apply the rules about what may change. Follows up on IF, TF, AC and VM. */
    public void setRflags(long value) {
        Flags.setArithmetic(this, value);
        setSystemFlags((value & ~(long) Flags.ARITHMETIC) | Flags.FIXED);
    }

    /** Sets RFLAGS without the arithmetic flags and follows up. */
    public void setSystemFlags(long value) {
        long changed = systemFlags ^ value;
        systemFlags = value;
        if ((changed & (Flags.TF | Flags.IF | Flags.RF)) != 0) {
            updatePending();
        }
        if ((changed & Flags.AC) != 0) {
            mem.port().contextChanged();
        }
        if ((changed & Flags.VM) != 0) {
            updateMode();
        }
    }

    public boolean protectedMode() {
        return (cr0 & CR0_PE) != 0;
    }

    public boolean virtual8086() {
        return (systemFlags & Flags.VM) != 0;
    }

    /** IA-32e mode: EFER.LMA. */
    public boolean longMode() {
        return (efer & EFER_LMA) != 0;
    }

    /** 64-bit mode: IA-32e mode with CS.L. */
    public boolean mode64() {
        return codeSize == 64;
    }

    /**
     * Recomputes what follows from CR0, CR4.LA57, CR4.CET, EFER, EFLAGS.VM, CPL, CS, SS, IA32_U_CET and IA32_S_CET: code size,
     * stack mask, the key of blocks. Called after any of them has changed (a changed CPL included).
     */
    public void updateMode() {
        int cs = rights[Reg.CS];
        if (longMode() && (cs & RIGHTS_L) != 0) {
            codeSize = 64;
            stackMask = -1;
        } else {
            codeSize = (cs & RIGHTS_DB) != 0 ? 32 : 16;
            stackMask = (rights[Reg.SS] & RIGHTS_DB) != 0 ? 0xffffffffL : 0xffff;
        }
        canonicalShift = (cr4 & CR4_LA57) != 0 ? 64 - 57 : 64 - 48;
        int key = codeSize | (stackMask == 0xffff ? KEY_STACK16 : 0) | (cpl == 3 ? KEY_USER : 0) | Cet.key(this);
        if (((key ^ modeKey) & KEY_USER) != 0) {
            mem.port().contextChanged();
        }
        modeKey = key;
        Cet.follow(this);
        counters.regimeChanged();
        mem.modeChanged();
    }

    /** Adds reasons to stop at the next instruction boundary. */
    public void pend(int reasons) {
        pending |= reasons;
        blockLimit = 0;
    }

    public void unpend(int reasons) {
        pending &= ~reasons;
    }

    /** The running instruction or event switches between guest and hypervisor, which also ends what MONITOR armed. */
    public void switchWorlds() {
        switchedWorlds = true;
        monitorArmed = false;
    }

    /** The extension has left guest mode: the processor is in root mode (VMX) or host mode (SVM) again. */
    public void guestLeft() {
        if (stopsInRoot) {
            leftGuest = true;
            pend(PENDING_STOP);
        }
    }

    /** The interrupt controller's line to this processor rose or fell. */
    public void setInterruptLine(boolean raised) {
        interruptLine = raised;
        updatePending();
    }

    public boolean interruptLine() {
        return interruptLine;
    }

    private boolean interruptsOpen() {
        boolean open = (systemFlags & Flags.IF) != 0;
        return extension == null ? open : extension.interruptsOpen(this, open);
    }

    /** NMIs are open again (IRET): one that waits becomes pending. */
    public void unblockNmi() {
        nmiBlocked = false;
        if (nmiLatched) {
            nmiLatched = false;
            pend(PENDING_NMI);
        }
    }

    /** The time-stamp counter at the running instruction. */
    public long tsc() {
        return platform.now() + tscOffset;
    }

    /** Recomputes the PENDING_ bits that follow from EFLAGS (IF, TF, RF), DR7, DEBUGCTL and the interrupt line. */
    public void updatePending() {
        int reasons = pending
                & ~(PENDING_INTERRUPT | PENDING_STEP | PENDING_BREAKPOINTS | PENDING_RESUME | PENDING_BRANCH_RECORD);
        if (interruptLine && interruptsOpen()) {
            reasons |= PENDING_INTERRUPT;
        }
        if ((systemFlags & Flags.RF) != 0) {
            reasons |= PENDING_RESUME;
        }
        if ((systemFlags & Flags.TF) != 0) {
            reasons |= PENDING_STEP;
        }
        if (executionBreakpoints()) {
            reasons |= PENDING_BREAKPOINTS;
        }
        if ((debugCtl & DEBUGCTL_LBR) != 0) {
            reasons |= PENDING_BRANCH_RECORD;
        }
        pending = reasons;
        if (reasons != 0) {
            blockLimit = 0;
        }
        if (extension != null) {
            extension.flagsChanged(this);
        }
    }

    /** Whether DR7 enables any instruction breakpoint. */
    public boolean executionBreakpoints() {
        long dr7 = dr[7];
        for (int i = 0; i < 4; i++) {
            if ((dr7 >>> (2 * i) & 3) != 0 && (dr7 >>> (16 + 4 * i) & 3) == 0) {
                return true;
            }
        }
        return false;
    }

    /** Whether a 64-bit linear address is canonical: 48 bits wide, 57 with CR4.LA57. */
    public boolean canonical(long address) {
        return address << canonicalShift >> canonicalShift == address;
    }

    /**
     * Whether an address may be loaded into a base register or an MSR: as wide as the processor can be, whatever CR4.LA57 says,
     * because the register outlives a change of paging mode (SDM Vol. 1, "Canonical Addressing").
     */
    public boolean canonicalBase(long address) {
        int shift = 64 - features.linearBits();
        return address << shift >> shift == address;
    }

    /** Linear address of the instruction at RIP. */
    public long codeLinear() {
        return codeSize == 64 ? rip : (base[Reg.CS] + rip) & 0xffffffffL;
    }

    /** Linear address of the code byte {@code offset} bytes behind {@code linear}. */
    public long wrapCode(long linear, int offset) {
        return codeSize == 64 ? linear + offset : (linear + offset) & 0xffffffffL;
    }

    /**
     * Truncates an instruction pointer to what it is wide: 64 or 32 bits. 16-bit code may run beyond 64 Kbytes where its
     * segment's limit allows it; near branches of 16 bits truncate by themselves.
     */
    public long wrapRip(long value) {
        return codeSize == 64 ? value : value & 0xffffffffL;
    }

    /** Raises #GP(0) if the code byte at RIP + {@code offset} is beyond CS's limit; 64-bit mode has no limit. */
    public void checkCodeLimit(int offset) {
        if (codeSize != 64 && rip + offset > limit[Reg.CS]) {
            throw raise(Vector.GP, 0);
        }
    }
}

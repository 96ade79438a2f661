package nestbox.svm.l0;

import nestbox.l0.Event;
import nestbox.l0.Exit;
import nestbox.l0.HostProcessor;
import nestbox.l0.StateGroup;
import nestbox.l0.Vcpu;
import nestbox.l0.VendorBackend;
import nestbox.mmu.core.HostFrames;
import nestbox.mmu.core.RootToLoad;
import nestbox.svm.vmcb.EventInfo;
import nestbox.svm.vmcb.ExitCode;
import nestbox.svm.vmcb.Vmcb;
import nestbox.svm.vmcb.VmcbField;
import nestbox.svm.world.SvmMsrs;
import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import nestbox.x86.Vector;
import nestbox.x86.insn.Insn;
import nestbox.x86.model.Feature;
import nestbox.x86.system.EventInDelivery;

/** One vCPU's vmcb01 and vmcb02 and its use of SVM. Both run under one ASID: what was cached goes whenever they change places. */
final class SvmBackend implements VendorBackend {
    private static final int EFER = 0xc0000080;
    private static final int VM_HSAVE_PA = 0xc0010117;
    private static final int FRAME = 4096;
    private static final int FLUSH_ALL = 1;
    private static final int FLUSH_ASID = 3;
    private static final long V_IRQ = 1 << 8;
    private static final long V_PRIO = 0xfL << 16;
    private static final long V_IGN_TPR = 1 << 20;
    private static final long REQUEST = V_IRQ | V_PRIO | V_IGN_TPR;
    /** What L0's request stands in for: V_GIF of L2 would hold it back, too. */
    private static final long DISPLACED = REQUEST | Vmcb12.V_GIF | Vmcb12.V_GIF_ENABLE;

    private static final long V_INTR_MASKING = 1 << 24;
    static final int KERNEL_GS_BASE = 0xc0000102;
    static final int FS_BASE = 0xc0000100;

    private static final ExitCode[] ALWAYS = {
        ExitCode.INTR,
        ExitCode.NMI,
        ExitCode.SMI,
        ExitCode.INIT,
        ExitCode.RDPMC,
        ExitCode.CPUID,
        ExitCode.INVD,
        // The SMM that the guest is in is L0's.
        ExitCode.RSM,
        ExitCode.HLT,
        ExitCode.INVLPGA,
        ExitCode.IOIO,
        ExitCode.MSR,
        ExitCode.TASK_SWITCH,
        ExitCode.SHUTDOWN,
        ExitCode.VMRUN,
        ExitCode.VMMCALL,
        ExitCode.VMLOAD,
        ExitCode.VMSAVE,
        // L0 keeps L1's GIF itself. KVM has hardware keep it (V_GIF in vmcb01), lets both instructions run, and
        // intercepts STGI while an event waits for GIF. L1 sees no difference; it saves two exits a nested round trip,
        // for which L0 would have to fetch GIF with each exit.
        ExitCode.STGI,
        ExitCode.CLGI,
        ExitCode.SKINIT,
        // INT1 is a trap; the intercept of #DB would leave RIP on it, and does not tell it from other causes.
        ExitCode.ICEBP,
        ExitCode.WBINVD,
        ExitCode.MONITOR,
        ExitCode.MWAIT,
        ExitCode.XSETBV,
        ExitCode.RDPRU
    };

    private final Vcpu vcpu;
    private final Cpu guest;
    private final HostProcessor host;
    private final boolean nested;
    private final boolean flushByAsid;
    private final Vmcb vmcb01;
    private final Vmcb vmcb02;
    /** That of the two which is in use. */
    private Vmcb vmcb;

    private final SvmGuestState state;
    private final SvmExits exits;
    private final Insn vmrun;
    private final Insn vmload;
    private final Insn vmsave;
    private final Insn clgi;
    private final Insn invlpga;
    private final int asid;
    private final long permissions;
    private final long ports;
    private int flush;
    /** The last entry injected a software interrupt or exception, whose instruction is there and ends there. */
    private boolean softInjected;

    private long softRip;
    private int softLength;
    private long softNext;
    /** The processor's time then. */
    private long softTicks;

    /** Nested SVM of the guest, or null. */
    private NestedSvm nestedSvm;
    /** The virtual interrupt of vmcb02 is L0's, to learn when interrupts are open. */
    private boolean window;
    /** L2's own, meanwhile. */
    private long displaced;
    /** The bits that stand there. */
    private long aside;

    SvmBackend(Vcpu vcpu, HostProcessor host) {
        this.vcpu = vcpu;
        this.host = host;
        guest = vcpu.guest();
        nested = vcpu.hypervisor().mmu().config().tdp();
        flushByAsid = host.cpu().features.has(Feature.FLUSHBYASID);
        HostFrames frames = vcpu.hypervisor().host().frames();
        host.wrmsr(EFER, host.rdmsr(EFER) | Cpu.EFER_SVME);
        host.wrmsr(VM_HSAVE_PA, frames.allocate());
        vmrun = host.door().instruction("vmrun");
        vmload = host.door().instruction("vmload");
        vmsave = host.door().instruction("vmsave");
        clgi = host.door().instruction("clgi");
        invlpga = host.door().instruction("invlpga");
        // Physical interrupts are to leave the guest whatever its own flag says; GIF holds them back in between.
        host.door().execute(clgi);
        host.door().execute(host.door().instruction("sti"));
        vmcb01 = allocate(frames);
        vmcb02 = allocate(frames);
        vmcb = vmcb01;
        permissions = permissionMap(frames);
        ports = ones(frames, 3);
        asid = guest.id + 1;
        state = new SvmGuestState(this, guest, host);
        exits = new SvmExits(this, host, guest.extension instanceof NestedSvm);
        if (guest.extension instanceof NestedSvm extension) {
            nestedSvm = extension;
            nestedSvm.attach(vcpu, this);
        }
    }

    private Vmcb allocate(HostFrames frames) {
        Vmcb result = new Vmcb(host.cpu().physical);
        result.attach(frames.allocate());
        return result;
    }

    /** An MSR permission map that lets the bases of FS and GS pass. */
    static long permissionMap(HostFrames frames) {
        long map = ones(frames, 2);
        for (int msr = FS_BASE; msr <= KERNEL_GS_BASE; msr++) {
            permit(frames, map, msr, 0);
        }
        return map;
    }

    /** Sets an MSR's two bits in a permission map: 1 intercepts reads, 2 writes. */
    static void permit(HostFrames frames, long map, int msr, long bits) {
        long at = map + 0x800 + ((msr & 0x1fff) >> 2);
        int shift = 2 * (msr & 3);
        frames.write(at, 1, frames.read(at, 1) & ~(3L << shift) | bits << shift);
    }

    Vmcb vmcb() {
        return vmcb;
    }

    Vmcb vmcb01() {
        return vmcb01;
    }

    Vmcb vmcb02() {
        return vmcb02;
    }

    boolean inL2() {
        return nestedSvm != null && nestedSvm.guestMode();
    }

    /** What the guest's time-stamp counter is ahead of the host's, which {@link #tscRatio} has scaled. */
    long tscOffset() {
        return inL2() ? nestedSvm.tscOfL2(guest.tscOffset) : guest.tscOffset;
    }

    /** TSC_RATIO of the host while the guest runs. */
    long tscRatio() {
        return inL2() ? nestedSvm.tscRatio() : SvmMsrs.RATIO_ONE;
    }

    void enterVmcb02() {
        vmcb = vmcb02;
        window = false;
    }

    void leaveVmcb02() {
        vmcb = vmcb01;
        window = false;
    }

    /** L0 waits for interrupts to open in L2. */
    boolean windowOpen() {
        return window;
    }

    /** INTERRUPT_CONTROL as L2 has it. */
    long virtualInterrupt() {
        long control = vmcb02.get(VmcbField.INTERRUPT_CONTROL);
        return window ? control & ~aside | displaced : control;
    }

    /** {@link Vmcb12#CHANGING} becomes this for L2. */
    void setVirtualInterrupt(long control) {
        show(virtualInterrupt() & ~Vmcb12.CHANGING | control & Vmcb12.CHANGING);
    }

    /** Writes what L2 has into vmcb02, or puts it aside as far as L0's request stands there. */
    private void show(long control) {
        if (!window) {
            vmcb02.set(VmcbField.INTERRUPT_CONTROL, control);
            return;
        }
        // What V_GIF held back must stay back.
        boolean held = nestedSvm.vmcb12.virtualGif() && (control & Vmcb12.V_GIF) == 0;
        aside = held ? DISPLACED | Vmcb12.V_NMI_PENDING : DISPLACED;
        displaced = control & aside;
        vmcb02.set(VmcbField.INTERRUPT_CONTROL, control & ~aside | REQUEST);
    }

    /** STGI or CLGI that L0 emulates for an L2 with virtual GIF. */
    void setVirtualGif(boolean value) {
        setVirtualInterrupt(virtualInterrupt() & ~Vmcb12.V_GIF | (value ? Vmcb12.V_GIF : 0));
    }

    /** Contiguous frames in which every bit is set. */
    private static long ones(HostFrames frames, int count) {
        long first = frames.allocate();
        for (int i = 1; i < count; i++) {
            if (frames.allocate() != first + (long) i * FRAME) {
                throw new nestbox.core.NestboxException("hypervisor", "no contiguous frames for a permission map");
            }
        }
        for (long at = first; at < first + (long) count * FRAME; at += 8) {
            frames.write64(at, -1);
        }
        return first;
    }

    boolean nested() {
        return nested;
    }

    /** The running guest's PDPEs in memory, or null if it has none that are legal. */
    long[] readPdptes(long cr3) {
        return vcpu.mmu().readPdptes(cr3);
    }

    void intercept(int code, boolean on) {
        int at = code >>> 5 << 2;
        long bit = 1L << (code & 31);
        long old = vmcb.get(at, 4);
        vmcb.set(at, 4, on ? old | bit : old & ~bit);
    }

    /**
     * L1's VMLOAD and VMSAVE run on the processor if it translates their operands by nested paging (APM Vol. 2, "Virtualized VMLOAD
     * and VMSAVE"). Its EFER.SVME is always set: while L1's is clear they leave, and are #UD.
     */
    void virtualizeVmload(boolean svme) {
        boolean runs = svme && nested && host.cpu().features.has(Feature.V_VMSAVE_VMLOAD);
        intercept((int) ExitCode.VMLOAD.code(), !runs);
        intercept((int) ExitCode.VMSAVE.code(), !runs);
        long others = vmcb.get(VmcbField.VIRTUAL_EXTENSIONS) & ~Vmcb12.VIRTUAL_VMLOAD;
        vmcb.set(VmcbField.VIRTUAL_EXTENSIONS, runs ? others | Vmcb12.VIRTUAL_VMLOAD : others);
    }

    @Override
    public void reset() {
        vmcb = vmcb01;
        for (int at = 0; at < Vmcb.BYTES; at += 8) {
            vmcb.set(at, 8, 0);
        }
        for (ExitCode row : ALWAYS) {
            intercept((int) row.code(), true);
        }
        // Without the feature in the guest's model the emulator makes it #UD.
        boolean lacks = !guest.features.has(Feature.INVPCID);
        intercept((int) ExitCode.INVPCID.code(), host.cpu().features.has(Feature.INVPCID) && (lacks || !nested));
        intercept((int) ExitCode.RDTSCP.code(), !guest.features.has(Feature.RDTSCP));
        int cr = (int) ExitCode.CR_READ.code();
        int crWrite = (int) ExitCode.CR_WRITE.code();
        for (int number : new int[] {0, 4, 8}) {
            intercept(cr + number, true);
            intercept(crWrite + number, true);
        }
        for (int number = 0; number < 16; number++) {
            intercept((int) ExitCode.DR_READ.code() + number, true);
            intercept((int) ExitCode.DR_WRITE.code() + number, true);
        }
        int exceptions = (int) ExitCode.EXCP.code();
        intercept(exceptions + Vector.DB, true);
        intercept(exceptions + Vector.MC, true);
        intercept(exceptions + Vector.AC, true);
        if (vcpu.needsInvalidOpcodes()) {
            intercept(exceptions + Vector.UD, true);
        }
        if (!nested) {
            intercept(cr + 3, true);
            intercept(crWrite + 3, true);
            intercept((int) ExitCode.INVLPG.code(), true);
            intercept(exceptions + Vector.PF, true);
        }
        vmcb.set(VmcbField.GUEST_ASID, asid);
        vmcb.set(VmcbField.MSRPM_BASE_PA, permissions);
        vmcb.set(VmcbField.IOPM_BASE_PA, ports);
        vmcb.set(VmcbField.INTERRUPT_CONTROL, V_INTR_MASKING);
        vmcb.set(VmcbField.NESTED_CONTROL, nested ? 1 : 0);
        flush = FLUSH_ALL;
    }

    @Override
    public void fetch(int groups) {
        state.fetch(groups);
    }

    @Override
    public void store(int groups) {
        state.store(groups);
    }

    @Override
    public boolean canRun() {
        return true;
    }

    @Override
    public void setRoot(RootToLoad root) {
        if (nested) {
            vmcb.set(VmcbField.N_CR3, root.hpa());
        } else {
            boolean pcid = (guest.cr4 & Cpu.CR4_PCIDE) != 0 && (guest.efer & Cpu.EFER_LMA) != 0;
            vmcb.set(VmcbField.CR3, root.hpa() | (pcid ? guest.cr3 & 0xfff : 0));
        }
    }

    @Override
    public boolean enter(long budget) {
        Cpu h = host.cpu();
        vmcb.set(VmcbField.RAX, guest.r[Reg.RAX]);
        vmcb.set(VmcbField.RSP, guest.r[Reg.RSP]);
        vmcb.set(VmcbField.CR2, guest.cr2);
        vmcb.set(VmcbField.TLB_CONTROL, flush);
        flush = 0;
        h.r[Reg.RAX] = vmcb.address();
        host.door().execute(vmload);
        return host.door().enter(vmrun, budget);
    }

    @Override
    public void decode(Exit exit) {
        host.cpu().r[Reg.RAX] = vmcb.address();
        host.door().execute(vmsave);
        guest.r[Reg.RAX] = vmcb.get(VmcbField.RAX);
        guest.r[Reg.RSP] = vmcb.get(VmcbField.RSP);
        guest.cr2 = vmcb.get(VmcbField.CR2);
        exits.decode(exit);
        if (exit.vector == Vector.DB && exit.code == ExitCode.EXCP.code() + Vector.DB) {
            // The processor has put the cause into DR6 already.
            exit.detail = vmcb.get(VmcbField.DR6) & 0xe00f;
        }
    }

    @Override
    public void vectoring(Event event) {
        exits.vectoring(event);
        if (!event.isSoft()) {
            return;
        }
        // If the guest has executed anything since, this is another one that stands behind it.
        long rip = vmcb.get(VmcbField.RIP);
        if (softInjected && host.cpu().ticks == softTicks && (rip == softNext || rip == softRip)) {
            vmcb.set(VmcbField.RIP, softRip);
            event.length = softLength;
            return;
        }
        // Exits on the way of an event leave NRIP 0. Without its length the instruction is executed anew.
        event.length = vcpu.instructionLength();
        event.active = event.length != 0;
    }

    @Override
    public void inject(Event event) {
        int type = event.type;
        softInjected = event.isSoft();
        if (softInjected) {
            injectBehind(event.length);
        }
        if (type == EventInDelivery.SOFTWARE_EXCEPTION || type == EventInDelivery.PRIVILEGED_EXCEPTION) {
            type = EventInfo.EXCEPTION;
        }
        vmcb.set(VmcbField.EVENTINJ, EventInfo.of(event.vector, type, event.hasErrorCode, event.errorCode));
    }

    /** Event injection blocks no NMIs, so L0 keeps account of them (APM Vol. 2, "Event Injection"). */
    @Override
    public void nmiTaken() {
        if (!virtualNmi()) {
            guest.nmiBlocked = true;
        }
    }

    /** A software interrupt or exception returns behind its instruction: by NRIP, or by RIP where there is none. */
    private void injectBehind(int length) {
        vcpu.need(StateGroup.BASIC | StateGroup.CODE);
        softTicks = host.cpu().ticks;
        softRip = guest.rip;
        softLength = length;
        softNext = guest.wrapRip(guest.rip + length);
        if (host.cpu().features.has(Feature.NRIP_SAVE)) {
            vmcb.set(VmcbField.NRIP, softNext);
        } else {
            vcpu.take(StateGroup.BASIC);
            guest.rip = softNext;
        }
    }

    /** A virtual interrupt that is intercepted says when interrupts are open. */
    @Override
    public void setInterruptWindow(boolean on) {
        boolean wanted = on && (nestedSvm == null || nestedSvm.hasWindow());
        if (on && nestedSvm != null && nestedSvm.letsInterruptsIn()) {
            vcpu.leaveBehindShadow();
        }
        if (!inL2()) {
            intercept((int) ExitCode.VINTR.code(), wanted);
            long control = vmcb.get(VmcbField.INTERRUPT_CONTROL) & ~REQUEST;
            vmcb.set(VmcbField.INTERRUPT_CONTROL, wanted ? control | REQUEST : control);
            return;
        }
        if (wanted == window) {
            return;
        }
        long control = virtualInterrupt();
        window = wanted;
        show(control);
        boolean leaves = wanted || !nestedSvm.vmcb12.virtualGif();
        intercept((int) ExitCode.STGI.code(), leaves || nestedSvm.vmcb12.intercepts(ExitCode.STGI));
        intercept((int) ExitCode.CLGI.code(), leaves || nestedSvm.vmcb12.intercepts(ExitCode.CLGI));
        intercept((int) ExitCode.VINTR.code(), wanted || nestedSvm.vmcb12.intercepts(ExitCode.VINTR));
    }

    /** NMIs open when the handler's IRET has been emulated. */
    @Override
    public void setNmiWindow(boolean on) {
        boolean of12 = inL2() && nestedSvm.vmcb12.intercepts(ExitCode.IRET);
        boolean physical = !virtualNmi() && (on || guest.nmiBlocked);
        intercept((int) ExitCode.IRET.code(), physical || of12);
    }

    /** L2 has virtual NMIs: its IRET ends those. */
    private boolean virtualNmi() {
        return inL2() && nestedSvm.vmcb12.virtualNmi();
    }

    @Override
    public void flushAll() {
        flush = FLUSH_ALL;
    }

    @Override
    public void flushCurrent() {
        flushGuest();
    }

    @Override
    public void flushGuest() {
        if (flush != FLUSH_ALL) {
            flush = flushByAsid ? FLUSH_ASID : FLUSH_ALL;
        }
    }

    @Override
    public void flushAddress(long linear) {
        Cpu h = host.cpu();
        h.r[Reg.RAX] = linear;
        h.r[Reg.RCX] = asid;
        host.door().execute(invlpga);
    }
}

package nestbox.vmx.l0;

import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.l0.Event;
import nestbox.l0.Exit;
import nestbox.l0.ExitKind;
import nestbox.l0.HostProcessor;
import nestbox.l0.NestedPolicy;
import nestbox.l0.StateGroup;
import nestbox.l0.Vcpu;
import nestbox.l0.VendorBackend;
import nestbox.mmu.core.HostFrames;
import nestbox.mmu.core.RootToLoad;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.vmcs.InterruptionType;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Cpu;
import nestbox.x86.Vector;
import nestbox.x86.system.EventInDelivery;

/** One vCPU's vmcs01 and its use of VMX. */
final class VmxBackend implements VendorBackend {
    private static final int FEATURE_CONTROL = 0x3a;
    private static final int FEATURE_CONTROL_ENABLED = 5;
    private static final int BASIC = 0x480;
    private static final int INVEPT_SINGLE = 1;
    private static final int INVEPT_ALL = 2;
    private static final int INVVPID_ADDRESS = 0;
    private static final int INVVPID_SINGLE = 1;
    /** vpid02 is that much above vpid01. */
    private static final int VPID02 = 0x100;

    private static final int BITMAP_BYTES = 4096;
    /** Read and write bitmaps of the MSRs from C0000000h on. */
    private static final int HIGH_READ = 0x400;

    private static final int HIGH_WRITE = 0xc00;
    private static final int FS_BASE = 0x100;
    private static final int KERNEL_GS_BASE = 0x102;

    private final Vcpu vcpu;
    private final Cpu guest;
    private final HostProcessor host;
    private final VmcsDoor vmcs;
    private final VmxControls controls;
    private final VmxSetup setup;
    private final VmxGuestState state;
    private final VmxExits exits;
    private final ImmediateExit immediate;
    private final boolean ept;
    private final boolean unrestricted;
    private final HardwareVmcs vmcs01;
    private final HardwareVmcs vmcs02;
    private final long bitmap;
    private final long revision;
    /** The virtual machine's, with its first processor; else null. */
    private final IdentityMap identityMap;

    private boolean failed;
    /** Accesses to CR3 exit although EPT is in use. */
    private boolean cr3Intercepted;
    /** Nested VMX of the guest, or null. */
    private NestedVmx nested;

    VmxBackend(Vcpu vcpu, HostProcessor host) {
        this.vcpu = vcpu;
        this.host = host;
        guest = vcpu.guest();
        HostFrames frames = vcpu.hypervisor().host().frames();
        vmcs = new VmcsDoor(host, frames);
        host.wrmsr(FEATURE_CONTROL, host.rdmsr(FEATURE_CONTROL) | FEATURE_CONTROL_ENABLED);
        host.setCr4(host.cpu().cr4 | Cpu.CR4_VMXE);
        revision = host.rdmsr(BASIC) & 0x7fffffff;
        long on = frames.allocate();
        frames.write(on, 4, revision);
        vmcs.vmxon(on);
        controls = new VmxControls(host);
        ept = vcpu.hypervisor().mmu().config().tdp();
        unrestricted = ept && controls.allows(VmxFeature.UNRESTRICTED_GUEST);
        setup = new VmxSetup(vmcs, controls, guest.features, host, ept);
        boolean tagged = controls.allows(VmxFeature.ENABLE_VPID);
        vmcs01 = new HardwareVmcs(region(frames, revision), tagged ? guest.id + 1 : 0);
        vmcs02 = new HardwareVmcs(region(frames, revision), tagged ? guest.id + 1 + VPID02 : 0);
        bitmap = msrBitmap(frames);
        identityMap = ept && !unrestricted && guest.id == 0 ? new IdentityMap(vcpu.hypervisor()) : null;
        state = new VmxGuestState(this, vmcs, guest, host);
        exits = new VmxExits(vmcs, host, guest.extension instanceof NestedVmx);
        immediate = new ImmediateExit(vmcs, controls.allows(VmxFeature.PREEMPTION_TIMER));
        if (guest.extension instanceof NestedVmx extension) {
            nested = extension;
            nested.attach(vcpu, this);
        }
    }

    private static long region(HostFrames frames, long revision) {
        long region = frames.allocate();
        frames.write(region, 4, revision);
        return region;
    }

    VmcsDoor door() {
        return vmcs;
    }

    VmxControls controls() {
        return controls;
    }

    HardwareVmcs vmcs01() {
        return vmcs01;
    }

    HardwareVmcs vmcs02() {
        return vmcs02;
    }

    HostProcessor host() {
        return host;
    }

    /** What the guest's time-stamp counter is ahead of the host's. */
    long tscOffset() {
        return inL2() ? nested.tscOffset(guest.tscOffset) : guest.tscOffset;
    }

    boolean inL2() {
        return nested != null && nested.guestMode();
    }

    /** What the running guest reads from CR0, apart from the bits that it owns. */
    long cr0Shadow() {
        return inL2() ? nested.controlRead(guest, 0, guest.cr0) : guest.cr0;
    }

    long cr4Shadow() {
        return inL2() ? nested.controlRead(guest, 4, guest.cr4) : guest.cr4;
    }

    /** Bits of CR0 that the running guest does not own. */
    long cr0Mask() {
        return ~Cpu.CR0_TS | (inL2() ? nested.cr0Mask() : 0);
    }

    /** The guest may reach the bases of FS and GS, which VM exits and SWAPGS handle, and nothing else. */
    private static long msrBitmap(HostFrames frames) {
        long page = frames.allocate();
        for (int i = 0; i < BITMAP_BYTES; i += 8) {
            frames.write64(page + i, -1);
        }
        for (int msr = FS_BASE; msr <= KERNEL_GS_BASE; msr++) {
            for (int part : new int[] {HIGH_READ, HIGH_WRITE}) {
                long at = page + part + (msr >>> 3);
                frames.write(at, 1, frames.read(at, 1) & ~(1L << (msr & 7)));
            }
        }
        return page;
    }

    boolean ept() {
        return ept;
    }

    /** The guest has no paging, and the silicon runs no guest without it: {@link IdentityMap}. */
    boolean onIdentityMap() {
        return ept && !unrestricted && (guest.cr0 & Cpu.CR0_PG) == 0;
    }

    long hardwareEfer() {
        // Shadow tables always use NX; the guest's mode decides the rest.
        long efer = ept ? guest.efer : guest.efer | Cpu.EFER_NXE;
        // Where paging is always on in the processor, LME may not be without LMA.
        boolean paged = !ept || onIdentityMap();
        return paged && (efer & Cpu.EFER_LMA) == 0 ? efer & ~Cpu.EFER_LME : efer;
    }

    /** Where the guest's CR3 is not the processor's, its accesses to it exit. */
    void interceptCr3(boolean on) {
        long bits = VmxSetup.mask(VmxFeature.CR3_LOAD_EXITING, VmxFeature.CR3_STORE_EXITING);
        if (on != cr3Intercepted && !inL2()) {
            cr3Intercepted = on;
            vmcs01.primary = on ? vmcs01.primary | bits : vmcs01.primary & ~bits | bits & setup.mustBeOne();
            vmcs.write(VmcsField.CPU_BASED_VM_EXEC_CONTROL, vmcs01.primary);
            flushGuest();
        }
    }

    void setWideGuest(boolean wide) {
        HardwareVmcs v = vmcs.current();
        long word = v.entryControls & ~VmxFeature.IA32E_MODE_GUEST.mask();
        v.entryControls = word | (wide ? VmxFeature.IA32E_MODE_GUEST.mask() : 0);
        vmcs.write(VmcsField.VM_ENTRY_CONTROLS, v.entryControls);
    }

    @Override
    public void reset() {
        vmcs.clear(vmcs02);
        vmcs.clear(vmcs01);
        vmcs.load(vmcs01);
        setup.writeControls(vmcs01);
        cr3Intercepted = false;
        vmcs.write(VmcsField.MSR_BITMAP, bitmap);
        setup.writeHost();
    }

    /** vmcs02 begins as a copy of vmcs01's fields that L0 wrote; the merge follows. */
    void enterVmcs02() {
        vmcs.load(vmcs02);
        setup.writeHost();
        setup.writeConstants();
    }

    /** VMCS shadowing for L1, by a region or -1 for none. */
    void linkShadow(long region, long readBitmap, long writeBitmap) {
        vmcs.load(vmcs01);
        long secondary = vmcs.read(VmcsField.SECONDARY_VM_EXEC_CONTROL);
        long control = VmxFeature.VMCS_SHADOWING.mask();
        vmcs.write(VmcsField.SECONDARY_VM_EXEC_CONTROL, region == -1 ? secondary & ~control : secondary | control);
        vmcs.write(VmcsField.VMCS_LINK_POINTER, region);
        vmcs.write(VmcsField.VMREAD_BITMAP, readBitmap);
        vmcs.write(VmcsField.VMWRITE_BITMAP, writeBitmap);
    }

    long revision() {
        return revision;
    }

    void leaveVmcs02() {
        vmcs.load(vmcs01);
    }

    /** #UD of the guest leaves it while L0 has a use for it; of L2, as vmcs02's merge says. */
    void interceptInvalidOpcodes() {
        if (!inL2()) {
            long others = vmcs.read(VmcsField.EXCEPTION_BITMAP) & ~(1L << Vector.UD);
            vmcs.write(VmcsField.EXCEPTION_BITMAP, others | (vcpu.needsInvalidOpcodes() ? 1 << Vector.UD : 0));
        }
    }

    @Override
    public void fetch(int groups) {
        state.fetch(groups);
    }

    @Override
    public void store(int groups) {
        if (nested != null && !inL2()) {
            nested.shadowing.push();
        }
        state.store(groups);
        if (inL2() && nested.entryPending()) {
            nested.entry.passThrough();
        }
    }

    /** Without unrestricted guest, real mode is emulated, and so is protected mode with segments left over from it. */
    @Override
    public boolean canRun() {
        if (unrestricted) {
            return true;
        }
        vcpu.need(StateGroup.CONTROL);
        return SegmentRules.hold(guest);
    }

    @Override
    public void setRoot(RootToLoad root) {
        if (ept) {
            vmcs.current().eptp = root.eptp();
            vmcs.write(VmcsField.EPT_POINTER, root.eptp());
        } else {
            boolean pcid = (guest.cr4 & Cpu.CR4_PCIDE) != 0 && (guest.efer & Cpu.EFER_LMA) != 0;
            long kept = Cpu.CR3_LAM_U57 | Cpu.CR3_LAM_U48 | (pcid ? 0xfff : 0);
            vmcs.write(VmcsField.GUEST_CR3, root.hpa() | guest.cr3 & kept);
        }
    }

    @Override
    public boolean leaveAtOnce() {
        return immediate.arm();
    }

    @Override
    public boolean enter(long budget) {
        failed = false;
        boolean left = vmcs.enter(budget);
        if (!host.cpu().leftGuest && left) {
            failed = true;
            return true;
        }
        return left;
    }

    /**
     * Lets hardware check vmcs02's controls and host state, by an entry that its guest state makes fail behind them: the
     * VM-instruction error, 0 if there is none (KVM's nested_vmx_check_vmentry_hw).
     */
    long tryEntry() {
        vmcs.write(VmcsField.GUEST_RFLAGS, 0);
        boolean refused = vmcs.enter(1) && !host.cpu().leftGuest;
        state.exited();
        return refused ? vmcs.read(VmcsField.VM_INSTRUCTION_ERROR) : 0;
    }

    @Override
    public void decode(Exit exit) {
        state.exited();
        immediate.disarm();
        if (failed) {
            exit.kind = ExitKind.ENTRY_FAILED;
            exit.name = "VMfail";
            exit.code = -1;
            exit.info1 = vmcs.read(VmcsField.VM_INSTRUCTION_ERROR);
            return;
        }
        exits.decode(exit);
        // An entry that fails behind its controls leaves the launch state as it was.
        vmcs.current().launched |= exit.kind != ExitKind.INVALID_STATE;
    }

    @Override
    public void save(StateWriter out) {
        if (identityMap != null) {
            identityMap.save(out);
        }
    }

    @Override
    public void restore(StateReader in) {
        if (identityMap != null) {
            identityMap.restore(in);
        }
    }

    @Override
    public void vectoring(Event event) {
        exits.vectoring(event);
    }

    @Override
    public void inject(Event event) {
        long word = event.vector | (long) event.type << 8 | InterruptionType.VALID;
        if (event.hasErrorCode && (guest.cr0 & Cpu.CR0_PE) != 0) {
            word |= InterruptionType.ERROR_CODE;
            vmcs.write(VmcsField.VM_ENTRY_EXCEPTION_ERROR_CODE, event.errorCode);
        }
        if (event.isSoft()) {
            vmcs.write(VmcsField.VM_ENTRY_INSTRUCTION_LEN, event.length);
        }
        if (event.type == EventInDelivery.NMI) {
            // Its delivery was interrupted: the entry blocks NMIs anew, and may not find them blocked.
            vcpu.take(StateGroup.BASIC);
            guest.nmiBlocked = false;
        }
        vmcs.write(VmcsField.VM_ENTRY_INTR_INFO, word);
    }

    @Override
    public void setInterruptWindow(boolean on) {
        setPrimary(VmxFeature.INTERRUPT_WINDOW_EXITING, on);
    }

    @Override
    public void setNmiWindow(boolean on) {
        // Without virtual NMIs there is no window; L1 takes NMIs as exits then.
        boolean none = inL2() && nested.takesPhysicalNmis();
        setPrimary(VmxFeature.NMI_WINDOW_EXITING, on && !none);
    }

    /** L1's own wish for the window stands in vmcs02, too. */
    private void setPrimary(VmxFeature window, boolean on) {
        HardwareVmcs v = vmcs.current();
        boolean wanted = on || inL2() && nested.controls.primary(window);
        v.primary = wanted ? v.primary | window.mask() : v.primary & ~window.mask();
        vmcs.write(VmcsField.CPU_BASED_VM_EXEC_CONTROL, v.primary);
    }

    @Override
    public void flushAll() {
        if (ept) {
            vmcs.invept(INVEPT_ALL, 0);
        }
        flushVpid(vmcs01.vpid);
        flushVpid(vmcs02.vpid);
    }

    @Override
    public void flushCurrent() {
        if (ept && vmcs.current().eptp != 0) {
            vmcs.invept(INVEPT_SINGLE, vmcs.current().eptp);
        } else {
            flushGuest();
        }
    }

    /** Without VPID every entry and exit flushes. */
    @Override
    public void flushGuest() {
        flushVpid(vcpu.follows(NestedPolicy.VPID_FLUSH) ? vmcs.current().runsWith : vmcs01.vpid);
    }

    void flushVpid(int vpid) {
        if (vpid != 0) {
            vmcs.invvpid(INVVPID_SINGLE, vpid, 0);
        }
    }

    @Override
    public void flushAddress(long linear) {
        int vpid = vmcs.current().runsWith;
        if (vpid == 0) {
            return;
        }
        if (controls.allows(VmxFeature.INVVPID_ADDRESS)) {
            vmcs.invvpid(INVVPID_ADDRESS, vpid, linear);
        } else {
            flushGuest();
        }
    }
}

package nestbox.svm.l0;

import nestbox.l0.GuestMsrs;
import nestbox.l0.HostProcessor;
import nestbox.l0.StateGroup;
import nestbox.l0.VectorState;
import nestbox.svm.vmcb.Vmcb;
import nestbox.svm.vmcb.VmcbField;
import nestbox.svm.vmcb.VmcbSegment;
import nestbox.svm.world.LastBranches;
import nestbox.svm.world.SvmMsrs;
import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import nestbox.x86.model.Feature;

/**
 * Moves a guest's registers between vmcb01 or vmcb02 and L0's copy. What the guest cannot change without an exit is never read back (CR0
 * but TS, CR4, EFER, debug registers, most MSRs).
 */
final class SvmGuestState {
    /** By segment number: ES, CS, SS, DS, FS, GS, LDTR, TR. */
    private static final VmcbSegment[] SEGMENTS = {
        VmcbSegment.ES,
        VmcbSegment.CS,
        VmcbSegment.SS,
        VmcbSegment.DS,
        VmcbSegment.FS,
        VmcbSegment.GS,
        VmcbSegment.LDTR,
        VmcbSegment.TR
    };

    /** Those of {@link StateGroup#SEGMENTS}. */
    private static final int[] OTHERS = {Reg.ES, Reg.DS, Reg.FS, Reg.GS, Reg.LDTR, Reg.TR};

    private static final long CACHE_OFF = Cpu.CR0_CD | Cpu.CR0_NW;

    private final SvmBackend backend;
    private final Cpu guest;
    private final HostProcessor host;
    private final GuestMsrs msrs;

    SvmGuestState(SvmBackend backend, Cpu guest, HostProcessor host) {
        this.backend = backend;
        this.guest = guest;
        this.host = host;
        msrs = new GuestMsrs(guest, host);
    }

    void fetch(int groups) {
        Vmcb vmcb = backend.vmcb();
        if ((groups & StateGroup.VECTOR) != 0) {
            VectorState.copy(host.cpu(), guest);
        }
        if ((groups & StateGroup.SYSTEM) != 0) {
            guest.kernelGsBase = vmcb.get(VmcbField.KERNEL_GS_BASE);
            if ((vmcb.get(VmcbField.VIRTUAL_EXTENSIONS) & Vmcb12.VIRTUAL_VMLOAD) != 0) {
                fetchLoaded();
            }
            if ((vmcb.get(VmcbField.VIRTUAL_EXTENSIONS) & LastBranches.ENABLE) != 0) {
                LastBranches.load(guest, vmcb);
            }
        }
        if ((groups & StateGroup.CONTROL) != 0) {
            guest.cr0 = guest.cr0 & ~Cpu.CR0_TS | vmcb.get(VmcbField.CR0) & Cpu.CR0_TS;
            if (backend.nested()) {
                guest.cr3 = vmcb.get(VmcbField.CR3);
                fetchPdptes();
            }
        }
        if ((groups & StateGroup.CODE) != 0) {
            fetchSegment(Reg.CS);
            fetchSegment(Reg.SS);
            guest.cpl = (int) vmcb.get(VmcbField.CPL) & 3;
        }
        if ((groups & StateGroup.SEGMENTS) != 0) {
            fetchSegments();
        }
        if ((groups & StateGroup.BASIC) != 0) {
            fetchBasic();
        }
        guest.updateMode();
        guest.mem.port().contextChanged();
    }

    /** What VMLOAD changes without an exit, beside segments. */
    private void fetchLoaded() {
        Vmcb vmcb = backend.vmcb();
        guest.star = vmcb.get(VmcbField.STAR);
        guest.lstar = vmcb.get(VmcbField.LSTAR);
        guest.cstar = vmcb.get(VmcbField.CSTAR);
        guest.fmask = vmcb.get(VmcbField.SFMASK);
        guest.sysenterCs = vmcb.get(VmcbField.SYSENTER_CS);
        guest.sysenterEsp = vmcb.get(VmcbField.SYSENTER_ESP);
        guest.sysenterEip = vmcb.get(VmcbField.SYSENTER_EIP);
    }

    /** Under nested paging the processor reads PDPEs from memory (APM Vol. 2, "Nested Paging"), and L0's emulator does as it does. */
    private void fetchPdptes() {
        boolean pae =
                (guest.cr0 & Cpu.CR0_PG) != 0 && (guest.cr4 & Cpu.CR4_PAE) != 0 && (guest.efer & Cpu.EFER_LMA) == 0;
        long[] found = pae ? backend.readPdptes(guest.cr3) : null;
        if (found != null) {
            System.arraycopy(found, 0, guest.pdpte, 0, found.length);
        }
    }

    private void fetchBasic() {
        Vmcb vmcb = backend.vmcb();
        guest.rip = vmcb.get(VmcbField.RIP);
        guest.r[Reg.RSP] = vmcb.get(VmcbField.RSP);
        guest.setRflags(vmcb.get(VmcbField.RFLAGS));
        boolean shadow = (vmcb.get(VmcbField.INTERRUPT_SHADOW) & 1) != 0;
        guest.shadow = shadow ? Cpu.SHADOW_STI : Cpu.SHADOW_NONE;
        guest.unpend(Cpu.PENDING_SHADOW);
        if (shadow) {
            guest.pend(Cpu.PENDING_SHADOW);
        }
    }

    private void fetchSegment(int i) {
        Vmcb vmcb = backend.vmcb();
        VmcbSegment segment = SEGMENTS[i];
        guest.selector[i] = vmcb.selector(segment);
        guest.rights[i] = VmcbSegment.rights(vmcb.attributes(segment));
        guest.limit[i] = vmcb.limit(segment);
        guest.base[i] = vmcb.base(segment);
    }

    private void fetchSegments() {
        Vmcb vmcb = backend.vmcb();
        for (int i : OTHERS) {
            fetchSegment(i);
        }
        guest.gdtBase = vmcb.base(VmcbSegment.GDTR);
        guest.gdtLimit = (int) vmcb.limit(VmcbSegment.GDTR);
        guest.idtBase = vmcb.base(VmcbSegment.IDTR);
        guest.idtLimit = (int) vmcb.limit(VmcbSegment.IDTR);
    }

    void store(int groups) {
        Vmcb vmcb = backend.vmcb();
        if ((groups & StateGroup.VECTOR) != 0) {
            VectorState.copy(guest, host.cpu());
            if (host.cpu().xcr0 != guest.xcr0) {
                host.xsetbv(guest.xcr0);
            }
        }
        if ((groups & StateGroup.SYSTEM) != 0) {
            storeSystem();
        }
        if ((groups & StateGroup.CODE) != 0) {
            storeSegment(Reg.CS);
            storeSegment(Reg.SS);
            vmcb.set(VmcbField.CPL, guest.cpl);
        }
        if ((groups & StateGroup.SEGMENTS) != 0) {
            storeSegments();
        }
        if ((groups & StateGroup.CONTROL) != 0) {
            storeControl();
        }
        if ((groups & StateGroup.BASIC) != 0) {
            vmcb.set(VmcbField.RIP, guest.rip);
            vmcb.set(VmcbField.RFLAGS, guest.rflags());
            vmcb.set(VmcbField.INTERRUPT_SHADOW, (guest.pending & Cpu.PENDING_SHADOW) != 0 ? 1 : 0);
        }
    }

    private void storeSegment(int i) {
        int attributes = VmcbSegment.attributes(guest.rights[i]);
        backend.vmcb().setSegment(SEGMENTS[i], guest.selector[i], attributes, guest.limit[i], guest.base[i]);
    }

    private void storeSegments() {
        Vmcb vmcb = backend.vmcb();
        for (int i : OTHERS) {
            storeSegment(i);
        }
        vmcb.setSegment(VmcbSegment.GDTR, 0, 0, guest.gdtLimit, guest.gdtBase);
        vmcb.setSegment(VmcbSegment.IDTR, 0, 0, guest.idtLimit, guest.idtBase);
    }

    private void storeControl() {
        Vmcb vmcb = backend.vmcb();
        long cr0 = guest.cr0 & ~CACHE_OFF;
        long cr4 = guest.cr4;
        long efer = guest.efer | Cpu.EFER_SVME;
        if (backend.nested()) {
            vmcb.set(VmcbField.CR3, guest.cr3);
        } else {
            boolean paging = (guest.cr0 & Cpu.CR0_PG) != 0;
            cr0 |= Cpu.CR0_PG | Cpu.CR0_WP;
            cr4 |= Cpu.CR4_PAE;
            if (!paging) {
                cr4 &= ~(Cpu.CR4_SMEP | Cpu.CR4_SMAP | Cpu.CR4_PKE | Cpu.CR4_PKS);
                // Paging is on in the processor: its long mode would become active with LME.
                efer &= ~Cpu.EFER_LME;
            }
            efer |= Cpu.EFER_NXE;
        }
        vmcb.set(VmcbField.CR0, cr0);
        vmcb.set(VmcbField.CR4, cr4);
        vmcb.set(VmcbField.EFER, efer);
        if (vmcb == backend.vmcb01()) {
            backend.virtualizeVmload((guest.efer & Cpu.EFER_SVME) != 0);
        }
    }

    private void storeSystem() {
        Vmcb vmcb = backend.vmcb();
        vmcb.set(VmcbField.DR6, guest.dr[6]);
        vmcb.set(VmcbField.DR7, guest.dr[7]);
        vmcb.set(VmcbField.G_PAT, guest.pat);
        vmcb.set(VmcbField.TSC_OFFSET, backend.tscOffset());
        if (host.cpu().features.has(Feature.TSC_SCALE)
                && host.cpu().msrs.stored(SvmMsrs.TSC_RATIO) != backend.tscRatio()) {
            host.wrmsr(SvmMsrs.TSC_RATIO, backend.tscRatio());
        }
        // As KVM does, only while the guest records branches.
        boolean records =
                (guest.debugCtl & Cpu.DEBUGCTL_LBR) != 0 && host.cpu().features.has(Feature.LBRV);
        long others = vmcb.get(VmcbField.VIRTUAL_EXTENSIONS) & ~LastBranches.ENABLE;
        vmcb.set(VmcbField.VIRTUAL_EXTENSIONS, records ? others | LastBranches.ENABLE : others);
        if (records) {
            LastBranches.store(guest, vmcb);
        }
        vmcb.set(VmcbField.STAR, guest.star);
        vmcb.set(VmcbField.LSTAR, guest.lstar);
        vmcb.set(VmcbField.CSTAR, guest.cstar);
        vmcb.set(VmcbField.SFMASK, guest.fmask);
        vmcb.set(VmcbField.KERNEL_GS_BASE, guest.kernelGsBase);
        vmcb.set(VmcbField.SYSENTER_CS, guest.sysenterCs);
        vmcb.set(VmcbField.SYSENTER_ESP, guest.sysenterEsp);
        vmcb.set(VmcbField.SYSENTER_EIP, guest.sysenterEip);
        msrs.loadOthers();
    }
}

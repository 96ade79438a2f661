package nestbox.vmx.l0;

import java.util.stream.Stream;
import nestbox.l0.GuestMsrs;
import nestbox.l0.HostProcessor;
import nestbox.l0.StateGroup;
import nestbox.l0.VectorState;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Reg;
import nestbox.x86.system.ControlRegisters;

/**
 * Moves a guest's registers between vmcs01 and L0's copy. What the guest cannot change without an exit is never read back: L0's
 * copy is the truth for it (CR0 but TS, CR4, EFER, debug registers, most MSRs).
 */
final class VmxGuestState {
    private static final long STI = 1;
    private static final long MOV_SS = 2;
    private static final long NMI = 8;
    private static final long HITS = 15;
    private static final long ENABLED_BREAKPOINT = 1 << 12;
    private static final long SINGLE_STEP = 1 << 14;
    private static final int KERNEL_GS_BASE = 0xc0000102;
    private static final long CACHE_OFF = Cpu.CR0_CD | Cpu.CR0_NW;
    /** Bits of CR4 that would change what {@link IdentityMap} means. */
    private static final long WITH_PAGING =
            Cpu.CR4_PAE | Cpu.CR4_PCIDE | Cpu.CR4_SMEP | Cpu.CR4_SMAP | Cpu.CR4_PKE | Cpu.CR4_PKS | Cpu.CR4_LA57;

    private static final int EFER = 0xc0000080;
    private static final int PAT = 0x277;

    /** Segment registers of {@link StateGroup#SEGMENTS}. */
    static final int[] OTHERS = {Reg.ES, Reg.DS, Reg.FS, Reg.GS, Reg.LDTR, Reg.TR};

    static final VmcsField[] SELECTOR = {
        VmcsField.GUEST_ES_SELECTOR,
        VmcsField.GUEST_CS_SELECTOR,
        VmcsField.GUEST_SS_SELECTOR,
        VmcsField.GUEST_DS_SELECTOR,
        VmcsField.GUEST_FS_SELECTOR,
        VmcsField.GUEST_GS_SELECTOR,
        VmcsField.GUEST_LDTR_SELECTOR,
        VmcsField.GUEST_TR_SELECTOR
    };
    static final VmcsField[] BASE = {
        VmcsField.GUEST_ES_BASE,
        VmcsField.GUEST_CS_BASE,
        VmcsField.GUEST_SS_BASE,
        VmcsField.GUEST_DS_BASE,
        VmcsField.GUEST_FS_BASE,
        VmcsField.GUEST_GS_BASE,
        VmcsField.GUEST_LDTR_BASE,
        VmcsField.GUEST_TR_BASE
    };
    static final VmcsField[] LIMIT = {
        VmcsField.GUEST_ES_LIMIT,
        VmcsField.GUEST_CS_LIMIT,
        VmcsField.GUEST_SS_LIMIT,
        VmcsField.GUEST_DS_LIMIT,
        VmcsField.GUEST_FS_LIMIT,
        VmcsField.GUEST_GS_LIMIT,
        VmcsField.GUEST_LDTR_LIMIT,
        VmcsField.GUEST_TR_LIMIT
    };
    static final VmcsField[] RIGHTS = {
        VmcsField.GUEST_ES_AR_BYTES,
        VmcsField.GUEST_CS_AR_BYTES,
        VmcsField.GUEST_SS_AR_BYTES,
        VmcsField.GUEST_DS_AR_BYTES,
        VmcsField.GUEST_FS_AR_BYTES,
        VmcsField.GUEST_GS_AR_BYTES,
        VmcsField.GUEST_LDTR_AR_BYTES,
        VmcsField.GUEST_TR_AR_BYTES
    };
    static final VmcsField[] PDPTE = {
        VmcsField.GUEST_PDPTE0, VmcsField.GUEST_PDPTE1, VmcsField.GUEST_PDPTE2, VmcsField.GUEST_PDPTE3
    };
    /** What an exit may leave with another value than L0 wrote, besides segment registers: the rest the guest cannot change. */
    private static final VmcsField[] CHANGING = {
        VmcsField.GUEST_RIP,
        VmcsField.GUEST_RSP,
        VmcsField.GUEST_RFLAGS,
        VmcsField.GUEST_INTERRUPTIBILITY_INFO,
        VmcsField.GUEST_PENDING_DBG_EXCEPTIONS,
        VmcsField.GUEST_ACTIVITY_STATE,
        VmcsField.GUEST_CR0,
        VmcsField.GUEST_CR3,
        VmcsField.GUEST_GDTR_BASE,
        VmcsField.GUEST_GDTR_LIMIT,
        VmcsField.GUEST_IDTR_BASE,
        VmcsField.GUEST_IDTR_LIMIT,
        VmcsField.VM_ENTRY_INTR_INFO,
        VmcsField.VM_EXIT_REASON,
        VmcsField.EXIT_QUALIFICATION,
        VmcsField.VM_EXIT_INTR_INFO,
        VmcsField.VM_EXIT_INTR_ERROR_CODE,
        VmcsField.IDT_VECTORING_INFO_FIELD,
        VmcsField.IDT_VECTORING_ERROR_CODE,
        VmcsField.VM_EXIT_INSTRUCTION_LEN,
        VmcsField.VMX_INSTRUCTION_INFO,
        VmcsField.GUEST_PHYSICAL_ADDRESS,
        VmcsField.GUEST_LINEAR_ADDRESS,
        VmcsField.GUEST_INTR_STATUS,
        VmcsField.VM_INSTRUCTION_ERROR
    };

    private static final int[] CHANGING_ORDINALS = VmcsDoor.ordinals(Stream.of(CHANGING, SELECTOR, BASE, LIMIT, RIGHTS)
            .flatMap(Stream::of)
            .toArray(VmcsField[]::new));

    private static final int[] PDPTE_ORDINALS = VmcsDoor.ordinals(PDPTE);

    private final VmxBackend backend;
    private final VmcsDoor vmcs;
    private final Cpu guest;
    private final HostProcessor host;
    private final GuestMsrs msrs;
    private final boolean entryLoadsEfer;
    private final boolean entryLoadsPat;

    VmxGuestState(VmxBackend backend, VmcsDoor vmcs, Cpu guest, HostProcessor host) {
        this.backend = backend;
        this.vmcs = vmcs;
        this.guest = guest;
        this.host = host;
        entryLoadsEfer = backend.controls().allows(VmxFeature.ENTRY_LOAD_EFER);
        entryLoadsPat = backend.controls().allows(VmxFeature.ENTRY_LOAD_PAT);
        msrs = new GuestMsrs(guest, host);
    }

    /** An exit has happened. */
    void exited() {
        vmcs.forget(CHANGING_ORDINALS);
        if (backend.ept()) {
            vmcs.forget(PDPTE_ORDINALS);
        }
    }

    void fetch(int groups) {
        if ((groups & StateGroup.VECTOR) != 0) {
            VectorState.copy(host.cpu(), guest);
        }
        if ((groups & StateGroup.SYSTEM) != 0) {
            guest.kernelGsBase = host.rdmsr(KERNEL_GS_BASE);
        }
        if ((groups & StateGroup.CONTROL) != 0) {
            fetchControl();
        }
        if ((groups & StateGroup.CODE) != 0) {
            fetchSegment(Reg.CS);
            fetchSegment(Reg.SS);
            guest.cpl = guest.rights[Reg.SS] >> 5 & 3;
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

    private void fetchBasic() {
        guest.rip = vmcs.read(VmcsField.GUEST_RIP);
        guest.r[Reg.RSP] = vmcs.read(VmcsField.GUEST_RSP);
        guest.setRflags(vmcs.read(VmcsField.GUEST_RFLAGS));
        long blocked = vmcs.read(VmcsField.GUEST_INTERRUPTIBILITY_INFO);
        guest.shadow =
                (blocked & MOV_SS) != 0 ? Cpu.SHADOW_MOV_SS : (blocked & STI) != 0 ? Cpu.SHADOW_STI : Cpu.SHADOW_NONE;
        guest.unpend(Cpu.PENDING_SHADOW);
        if (guest.shadow != Cpu.SHADOW_NONE) {
            guest.pend(Cpu.PENDING_SHADOW);
        }
        guest.nmiBlocked = (blocked & NMI) != 0;
        guest.pendingDebug = vmcs.read(VmcsField.GUEST_PENDING_DBG_EXCEPTIONS) & (HITS | SINGLE_STEP);
        if (guest.pendingDebug != 0) {
            guest.pend(Cpu.PENDING_DEBUG_TRAP);
        } else {
            guest.unpend(Cpu.PENDING_DEBUG_TRAP);
        }
    }

    private void fetchSegment(int i) {
        guest.selector[i] = (int) vmcs.read(SELECTOR[i]);
        guest.base[i] = vmcs.read(BASE[i]);
        guest.limit[i] = vmcs.read(LIMIT[i]);
        guest.rights[i] = (int) vmcs.read(RIGHTS[i]);
    }

    private void fetchSegments() {
        for (int i : OTHERS) {
            fetchSegment(i);
        }
        guest.gdtBase = vmcs.read(VmcsField.GUEST_GDTR_BASE);
        guest.gdtLimit = (int) vmcs.read(VmcsField.GUEST_GDTR_LIMIT);
        guest.idtBase = vmcs.read(VmcsField.GUEST_IDTR_BASE);
        guest.idtLimit = (int) vmcs.read(VmcsField.GUEST_IDTR_LIMIT);
    }

    private void fetchControl() {
        long owned = ~backend.cr0Mask();
        guest.cr0 = guest.cr0 & ~owned | vmcs.read(VmcsField.GUEST_CR0) & owned;
        if (backend.ept() && !backend.onIdentityMap()) {
            guest.cr3 = vmcs.read(VmcsField.GUEST_CR3);
            if (ControlRegisters.paePaging(guest)) {
                for (int i = 0; i < 4; i++) {
                    guest.pdpte[i] = vmcs.read(PDPTE[i]);
                }
            }
        }
    }

    void store(int groups) {
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
        }
        if ((groups & StateGroup.SEGMENTS) != 0) {
            storeSegments();
        }
        if ((groups & StateGroup.CONTROL) != 0) {
            storeControl();
            backend.interceptInvalidOpcodes();
        }
        if ((groups & StateGroup.BASIC) != 0) {
            storeBasic();
        }
    }

    private void storeBasic() {
        vmcs.write(VmcsField.GUEST_RIP, guest.rip);
        vmcs.write(VmcsField.GUEST_RSP, guest.r[Reg.RSP]);
        vmcs.write(VmcsField.GUEST_RFLAGS, guest.rflags());
        long blocked = guest.nmiBlocked ? NMI : 0;
        boolean shadow = (guest.pending & Cpu.PENDING_SHADOW) != 0;
        if (shadow) {
            blocked |= guest.shadow == Cpu.SHADOW_MOV_SS ? MOV_SS : STI;
        }
        vmcs.write(VmcsField.GUEST_INTERRUPTIBILITY_INFO, blocked);
        vmcs.write(VmcsField.GUEST_ACTIVITY_STATE, Cpu.ACTIVE);
        // A blocked single-step trap must be told (SDM Vol. 3, "Checks on Guest Non-Register State").
        boolean trap = shadow && (guest.systemFlags & Flags.TF) != 0 && (guest.debugCtl & 2) == 0;
        long held = shadow ? guest.pendingDebug : 0;
        long enabled = (held & HITS) != 0 ? ENABLED_BREAKPOINT : 0;
        vmcs.write(VmcsField.GUEST_PENDING_DBG_EXCEPTIONS, held | enabled | (trap ? SINGLE_STEP : 0));
    }

    private void storeSegment(int i) {
        vmcs.write(SELECTOR[i], guest.selector[i]);
        vmcs.write(BASE[i], guest.base[i]);
        vmcs.write(LIMIT[i], guest.limit[i]);
        vmcs.write(RIGHTS[i], guest.rights[i]);
    }

    private void storeSegments() {
        for (int i : OTHERS) {
            storeSegment(i);
        }
        vmcs.write(VmcsField.GUEST_GDTR_BASE, guest.gdtBase);
        vmcs.write(VmcsField.GUEST_GDTR_LIMIT, guest.gdtLimit);
        vmcs.write(VmcsField.GUEST_IDTR_BASE, guest.idtBase);
        vmcs.write(VmcsField.GUEST_IDTR_LIMIT, guest.idtLimit);
    }

    private void storeControl() {
        long cr0 = guest.cr0 & ~CACHE_OFF | Cpu.CR0_NE;
        long cr4 = guest.cr4 | Cpu.CR4_VMXE;
        boolean paging = (guest.cr0 & Cpu.CR0_PG) != 0;
        if (!backend.ept()) {
            cr0 |= Cpu.CR0_PG | Cpu.CR0_PE | Cpu.CR0_WP;
            cr4 |= Cpu.CR4_PAE;
            if (!paging) {
                cr4 &= ~(Cpu.CR4_SMEP | Cpu.CR4_SMAP | Cpu.CR4_PKE | Cpu.CR4_PKS);
            }
        }
        if (backend.onIdentityMap()) {
            cr0 |= Cpu.CR0_PG | Cpu.CR0_PE;
            cr4 = cr4 & ~WITH_PAGING | Cpu.CR4_PSE;
        }
        vmcs.write(VmcsField.GUEST_CR0, cr0);
        vmcs.write(VmcsField.CR0_READ_SHADOW, backend.cr0Shadow());
        vmcs.write(VmcsField.GUEST_CR4, cr4);
        vmcs.write(VmcsField.CR4_READ_SHADOW, backend.cr4Shadow());
        storeEfer();
        backend.setWideGuest((guest.efer & Cpu.EFER_LMA) != 0);
        if (backend.ept()) {
            backend.interceptCr3(backend.onIdentityMap());
            vmcs.write(VmcsField.GUEST_CR3, backend.onIdentityMap() ? IdentityMap.ADDRESS : guest.cr3);
            if (ControlRegisters.paePaging(guest)) {
                for (int i = 0; i < 4; i++) {
                    vmcs.write(PDPTE[i], guest.pdpte[i]);
                }
            }
        }
    }

    /** Without its control an entry sets LME and LMA by the mode alone, and the rest of EFER stays. */
    private void storeEfer() {
        long efer = backend.hardwareEfer();
        if (entryLoadsEfer) {
            vmcs.write(VmcsField.GUEST_IA32_EFER, efer);
            return;
        }
        long mode = Cpu.EFER_LME | Cpu.EFER_LMA;
        long present = host.cpu().efer;
        long wanted = present & mode | efer & ~mode;
        if (wanted != present) {
            host.wrmsr(EFER, wanted);
        }
    }

    private void storePat() {
        if (entryLoadsPat) {
            vmcs.write(VmcsField.GUEST_IA32_PAT, guest.pat);
        } else if (host.cpu().pat != guest.pat) {
            host.wrmsr(PAT, guest.pat);
        }
    }

    private void storeSystem() {
        vmcs.write(VmcsField.GUEST_SYSENTER_CS, guest.sysenterCs);
        vmcs.write(VmcsField.GUEST_SYSENTER_ESP, guest.sysenterEsp);
        vmcs.write(VmcsField.GUEST_SYSENTER_EIP, guest.sysenterEip);
        vmcs.write(VmcsField.GUEST_DR7, guest.dr[7]);
        vmcs.write(VmcsField.GUEST_IA32_DEBUGCTL, guest.debugCtl);
        storePat();
        vmcs.write(VmcsField.TSC_OFFSET, backend.tscOffset());
        msrs.load();
    }
}

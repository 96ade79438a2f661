package nestbox.vmx.check;

import static nestbox.vmx.vmcs.VmcsField.*;

import java.util.List;
import nestbox.vmx.TestCpu;
import nestbox.vmx.VmxModel;
import nestbox.vmx.capability.VmxCapability;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.vmcs.VmcsField;

/** Cases of the checks on guest registers, non-register state, PDPTEs and MSR loading. */
final class GuestCases {
    private static final long BEYOND = 1L << 46;

    private GuestCases() {}

    static void add(RowCase.Table t) {
        controlRegisters(t);
        msrs(t);
        tablesAndRip(t);
        activity(t);
        blocking(t);
        pendingDebug(t);
        memory(t);
        msrLoading(t);
    }

    private static void controlRegisters(RowCase.Table t) {
        t.from(Guests.LONG::state)
                .row("guest.cr0.fixed", s -> s.clear(GUEST_CR0, 0x20), s -> s.set(GUEST_CR0, 0xe000_0021L))
                .row("guest.cr4.fixed", s -> s.clear(GUEST_CR4, 0x2000), s -> s.or(GUEST_CR4, 0x1000))
                .row(
                        "guest.cr4.cet-wp",
                        s -> s.or(GUEST_CR4, 1 << 23).clear(GUEST_CR0, 1 << 16),
                        s -> s.or(GUEST_CR4, 1 << 23))
                .row("guest.ia32e.pae", s -> s.clear(GUEST_CR4, 0x20), s -> {})
                .row("guest.cr3.width", s -> s.set(GUEST_CR3, BEYOND), s -> s.set(GUEST_CR3, BEYOND - 1))
                .row(
                        "guest.sysenter-esp.canonical",
                        s -> s.set(GUEST_SYSENTER_ESP, HostCases.NOT_CANONICAL),
                        s -> s.set(GUEST_SYSENTER_ESP, HostCases.CANONICAL))
                .row(
                        "guest.sysenter-eip.canonical",
                        s -> s.set(GUEST_SYSENTER_EIP, HostCases.NOT_CANONICAL),
                        s -> s.set(GUEST_SYSENTER_EIP, HostCases.CANONICAL))
                .from(Guests.PAE::state)
                .row("guest.cr4.pcide", s -> s.or(GUEST_CR4, 1 << 17), s -> s.or(GUEST_CR4, 1 << 16))
                .from(Guests.REAL::state)
                .row("guest.cr0.pg-pe", s -> s.or(GUEST_CR0, 0x8000_0000L), s -> s.or(GUEST_CR0, 0x8000_0001L))
                .from(Guests.LONG, s -> s.enable(VmxFeature.ENABLE_EPT, VmxFeature.UNRESTRICTED_GUEST))
                .row("guest.ia32e.pg", s -> s.clear(GUEST_CR0, 0x8000_0000L), s -> {})
                .from(Guests.LONG, s -> s.enable(VmxFeature.LOAD_DEBUG_CONTROLS))
                .row(
                        "guest.debugctl.reserved",
                        s -> s.set(GUEST_IA32_DEBUGCTL, 4),
                        s -> s.set(GUEST_IA32_DEBUGCTL, 0x1fc3))
                .row("guest.dr7.high", s -> s.or(GUEST_DR7, 1L << 32), s -> s.set(GUEST_DR7, 0xffff_ffffL));
    }

    private static void msrs(RowCase.Table t) {
        t.from(Guests.LONG, s -> s.enable(VmxFeature.ENTRY_LOAD_PERF_GLOBAL_CTRL))
                .row(
                        "guest.perf-global-ctrl",
                        s -> s.set(GUEST_IA32_PERF_GLOBAL_CTRL, 1L << 63),
                        s -> s.set(GUEST_IA32_PERF_GLOBAL_CTRL, 0xf))
                .from(Guests.LONG, s -> s.enable(VmxFeature.ENTRY_LOAD_PAT))
                .row("guest.pat", s -> s.set(GUEST_IA32_PAT, 8), s -> s.set(GUEST_IA32_PAT, 7))
                .from(Guests.LONG, s -> s.enable(VmxFeature.ENTRY_LOAD_EFER).set(GUEST_IA32_EFER, 0x500))
                .row("guest.efer.reserved", s -> s.or(GUEST_IA32_EFER, 0x1000), s -> s.or(GUEST_IA32_EFER, 0x801))
                .row("guest.efer.lma", s -> s.set(GUEST_IA32_EFER, 0), s -> {})
                .row("guest.efer.lme", s -> s.set(GUEST_IA32_EFER, 0x400), s -> {})
                .from(Guests.LONG, s -> s.enable(VmxFeature.ENTRY_LOAD_BNDCFGS))
                .row("guest.bndcfgs.reserved", s -> s.set(GUEST_BNDCFGS, 4), s -> s.set(GUEST_BNDCFGS, 0x1003))
                .row(
                        "guest.bndcfgs.canonical",
                        s -> s.set(GUEST_BNDCFGS, HostCases.NOT_CANONICAL),
                        s -> s.set(GUEST_BNDCFGS, HostCases.CANONICAL & ~0xfff))
                .from(Guests.LONG, s -> s.enable(VmxFeature.ENTRY_LOAD_CET))
                .row("guest.s-cet.reserved", s -> s.set(GUEST_S_CET, 0x200), s -> s.set(GUEST_S_CET, 0x3f))
                .row("guest.s-cet.tracker", s -> s.set(GUEST_S_CET, 0xc00), s -> s.set(GUEST_S_CET, 0x400))
                .row(
                        "guest.s-cet.canonical",
                        s -> s.set(GUEST_S_CET, HostCases.NOT_CANONICAL),
                        s -> s.set(GUEST_S_CET, HostCases.CANONICAL & ~0xfff))
                .row(
                        "guest.intr-ssp-table.canonical",
                        s -> s.set(GUEST_INTR_SSP_TABLE, HostCases.NOT_CANONICAL),
                        s -> s.set(GUEST_INTR_SSP_TABLE, HostCases.CANONICAL))
                .row("guest.ssp.aligned", s -> s.set(GUEST_SSP, 1), s -> s.set(GUEST_SSP, 4))
                .row("guest.ssp.upper", s -> s.set(GUEST_SSP, 1L << 63), s -> s.set(GUEST_SSP, 1L << 47))
                .from(Guests.PAE, s -> s.enable(VmxFeature.ENTRY_LOAD_CET))
                .row("guest.ssp.high", s -> s.set(GUEST_SSP, 1L << 32), s -> s.set(GUEST_SSP, 0xffff_fffcL))
                .from(Guests.LONG, s -> s.enable(VmxFeature.ENTRY_LOAD_PKRS))
                .row("guest.pkrs", s -> s.set(GUEST_IA32_PKRS, 1L << 63), s -> s.set(GUEST_IA32_PKRS, 0xffff_ffffL));
    }

    private static void tablesAndRip(RowCase.Table t) {
        t.from(Guests.LONG::state)
                .row(
                        "guest.gdtr.base.canonical",
                        s -> s.set(GUEST_GDTR_BASE, HostCases.NOT_CANONICAL),
                        s -> s.set(GUEST_GDTR_BASE, HostCases.CANONICAL))
                .row(
                        "guest.idtr.base.canonical",
                        s -> s.set(GUEST_IDTR_BASE, HostCases.NOT_CANONICAL),
                        s -> s.set(GUEST_IDTR_BASE, HostCases.CANONICAL))
                .row("guest.gdtr.limit", s -> s.set(GUEST_GDTR_LIMIT, 0x1_0000), s -> s.set(GUEST_GDTR_LIMIT, 0xffff))
                .row("guest.idtr.limit", s -> s.set(GUEST_IDTR_LIMIT, 0x1_0000), s -> s.set(GUEST_IDTR_LIMIT, 0xffff))
                .row("guest.rip.width", s -> s.set(GUEST_RIP, 1L << 57), s -> s.set(GUEST_RIP, 1L << 56))
                .row("guest.rflags.reserved", s -> s.or(GUEST_RFLAGS, 8), s -> s.set(GUEST_RFLAGS, 0x3d_7fd7))
                .row("guest.rflags.fixed", s -> s.set(GUEST_RFLAGS, 0), s -> s.set(GUEST_RFLAGS, 2))
                .row(
                        "guest.rflags.if",
                        s -> s.set(VM_ENTRY_INTR_INFO, 0x8000_0020L),
                        s -> s.set(VM_ENTRY_INTR_INFO, 0x8000_0020L).or(GUEST_RFLAGS, 0x200))
                .from(Guests.PAE::state)
                .row("guest.rip.high", s -> s.set(GUEST_RIP, 1L << 32), s -> s.set(GUEST_RIP, 0xffff_ffffL))
                .from(() -> {
                    // Bits of a virtual-8086 guest that are free of PE otherwise.
                    TestState s = Guests.VIRTUAL_8086.state();
                    return s.enable(VmxFeature.ENABLE_EPT, VmxFeature.UNRESTRICTED_GUEST);
                })
                .row("guest.rflags.vm", s -> s.clear(GUEST_CR0, 0x8000_0001L), s -> {});
    }

    private static void activity(RowCase.Table t) {
        t.from(() -> Guests.LONG.state(VmxModel.of(TestCpu.of("Skylake-Server", "vmx-activity-wait-sipi", false))))
                .row(
                        "guest.activity.supported",
                        s -> s.set(GUEST_ACTIVITY_STATE, 3),
                        s -> s.set(GUEST_ACTIVITY_STATE, 2))
                .from(Guests.LONG::state)
                .row(
                        "guest.activity.hlt-dpl",
                        s -> privilege3(s).set(GUEST_ACTIVITY_STATE, 1),
                        s -> s.set(GUEST_ACTIVITY_STATE, 1))
                .row(
                        "guest.activity.blocking",
                        s -> s.set(GUEST_ACTIVITY_STATE, 2).set(GUEST_INTERRUPTIBILITY_INFO, 2),
                        s -> s.set(GUEST_ACTIVITY_STATE, 2).set(GUEST_INTERRUPTIBILITY_INFO, 8))
                .row(
                        "guest.activity.injection",
                        s -> s.set(GUEST_ACTIVITY_STATE, 2).set(VM_ENTRY_INTR_INFO, 0x8000_0301L),
                        s -> s.set(GUEST_ACTIVITY_STATE, 1).set(VM_ENTRY_INTR_INFO, 0x8000_0301L))
                .from(Guests.LONG::everything)
                .row(
                        "guest.activity.smm-sipi",
                        s -> {
                            smm(s).set(GUEST_ACTIVITY_STATE, 3).set(GUEST_INTERRUPTIBILITY_INFO, 4);
                        },
                        s -> smm(s).set(GUEST_ACTIVITY_STATE, 2).set(GUEST_INTERRUPTIBILITY_INFO, 4));
    }

    private static TestState smm(TestState s) {
        s.inSmm = true;
        return s.enable(VmxFeature.ENTRY_TO_SMM);
    }

    private static TestState privilege3(TestState s) {
        for (Segment segment : Segment.CODE_AND_DATA) {
            s.or(segment.selector, 3).or(segment.rights, 0x60);
        }
        return s;
    }

    private static void blocking(RowCase.Table t) {
        VmcsField blocking = GUEST_INTERRUPTIBILITY_INFO;
        long nmi = 0x8000_0202L;
        t.from(Guests.LONG, s -> s.or(GUEST_RFLAGS, 0x200))
                .row("guest.blocking.reserved", s -> s.set(blocking, 0x20), s -> s.set(blocking, 8))
                .row("guest.blocking.sti-mov-ss", s -> s.set(blocking, 3), s -> s.set(blocking, 2))
                .row(
                        "guest.blocking.sti-if",
                        s -> s.set(blocking, 1).clear(GUEST_RFLAGS, 0x200),
                        s -> s.set(blocking, 1))
                .row(
                        "guest.blocking.interrupt",
                        s -> s.set(blocking, 1).set(VM_ENTRY_INTR_INFO, 0x8000_0020L),
                        s -> s.set(blocking, 8).set(VM_ENTRY_INTR_INFO, 0x8000_0020L))
                .row(
                        "guest.blocking.nmi-mov-ss",
                        s -> s.set(blocking, 2).set(VM_ENTRY_INTR_INFO, nmi),
                        s -> s.set(blocking, 2).set(VM_ENTRY_INTR_INFO, 0x8000_0301L))
                .row(
                        "guest.blocking.nmi-sti",
                        s -> s.set(blocking, 1).set(VM_ENTRY_INTR_INFO, nmi),
                        s -> s.set(blocking, 8).set(VM_ENTRY_INTR_INFO, nmi))
                .row("guest.blocking.smi-outside", s -> s.set(blocking, 4), s -> {
                    s.inSmm = true;
                    s.set(blocking, 4);
                })
                .row("guest.blocking.enclave", s -> s.set(blocking, 0x10), s -> s.set(blocking, 0))
                .from(
                        Guests.LONG,
                        s -> s.enable(VmxFeature.VIRTUAL_NMIS, VmxFeature.NMI_EXITING)
                                .set(VM_ENTRY_INTR_INFO, nmi))
                .row("guest.blocking.virtual-nmi", s -> s.set(blocking, 8), s -> s.set(blocking, 0))
                .from(Guests.LONG::everything)
                .row("guest.blocking.smi-entry", s -> smm(s), s -> smm(s).set(blocking, 4));
    }

    private static void pendingDebug(RowCase.Table t) {
        VmcsField pending = GUEST_PENDING_DBG_EXCEPTIONS;
        t.from(Guests.LONG::state)
                .row("guest.pending-debug.reserved", s -> s.set(pending, 0x10), s -> s.set(pending, 0x580f))
                .row("guest.pending-debug.rtm-alone", s -> s.set(pending, 0x1_1001), s -> s.set(pending, 0x1_1000))
                .row(
                        "guest.pending-debug.rtm-blocking",
                        s -> s.set(pending, 0x1_1000).set(GUEST_INTERRUPTIBILITY_INFO, 2),
                        s -> s.set(pending, 0x1_1000))
                .from(Guests.LONG, s -> s.set(GUEST_INTERRUPTIBILITY_INFO, 2).or(GUEST_RFLAGS, 0x100))
                .row("guest.pending-debug.bs-set", s -> {}, s -> s.set(GUEST_IA32_DEBUGCTL, 2))
                .row(
                        "guest.pending-debug.bs-clear",
                        s -> s.set(pending, 0x4000).set(GUEST_IA32_DEBUGCTL, 2),
                        s -> s.set(pending, 0x4000))
                .from(() -> Guests.LONG.state(VmxModel.of(TestCpu.of("IvyBridge"))))
                .row("guest.pending-debug.rtm-supported", s -> s.set(pending, 0x1_1000), s -> s.set(pending, 0x1000));
    }

    private static void memory(RowCase.Table t) {
        t.from(Guests.LONG, s -> s.set(VMCS_LINK_POINTER, TestState.SHADOW))
                .row("guest.link.aligned", s -> s.or(VMCS_LINK_POINTER, 0x800), s -> {})
                .row("guest.link.width", s -> s.or(VMCS_LINK_POINTER, BEYOND), s -> {})
                .row("guest.link.revision", s -> s.poke(TestState.SHADOW, 4, 5), s -> {})
                .row(
                        "guest.link.shadow",
                        s -> s.poke(TestState.SHADOW + 3, 1, 0xce),
                        s -> s.poke(TestState.SHADOW + 3, 1, 0xce).enable(VmxFeature.VMCS_SHADOWING))
                .row(
                        "guest.link.current",
                        s -> s.poke(TestState.CURRENT, 4, VmxCapability.REVISION)
                                .set(VMCS_LINK_POINTER, TestState.CURRENT),
                        s -> {
                            s.inSmm = true;
                            s.poke(TestState.CURRENT, 4, VmxCapability.REVISION)
                                    .set(VMCS_LINK_POINTER, TestState.CURRENT);
                        });
        List<VmcsField> fields = List.of(GUEST_PDPTE0, GUEST_PDPTE1, GUEST_PDPTE2, GUEST_PDPTE3);
        for (int i = 0; i < 4; i++) {
            VmcsField field = fields.get(i);
            long at = 0x3000 + 8 * i;
            t.from(Guests.PAE::state)
                    .row("guest.pdpte" + i, s -> s.poke(at, 8, 0x4003), s -> s.poke(at, 8, 0x4ffe & ~1))
                    .from(Guests.PAE, s -> s.enable(VmxFeature.ENABLE_EPT))
                    .row("guest.pdpte" + i, s -> s.set(field, BEYOND | 1), s -> s.set(field, BEYOND - 0x1000 | 0xe19));
        }
    }

    private static void msrLoading(RowCase.Table t) {
        t.from(
                Guests.LONG,
                s -> s.set(VM_ENTRY_MSR_LOAD_ADDR, TestState.MSR_AREA)
                        .set(VM_ENTRY_MSR_LOAD_COUNT, 2)
                        .poke(TestState.MSR_AREA, 4, 0x10)
                        .poke(TestState.MSR_AREA + 16, 4, 0x10));
        entry(t, "msr.base", 0xc000_0101L, 0xc000_0102L);
        entry(t, "msr.x2apic", 0x8ff, 0x900);
        entry(t, "msr.smm", 0x9b, 0x9c);
        entry(t, "msr.model-specific", 0x79, 0x7a);
        t.row("msr.reserved", s -> s.poke(TestState.MSR_AREA + 20, 4, 1), s -> {});
        entry(t, "msr.wrmsr", 0x1234_5678, 0x1234_5679);
        t.from(Guests.LONG, s -> s.set(VM_ENTRY_MSR_LOAD_ADDR, TestState.MSR_AREA))
                .row("msr.count", s -> s.set(VM_ENTRY_MSR_LOAD_COUNT, 513), s -> s.set(VM_ENTRY_MSR_LOAD_COUNT, 512));
    }

    private static void entry(RowCase.Table t, String id, long bad, long good) {
        t.row(id, s -> s.poke(TestState.MSR_AREA + 16, 4, bad), s -> s.poke(TestState.MSR_AREA + 16, 4, good));
    }
}

package nestbox.vmx.check;

import java.util.List;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.vmcs.EntryFailureQualification;
import nestbox.vmx.vmcs.InterruptionType;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Vector;
import nestbox.x86.model.Feature;

/** SDM Vol. 3, "Checks on Guest Non-Register State", less the VMCS link pointer. */
final class NonRegisterRows {
    private static final VmcsField ACTIVITY = VmcsField.GUEST_ACTIVITY_STATE;
    private static final VmcsField BLOCKING = VmcsField.GUEST_INTERRUPTIBILITY_INFO;
    private static final VmcsField PENDING = VmcsField.GUEST_PENDING_DBG_EXCEPTIONS;
    private static final VmcsField INJECTION = VmcsField.VM_ENTRY_INTR_INFO;

    private static final long BY_STI = 1;
    private static final long BY_MOV_SS = 1 << 1;
    private static final long BY_SMI = 1 << 2;
    private static final long BY_NMI = 1 << 3;
    private static final long ENCLAVE = 1 << 4;
    private static final long BLOCKING_RESERVED = ~0x1fL;

    private static final long BUS_LOCK = 1 << 11;
    private static final long ENABLED_BREAKPOINT = 1 << 12;
    private static final long BS = 1 << 14;
    private static final long RTM = 1 << 16;
    private static final long PENDING_RESERVED = 0xff0 | 1 << 13 | 1 << 15 | ~0x1_ffffL;
    private static final long DEBUGCTL_BTF = 2;

    private NonRegisterRows() {}

    static List<CheckRow> rows() {
        Rows rows = new Rows(CheckGroup.GUEST_NON_REGISTER, Failure.GUEST_STATE);
        activity(rows);
        interruptibility(rows);
        pendingDebug(rows);
        return rows.list();
    }

    private static void activity(Rows rows) {
        rows.add(
                        "guest.activity.supported",
                        ACTIVITY,
                        "the activity state is one that IA32_VMX_MISC reports",
                        NonRegisterRows::activitySupported)
                .add(
                        "guest.activity.hlt-dpl",
                        List.of(ACTIVITY, VmcsField.GUEST_SS_AR_BYTES),
                        "the activity state is not HLT unless the DPL of SS is 0",
                        c -> c.get(ACTIVITY) != Cpu.HALTED || Segment.SS.dpl(c) == 0)
                .add(
                        "guest.activity.blocking",
                        List.of(ACTIVITY, BLOCKING),
                        "the activity state is active if there is blocking by STI or MOV SS",
                        c -> c.get(ACTIVITY) == Cpu.ACTIVE || !c.any(BLOCKING, BY_STI | BY_MOV_SS))
                .add(
                        "guest.activity.injection",
                        List.of(ACTIVITY, INJECTION),
                        "an injected event is one that the activity state does not block",
                        c -> !injects(c) || activityAllows(c))
                .add(
                        "guest.activity.smm-sipi",
                        ACTIVITY,
                        "if \"entry to SMM\" is 1, the activity state is not wait-for-SIPI",
                        c -> !c.on(VmxFeature.ENTRY_TO_SMM) || c.get(ACTIVITY) != Cpu.WAIT_FOR_SIPI);
    }

    private static void interruptibility(Rows rows) {
        rows.add(
                        "guest.blocking.reserved",
                        BLOCKING,
                        "bits 31:5 of the interruptibility state are 0",
                        c -> !c.any(BLOCKING, BLOCKING_RESERVED))
                .add(
                        "guest.blocking.sti-mov-ss",
                        BLOCKING,
                        "blocking by STI and by MOV SS are not both 1",
                        c -> !c.any(BLOCKING, BY_STI) || !c.any(BLOCKING, BY_MOV_SS))
                .add(
                        "guest.blocking.sti-if",
                        List.of(BLOCKING, VmcsField.GUEST_RFLAGS),
                        "if RFLAGS.IF is 0, blocking by STI is 0",
                        c -> !c.any(BLOCKING, BY_STI) || c.any(VmcsField.GUEST_RFLAGS, Flags.IF))
                .add(
                        "guest.blocking.interrupt",
                        List.of(BLOCKING, INJECTION),
                        "if an external interrupt is injected, blocking by STI and by MOV SS are 0",
                        c -> !injects(c, InterruptionType.EXTERNAL_INTERRUPT) || !c.any(BLOCKING, BY_STI | BY_MOV_SS))
                .add(
                        "guest.blocking.nmi-mov-ss",
                        List.of(BLOCKING, INJECTION),
                        "if an NMI is injected, blocking by MOV SS is 0",
                        c -> !injects(c, InterruptionType.NMI) || !c.any(BLOCKING, BY_MOV_SS))
                .add(
                        "guest.blocking.smi-outside",
                        BLOCKING,
                        "outside SMM, blocking by SMI is 0",
                        c -> c.inSmm() || !c.any(BLOCKING, BY_SMI))
                .reads(CpuState.SMM)
                .add(
                        "guest.blocking.smi-entry",
                        BLOCKING,
                        "if \"entry to SMM\" is 1, blocking by SMI is 1",
                        c -> !c.on(VmxFeature.ENTRY_TO_SMM) || c.any(BLOCKING, BY_SMI))
                .add(CheckRow.of(
                        "guest.blocking.nmi-sti",
                        CheckGroup.GUEST_NON_REGISTER,
                        Failure.guest(EntryFailureQualification.NMI_BLOCKED_BY_STI),
                        List.of(BLOCKING, INJECTION),
                        "if an NMI is injected, blocking by STI is 0 (a processor may require it; this one does)",
                        c -> !injects(c, InterruptionType.NMI) || !c.any(BLOCKING, BY_STI)))
                .add(
                        "guest.blocking.virtual-nmi",
                        List.of(BLOCKING, INJECTION),
                        "if \"virtual NMIs\" is 1 and an NMI is injected, blocking by NMI is 0",
                        c -> !c.on(VmxFeature.VIRTUAL_NMIS)
                                || !injects(c, InterruptionType.NMI)
                                || !c.any(BLOCKING, BY_NMI))
                .add(
                        "guest.blocking.enclave",
                        BLOCKING,
                        "if enclave interruption is 1, blocking by MOV SS is 0 and the processor has SGX",
                        c -> !c.any(BLOCKING, ENCLAVE) || c.has(Feature.SGX) && !c.any(BLOCKING, BY_MOV_SS));
    }

    private static void pendingDebug(Rows rows) {
        List<VmcsField> stepping =
                List.of(PENDING, BLOCKING, ACTIVITY, VmcsField.GUEST_RFLAGS, VmcsField.GUEST_IA32_DEBUGCTL);
        rows.add(
                        "guest.pending-debug.reserved",
                        PENDING,
                        "bits 11:4, 13, 15 and 63:17 are 0; bit 11 is free with bus-lock detection",
                        c -> !c.any(PENDING, PENDING_RESERVED & ~(c.has(Feature.BUS_LOCK_DETECT) ? BUS_LOCK : 0)))
                .add(
                        "guest.pending-debug.bs-set",
                        stepping,
                        "while blocked by STI or MOV SS or in HLT: if RFLAGS.TF is 1 and DEBUGCTL.BTF is 0, BS is 1",
                        c -> !holdsTraps(c) || !stepping(c) || c.any(PENDING, BS))
                .add(
                        "guest.pending-debug.bs-clear",
                        stepping,
                        "while blocked by STI or MOV SS or in HLT: if RFLAGS.TF is 0 or DEBUGCTL.BTF is 1, BS is 0",
                        c -> !holdsTraps(c) || stepping(c) || !c.any(PENDING, BS))
                .add(
                        "guest.pending-debug.rtm-alone",
                        PENDING,
                        "if RTM is 1, bits 11:0, 15:13 and 63:17 are 0 and bit 12 is 1",
                        c -> !c.any(PENDING, RTM) || c.get(PENDING) == (RTM | ENABLED_BREAKPOINT))
                .add(
                        "guest.pending-debug.rtm-supported",
                        PENDING,
                        "if RTM is 1, the processor has RTM",
                        c -> !c.any(PENDING, RTM) || c.has(Feature.RTM))
                .add(
                        "guest.pending-debug.rtm-blocking",
                        List.of(PENDING, BLOCKING),
                        "if RTM is 1, blocking by MOV SS is 0",
                        c -> !c.any(PENDING, RTM) || !c.any(BLOCKING, BY_MOV_SS));
    }

    private static boolean activitySupported(CheckContext c) {
        long state = c.get(ACTIVITY);
        return state == Cpu.ACTIVE
                || state == Cpu.HALTED && c.model().has(VmxFeature.ACTIVITY_HLT)
                || state == Cpu.SHUTDOWN && c.model().has(VmxFeature.ACTIVITY_SHUTDOWN)
                || state == Cpu.WAIT_FOR_SIPI && c.model().has(VmxFeature.ACTIVITY_WAIT_FOR_SIPI);
    }

    private static boolean activityAllows(CheckContext c) {
        long information = c.get(INJECTION);
        int type = InterruptionType.type(information);
        int vector = InterruptionType.vector(information);
        boolean machineCheck = type == InterruptionType.HARDWARE_EXCEPTION && vector == Vector.MC;
        boolean debug = type == InterruptionType.HARDWARE_EXCEPTION && vector == Vector.DB;
        boolean nmi = type == InterruptionType.NMI;
        return switch ((int) c.get(ACTIVITY)) {
            case Cpu.HALTED ->
                type == InterruptionType.EXTERNAL_INTERRUPT
                        || nmi
                        || debug
                        || machineCheck
                        || type == InterruptionType.OTHER_EVENT && vector == 0;
            case Cpu.SHUTDOWN -> nmi || machineCheck;
            case Cpu.WAIT_FOR_SIPI -> false;
            default -> true;
        };
    }

    /** States in which a pending single step is held back. */
    private static boolean holdsTraps(CheckContext c) {
        return c.any(BLOCKING, BY_STI | BY_MOV_SS) || c.get(ACTIVITY) == Cpu.HALTED;
    }

    private static boolean stepping(CheckContext c) {
        return c.any(VmcsField.GUEST_RFLAGS, Flags.TF) && !c.any(VmcsField.GUEST_IA32_DEBUGCTL, DEBUGCTL_BTF);
    }

    private static boolean injects(CheckContext c) {
        return InterruptionType.valid(c.get(INJECTION));
    }

    private static boolean injects(CheckContext c, int type) {
        return injects(c) && InterruptionType.type(c.get(INJECTION)) == type;
    }
}

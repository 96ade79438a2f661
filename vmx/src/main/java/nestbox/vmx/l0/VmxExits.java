package nestbox.vmx.l0;

import java.util.EnumMap;
import java.util.Map;
import nestbox.l0.Event;
import nestbox.l0.Exit;
import nestbox.l0.ExitKind;
import nestbox.l0.HostProcessor;
import nestbox.l0.KnownInstructions;
import nestbox.mmu.core.PfError;
import nestbox.vmx.vmcs.ExitReason;
import nestbox.vmx.vmcs.InterruptionType;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Vector;
import nestbox.x86.insn.Insn;

/** What VMX's exit fields mean to L0. */
final class VmxExits {
    private static final long READ = 1;
    private static final long WRITE = 2;
    private static final long FETCH = 4;
    private static final long GRANTED = 7 << 3;
    private static final long LINEAR_VALID = 1 << 7;
    private static final long FINAL = 1 << 8;
    private static final long DR6_BITS = 0xf | 1 << 13 | 1 << 14;

    /** A string instruction in the qualification of an I/O exit. */
    private static final long STRING = 1 << 4;

    private static final long INPUT = 1 << 3;

    private final VmcsDoor vmcs;
    private final KnownInstructions instructions;
    private final Map<ExitReason, Insn> known = new EnumMap<>(ExitReason.class);

    /** @param nested the guest has VMX */
    VmxExits(VmcsDoor vmcs, HostProcessor host, boolean nested) {
        this.vmcs = vmcs;
        instructions = new KnownInstructions(host);
        known.put(ExitReason.CPUID, instructions.decoded("cpuid"));
        known.put(ExitReason.HLT, instructions.decoded("hlt"));
        known.put(ExitReason.RDTSC, instructions.decoded("rdtsc"));
        known.put(ExitReason.MSR_READ, instructions.decoded("rdmsr"));
        known.put(ExitReason.MSR_WRITE, instructions.decoded("wrmsr"));
        if (nested) {
            known.put(ExitReason.VMLAUNCH, instructions.decoded("vmlaunch"));
            known.put(ExitReason.VMRESUME, instructions.decoded("vmresume"));
        }
    }

    private Insn instruction(ExitReason reason, long qualification) {
        Insn in = known.get(reason);
        if (reason == ExitReason.IO_INSTRUCTION && (qualification & STRING) == 0) {
            in = instructions.port((qualification & INPUT) != 0, (int) (qualification & 7) + 1);
        }
        return in == null || vmcs.read(VmcsField.VM_EXIT_INSTRUCTION_LEN) != in.length ? null : in;
    }

    void decode(Exit exit) {
        long word = vmcs.read(VmcsField.VM_EXIT_REASON);
        ExitReason reason = ExitReason.byNumber((int) word & 0xffff);
        exit.code = word & 0xffff;
        exit.name = reason == null ? "UNKNOWN" : reason.name();
        exit.info1 = vmcs.read(VmcsField.EXIT_QUALIFICATION);
        exit.info2 = 0;
        exit.interruption = 0;
        exit.hasErrorCode = false;
        exit.errorCode = 0;
        exit.detail = 0;
        exit.length = 0;
        exit.known = null;
        if ((word & ExitReason.ENTRY_FAILURE) != 0) {
            exit.kind = ExitKind.INVALID_STATE;
            return;
        }
        if (reason == null) {
            exit.kind = ExitKind.ENTRY_FAILED;
            return;
        }
        switch (reason) {
            case EXCEPTION_NMI -> exception(exit);
            case EXTERNAL_INTERRUPT, PREEMPTION_TIMER -> exit.kind = ExitKind.HOST_INTERRUPT;
            case TRIPLE_FAULT -> exit.kind = ExitKind.TRIPLE_FAULT;
            case INTERRUPT_WINDOW -> exit.kind = ExitKind.INTERRUPT_WINDOW;
            case NMI_WINDOW -> exit.kind = ExitKind.NMI_WINDOW;
            case TASK_SWITCH -> exit.kind = ExitKind.TASK_SWITCH;
            case EPT_VIOLATION -> violation(exit);
            case EPT_MISCONFIG -> {
                exit.kind = ExitKind.MISCONFIG;
                exit.detail = vmcs.read(VmcsField.GUEST_PHYSICAL_ADDRESS);
            }
            case VMCALL -> {
                exit.kind = ExitKind.HYPERCALL;
                exit.length = (int) vmcs.read(VmcsField.VM_EXIT_INSTRUCTION_LEN);
            }
            default -> {
                exit.kind = ExitKind.INSTRUCTION;
                exit.known = instruction(reason, exit.info1);
            }
        }
    }

    private void exception(Exit exit) {
        long information = vmcs.read(VmcsField.VM_EXIT_INTR_INFO);
        exit.vector = InterruptionType.vector(information);
        if (InterruptionType.type(information) == InterruptionType.NMI) {
            exit.kind = ExitKind.HOST_NMI;
            return;
        }
        exit.kind = ExitKind.EXCEPTION;
        exit.hasErrorCode = (information & InterruptionType.ERROR_CODE) != 0;
        exit.errorCode = exit.hasErrorCode ? vmcs.read(VmcsField.VM_EXIT_INTR_ERROR_CODE) : 0;
        exit.info2 = information;
        exit.interruption = information;
        if (exit.vector == Vector.PF) {
            exit.kind = ExitKind.PAGE_FAULT;
            exit.detail = exit.info1;
        } else if (exit.vector == Vector.DB) {
            exit.detail = exit.info1 & DR6_BITS;
            boolean int1 = InterruptionType.type(information) == InterruptionType.PRIVILEGED_SOFTWARE_EXCEPTION;
            exit.length = int1 ? (int) vmcs.read(VmcsField.VM_EXIT_INSTRUCTION_LEN) : 0;
        }
    }

    private void violation(Exit exit) {
        exit.kind = ExitKind.PAGE_FAULT;
        exit.detail = vmcs.read(VmcsField.GUEST_PHYSICAL_ADDRESS);
        exit.info2 = exit.detail;
        long q = exit.info1;
        long code = 0;
        code |= (q & READ) != 0 ? PfError.USER : 0;
        code |= (q & WRITE) != 0 ? PfError.WRITE : 0;
        code |= (q & FETCH) != 0 ? PfError.FETCH : 0;
        code |= (q & GRANTED) != 0 ? PfError.PRESENT : 0;
        if ((q & LINEAR_VALID) != 0) {
            code |= (q & FINAL) != 0 ? PfError.GUEST_FINAL : PfError.GUEST_PAGE;
        }
        exit.errorCode = code;
    }

    void vectoring(Event event) {
        long information = vmcs.read(VmcsField.IDT_VECTORING_INFO_FIELD);
        if (!InterruptionType.valid(information)) {
            event.clear();
            return;
        }
        boolean error = (information & InterruptionType.ERROR_CODE) != 0;
        int type = InterruptionType.type(information);
        boolean soft = type == InterruptionType.SOFTWARE_INTERRUPT
                || type == InterruptionType.SOFTWARE_EXCEPTION
                || type == InterruptionType.PRIVILEGED_SOFTWARE_EXCEPTION;
        event.set(
                type,
                InterruptionType.vector(information),
                error,
                error ? vmcs.read(VmcsField.IDT_VECTORING_ERROR_CODE) : 0,
                soft ? (int) vmcs.read(VmcsField.VM_EXIT_INSTRUCTION_LEN) : 0);
    }
}

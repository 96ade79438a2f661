package nestbox.svm.l0;

import java.util.List;
import nestbox.core.trace.TraceEventType;
import nestbox.l0.EntryRefusal;
import nestbox.svm.check.VmrunCheck;
import nestbox.svm.check.VmrunChecks;
import nestbox.svm.vmcb.ExitCode;
import nestbox.svm.vmcb.VmcbField;
import nestbox.x86.Cpu;

/** KVM's tracepoints of nested SVM. */
final class L0SvmTrace {
    static final TraceEventType VMENTER = TraceEventType.of(
            "kvm_nested_vmenter", "#rip", "#vmcb", "#nested_rip", "#int_ctl", "#event_inj", "nested_tdp", "#pgd");
    static final TraceEventType VMEXIT_INJECT = TraceEventType.of(
                    "kvm_nested_vmexit_inject", "#reason", "#info1", "#info2", "#int_info", "#int_info_err")
            .naming("reason", L0SvmTrace::reason);

    static final TraceEventType VMENTER_FAILED =
            TraceEventType.of("kvm_nested_vmenter_failed", "check", "#err").naming("check", L0SvmTrace::check);
    /** What leaves L2 by vmcb12. */
    static final TraceEventType INTERCEPTS = TraceEventType.of(
            "kvm_nested_intercepts", "#cr_read", "#cr_write", "#excp", "#intercepts1", "#intercepts2", "#intercepts3");
    /** An interrupt for L1 leaves L2. */
    static final TraceEventType INTR_VMEXIT = TraceEventType.of("kvm_nested_intr_vmexit", "#rip");

    private L0SvmTrace() {}

    /** The check's name, or the step's behind all checks. */
    private static String check(long number) {
        List<VmrunCheck> rows = VmrunChecks.rows();
        int index = (int) number;
        return index < rows.size() ? rows.get(index).id() : SvmEntryStep.values()[index - rows.size()].id();
    }

    private static String reason(long code) {
        return ExitCode.of(code) == null ? null : ExitCode.name(code);
    }

    static void interrupted(Cpu cpu) {
        if (cpu.trace.on) {
            cpu.trace.emit(INTR_VMEXIT, cpu.rip);
        }
    }

    /** @param failed the check that failed, or null if the entry failed otherwise */
    static void entryFailed(Cpu cpu, VmrunCheck failed, EntryRefusal refusal) {
        if (cpu.trace.on) {
            List<VmrunCheck> rows = VmrunChecks.rows();
            int check = failed == null
                    ? rows.size() + SvmEntryStep.named(refusal.step()).ordinal()
                    : rows.indexOf(failed);
            cpu.trace.setLevel(1);
            cpu.trace.emit(VMENTER_FAILED, check, refusal.number());
        }
    }

    static void entered(Cpu cpu, long from, long address, Vmcb12 vmcb12) {
        if (cpu.trace.on) {
            long control = vmcb12.get(VmcbField.INTERRUPT_CONTROL);
            cpu.trace.emit(
                    VMENTER,
                    from,
                    address,
                    cpu.rip,
                    control,
                    vmcb12.get(VmcbField.EVENTINJ) & 0xffffffffL,
                    vmcb12.npt() ? 1 : 0,
                    vmcb12.npt() ? vmcb12.get(VmcbField.N_CR3) : cpu.cr3);
            long cr = vmcb12.get(VmcbField.INTERCEPT_CR);
            cpu.trace.emit(
                    INTERCEPTS,
                    cr & 0xffff,
                    cr >>> 16,
                    vmcb12.get(VmcbField.INTERCEPT_EXCEPTION),
                    vmcb12.get(VmcbField.INTERCEPT_MISC1),
                    vmcb12.get(VmcbField.INTERCEPT_MISC2),
                    vmcb12.get(VmcbField.INTERCEPT_MISC3));
            cpu.trace.setLevel(2);
        }
    }

    static void exited(Cpu cpu, long code, long info1, long info2, long interrupted) {
        if (cpu.trace.on) {
            cpu.trace.emit(VMEXIT_INJECT, code, info1, info2, interrupted & 0xffffffffL, interrupted >>> 32);
            cpu.trace.setLevel(1);
        }
    }
}

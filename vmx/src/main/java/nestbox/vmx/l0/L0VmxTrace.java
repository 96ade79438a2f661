package nestbox.vmx.l0;

import java.util.List;
import nestbox.core.trace.TraceEventType;
import nestbox.l0.EntryRefusal;
import nestbox.vmx.check.CheckFailure;
import nestbox.vmx.check.CheckRow;
import nestbox.vmx.check.EntryChecks;
import nestbox.vmx.vmcs.ExitReason;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Cpu;

/** KVM's tracepoints of nested VMX. */
final class L0VmxTrace {
    static final TraceEventType VMENTER = TraceEventType.of(
            "kvm_nested_vmenter", "#rip", "#vmcs", "#nested_rip", "#int_ctl", "#event_inj", "nested_tdp", "#pgd");
    static final TraceEventType VMENTER_FAILED =
            TraceEventType.of("kvm_nested_vmenter_failed", "check", "#err").naming("check", L0VmxTrace::check);
    static final TraceEventType VMEXIT_INJECT = TraceEventType.of(
                    "kvm_nested_vmexit_inject", "#reason", "#info1", "#info2", "#int_info", "#int_info_err")
            .naming("reason", L0VmxTrace::reason);

    private L0VmxTrace() {}

    /** The check's name, or the step's behind all checks. */
    private static String check(long number) {
        List<CheckRow> rows = EntryChecks.rows();
        int index = (int) number;
        return index < rows.size() ? rows.get(index).id() : VmxEntryStep.values()[index - rows.size()].id();
    }

    private static String reason(long word) {
        ExitReason reason = ExitReason.byNumber((int) word & 0xffff);
        return reason == null ? null : reason.name();
    }

    static void entered(NestedVmx vmx) {
        if (vmx.cpu.trace.on) {
            boolean ept = vmx.controls.ept();
            vmx.cpu.trace.emit(
                    VMENTER,
                    0,
                    vmx.vmcs12.address(),
                    vmx.cpu.rip,
                    0,
                    vmx.vmcs12.get(VmcsField.VM_ENTRY_INTR_INFO),
                    ept ? 1 : 0,
                    ept ? vmx.controls.eptp : vmx.cpu.cr3);
            vmx.cpu.trace.setLevel(2);
        }
    }

    /** @param failure the check that failed, or null if the entry failed otherwise */
    static void entryFailed(Cpu cpu, CheckFailure failure, EntryRefusal refusal) {
        if (cpu.trace.on) {
            int check = failure == null
                    ? EntryChecks.rows().size()
                            + VmxEntryStep.named(refusal.step()).ordinal()
                    : EntryChecks.rows().indexOf(failure.row());
            cpu.trace.setLevel(1);
            cpu.trace.emit(VMENTER_FAILED, check, refusal.number());
        }
    }

    static void exited(NestedVmx vmx, long reason, long qualification, long information, long error) {
        if (vmx.cpu.trace.on) {
            vmx.cpu.trace.emit(VMEXIT_INJECT, reason, qualification, 0, information, error);
            vmx.cpu.trace.setLevel(1);
        }
    }
}

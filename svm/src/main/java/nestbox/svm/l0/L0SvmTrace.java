package nestbox.svm.l0;

import nestbox.core.trace.TraceEventType;
import nestbox.l0.EntryRefusal;
import nestbox.svm.vmcb.VmcbField;
import nestbox.x86.Cpu;

/** KVM's tracepoints of nested SVM. */
final class L0SvmTrace {
    static final TraceEventType VMENTER =
            TraceEventType.of("kvm_nested_vmenter", "#rip", "#vmcb", "#nested_rip", "#int_ctl", "#event_inj");
    static final TraceEventType VMEXIT_INJECT =
            TraceEventType.of("kvm_nested_vmexit_inject", "#reason", "#info1", "#info2", "#int_info", "#int_info_err");

    static final TraceEventType VMENTER_FAILED = TraceEventType.of("kvm_nested_vmenter_failed", "check", "#err");

    private L0SvmTrace() {}

    static void entryFailed(Cpu cpu, EntryRefusal refusal) {
        if (cpu.trace.on) {
            cpu.trace.emit(VMENTER_FAILED, refusal.failure().ordinal(), refusal.number());
        }
    }

    static void entered(Cpu cpu, long from, long address, Vmcb12 vmcb12) {
        if (cpu.trace.on) {
            long control = vmcb12.get(VmcbField.INTERRUPT_CONTROL);
            cpu.trace.emit(VMENTER, from, address, cpu.rip, control, vmcb12.get(VmcbField.EVENTINJ));
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

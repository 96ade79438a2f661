package nestbox.l0;

import java.util.List;
import nestbox.core.trace.Trace;
import nestbox.core.trace.TraceEventType;
import nestbox.mmu.core.YieldPoint;
import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import nestbox.x86.model.Vendor;
import nestbox.x86.system.EventInDelivery;

/** KVM's tracepoints as events of the trace; names and order of fields are KVM's. */
public final class L0Trace {
    static final TraceEventType ENTRY = TraceEventType.of("kvm_entry", "vcpu", "#rip");
    static final TraceEventType EXIT =
            TraceEventType.of("kvm_exit", "vcpu", "#reason", "#rip", "#info1", "#info2", "#intr_info", "#error_code");
    static final TraceEventType PAGE_FAULT =
            TraceEventType.of("kvm_page_fault", "vcpu", "#rip", "#address", "#error_code");
    /** An exit from L2, before it is decided whose it is. */
    static final TraceEventType NESTED_VMEXIT = TraceEventType.of(
            "kvm_nested_vmexit", "vcpu", "#reason", "#rip", "#info1", "#info2", "#intr_info", "#error_code");
    /** EPT12 or NPT12 does not permit what L2 did. */
    static final TraceEventType NESTED_PAGE_FAULT =
            TraceEventType.of("kvm_nested_page_fault", "#address", "#host_error_code", "#error_code");

    static final TraceEventType INJ_EXCEPTION =
            TraceEventType.of("kvm_inj_exception", "exception", "has_error", "#error_code", "reinjected");
    static final TraceEventType INJ_VIRQ = TraceEventType.of("kvm_inj_virq", "irq", "soft", "reinjected");
    static final TraceEventType INJ_NMI = TraceEventType.of("kvm_inj_nmi", "vcpu");
    /** An instruction that KVM would give to its emulator; its bytes from the lowest of the first word on, its mode in bits. */
    static final TraceEventType EMULATE =
            TraceEventType.of("kvm_emulate_insn", "#csbase", "#rip", "length", "#bytes", "#bytes_8", "mode", "failed");

    static final TraceEventType HYPERCALL = TraceEventType.of("kvm_hypercall", "#nr", "#a0", "#a1", "#a2", "#a3");

    /** Another vCPU had a turn at a {@link YieldPoint}, by its number; KVM has no tracepoint for it. */
    static final TraceEventType YIELD = TraceEventType.of("yield", "point", "vcpu", "ticks");

    private static final List<TraceEventType> ALL = List.of(
            ENTRY,
            EXIT,
            NESTED_VMEXIT,
            PAGE_FAULT,
            NESTED_PAGE_FAULT,
            INJ_EXCEPTION,
            INJ_VIRQ,
            INJ_NMI,
            EMULATE,
            HYPERCALL,
            YIELD);

    private L0Trace() {}

    /** The whole table. */
    public static List<TraceEventType> all() {
        return ALL;
    }

    static void injected(Vcpu vcpu, int type, int vector) {
        Trace trace = vcpu.guest().trace;
        if (!trace.on) {
            return;
        }
        if (type == EventInDelivery.NMI) {
            trace.emit(INJ_NMI, vcpu.guest().id);
        } else {
            trace.emit(INJ_VIRQ, vector, 0, 0);
        }
    }

    static void exception(Vcpu vcpu, Event event) {
        Trace trace = vcpu.guest().trace;
        if (trace.on) {
            trace.emit(INJ_EXCEPTION, event.vector, event.hasErrorCode ? 1 : 0, event.errorCode, 0);
        }
    }

    static void entry(Vcpu vcpu) {
        Trace trace = vcpu.guest().trace;
        if (trace.on) {
            vcpu.need(StateGroup.BASIC);
            trace.emit(ENTRY, vcpu.guest().id, vcpu.guest().rip);
        }
    }

    static void exit(Vcpu vcpu, Exit exit) {
        Trace trace = vcpu.guest().trace;
        if (trace.on) {
            vcpu.need(StateGroup.BASIC);
            emitExit(trace, EXIT, vcpu, exit);
            if (vcpu.guestMode()) {
                emitExit(trace, NESTED_VMEXIT, vcpu, exit);
            }
        }
    }

    /** KVM's get_exit_info: the event in delivery is VMX's second information and SVM's third. */
    private static void emitExit(Trace trace, TraceEventType type, Vcpu vcpu, Exit exit) {
        boolean amd = vcpu.guest().features.vendor() == Vendor.AMD;
        Event again = vcpu.eventAgain();
        long vectoring = again.active
                ? again.vector | (long) again.type << 8 | (again.hasErrorCode ? 1 << 11 : 0) | 1L << 31
                : 0;
        long code = again.active && again.hasErrorCode ? again.errorCode & 0xffffffffL : 0;
        trace.emit(
                type,
                vcpu.guest().id,
                exit.code,
                vcpu.guest().rip,
                exit.info1,
                amd ? exit.info2 : vectoring,
                amd ? vectoring : exit.interruption,
                amd ? code : exit.hasErrorCode ? exit.errorCode : 0);
    }

    static void pageFault(Vcpu vcpu, Exit exit) {
        Trace trace = vcpu.guest().trace;
        if (trace.on) {
            vcpu.need(StateGroup.BASIC);
            trace.emit(PAGE_FAULT, vcpu.guest().id, vcpu.guest().rip, exit.detail, exit.errorCode);
        }
    }

    static void nestedPageFault(Vcpu vcpu, long address, long errorCode) {
        Trace trace = vcpu.guest().trace;
        if (trace.on) {
            trace.emit(NESTED_PAGE_FAULT, address, errorCode, errorCode & 0xffffffffL);
        }
    }

    static void yield(Vcpu other, YieldPoint point, long ticks) {
        Trace trace = other.guest().trace;
        if (trace.on) {
            trace.emit(YIELD, point.ordinal(), other.guest().id, ticks);
        }
    }

    /** @param code begins with the bytes of the instruction at RIP */
    static void emulate(Vcpu vcpu, byte[] code, int length) {
        Cpu c = vcpu.guest();
        if (!c.trace.on) {
            return;
        }
        long[] words = new long[2];
        for (int i = 0; i < length; i++) {
            words[i >> 3] |= (code[i] & 0xffL) << 8 * (i & 7);
        }
        int mode = (c.protectedMode() ? 1 : 0)
                | (c.virtual8086() ? 2 : 0)
                | (c.codeSize == 32 ? 4 : 0)
                | (c.codeSize == 64 ? 8 : 0);
        c.trace.emit(EMULATE, c.base[Reg.CS], c.rip, length, words[0], words[1], mode, 0);
    }

    static void hypercall(Vcpu vcpu, long number, long a0, long a1, long a2, long a3) {
        Trace trace = vcpu.guest().trace;
        if (trace.on) {
            trace.emit(HYPERCALL, number, a0, a1, a2, a3);
        }
    }
}

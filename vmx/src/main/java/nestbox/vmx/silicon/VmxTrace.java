package nestbox.vmx.silicon;

import java.util.List;
import nestbox.core.trace.TraceEventType;
import nestbox.vmx.check.CheckFailure;
import nestbox.vmx.check.EntryChecks;
import nestbox.vmx.check.Failure;
import nestbox.vmx.vmcs.ExitReason;
import nestbox.vmx.vmcs.VmcsTrace;
import nestbox.x86.Cpu;

/** Trace events of VMX; they cost one test while nobody listens. */
public final class VmxTrace {
    public static final TraceEventType ENTRY = TraceEventType.of("vm_entry", "#rip");
    public static final TraceEventType EXIT =
            TraceEventType.of("vm_exit", "reason", "#qualification", "#rip").naming("reason", VmxTrace::reason);
    /** A check that a VM entry failed by: its number in the table of checks, from 0. */
    public static final TraceEventType CHECK = TraceEventType.of("vm_entry_check", "row", "kind", "number")
            .naming("row", VmxTrace::row)
            .naming("kind", kind -> Failure.Kind.values()[(int) kind].name());
    /** INVEPT and INVVPID that succeed; what the type does not look at is 0. */
    public static final TraceEventType INVEPT = TraceEventType.of("invept", "type", "#eptp");

    public static final TraceEventType INVVPID = TraceEventType.of("invvpid", "type", "vpid", "#address");

    private VmxTrace() {}

    /** The whole table. */
    public static List<TraceEventType> all() {
        return List.of(ENTRY, EXIT, CHECK, VmcsTrace.READ, VmcsTrace.WRITE, INVEPT, INVVPID);
    }

    private static String reason(long number) {
        ExitReason reason = ExitReason.byNumber((int) number);
        return reason == null ? null : reason.name();
    }

    private static String row(long number) {
        return EntryChecks.rows().get((int) number).id();
    }

    static void invept(Cpu cpu, long type, long eptp) {
        if (cpu.trace.on) {
            cpu.trace.emit(INVEPT, type, eptp);
        }
    }

    static void invvpid(Cpu cpu, long type, long vpid, long address) {
        if (cpu.trace.on) {
            cpu.trace.emit(INVVPID, type, vpid, address);
        }
    }

    static void entry(Cpu cpu) {
        if (cpu.trace.on) {
            cpu.trace.emit(ENTRY, cpu.rip);
        }
    }

    static void exit(Cpu cpu, int reason, long qualification) {
        if (cpu.trace.on) {
            cpu.trace.emit(EXIT, reason, qualification, cpu.rip);
        }
    }

    static void failure(Cpu cpu, CheckFailure failed) {
        if (cpu.trace.on) {
            int row = EntryChecks.rows().indexOf(failed.row());
            cpu.trace.emit(
                    CHECK,
                    row,
                    failed.failure().kind().ordinal(),
                    failed.failure().number());
        }
    }
}

package nestbox.vmx.silicon;

import java.util.List;
import nestbox.core.trace.TraceEventType;
import nestbox.vmx.check.CheckFailure;
import nestbox.vmx.check.EntryChecks;
import nestbox.x86.Cpu;

/** Trace events of VMX; they cost one test while nobody listens. */
public final class VmxTrace {
    public static final TraceEventType ENTRY = TraceEventType.of("vm_entry", "#rip");
    public static final TraceEventType EXIT = TraceEventType.of("vm_exit", "reason", "#qualification", "#rip");
    /** A check that a VM entry failed by: its number in the table of checks, from 0. */
    public static final TraceEventType CHECK = TraceEventType.of("vm_entry_check", "row", "kind", "number");

    private VmxTrace() {}

    /** The whole table. */
    public static List<TraceEventType> all() {
        return List.of(ENTRY, EXIT, CHECK);
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

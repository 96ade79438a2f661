package nestbox.svm.silicon;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import nestbox.core.trace.Trace;
import nestbox.core.trace.TraceEventType;
import nestbox.svm.check.VmrunCheck;
import nestbox.svm.check.VmrunChecks;
import nestbox.svm.vmcb.ExitCode;
import nestbox.x86.Cpu;

/** SVM's trace events. Exits and failing checks have a kind a row of their table, so that their names are the tables'. */
public final class SvmTrace {
    public static final TraceEventType VMRUN =
            TraceEventType.of("vmrun", "#vmcb", "#rip", "asid", "#tlb_control", "#event_inj");
    /** An exit whose code no table names. */
    public static final TraceEventType UNKNOWN_EXIT =
            TraceEventType.of("vmexit", "#code", "#exit_info_1", "#exit_info_2", "#exit_int_info", "#rip");

    /** INVLPGA. */
    public static final TraceEventType INVLPGA = TraceEventType.of("invlpga", "#address", "asid");

    private static final Map<ExitCode, TraceEventType> EXITS = new EnumMap<>(ExitCode.class);
    private static final Map<String, TraceEventType> CHECKS = new HashMap<>();

    static {
        for (ExitCode row : ExitCode.values()) {
            String name = "vmexit_" + row.name().toLowerCase(Locale.ROOT);
            EXITS.put(
                    row,
                    row.count() == 1
                            ? TraceEventType.of(name, "#exit_info_1", "#exit_info_2", "#exit_int_info", "#rip")
                            : TraceEventType.of(
                                    name, "number", "#exit_info_1", "#exit_info_2", "#exit_int_info", "#rip"));
        }
        for (VmrunCheck row : VmrunChecks.rows()) {
            CHECKS.put(row.id(), TraceEventType.of("vmrun_check." + row.id(), "#vmcb"));
        }
    }

    private SvmTrace() {}

    /** The whole table. */
    public static List<TraceEventType> all() {
        List<TraceEventType> all = new ArrayList<>(List.of(VMRUN, INVLPGA, UNKNOWN_EXIT));
        all.addAll(EXITS.values());
        VmrunChecks.rows().forEach(row -> all.add(CHECKS.get(row.id())));
        return List.copyOf(all);
    }

    /** A #VMEXIT; the caller has asked whether anybody listens. */
    static void exit(Cpu c, long code, long info1, long info2, long interrupted, long rip) {
        Trace trace = c.trace;
        ExitCode row = ExitCode.of(code);
        if (row == null) {
            trace.emit(UNKNOWN_EXIT, code, info1, info2, interrupted, rip);
        } else if (row.count() == 1) {
            trace.emit(EXITS.get(row), info1, info2, interrupted, rip);
        } else {
            trace.emit(EXITS.get(row), code - row.code(), info1, info2, interrupted, rip);
        }
    }

    /** A check of VMRUN that fails. */
    static void failed(Cpu c, VmrunCheck check, long vmcb) {
        c.trace.emit(CHECKS.get(check.id()), vmcb);
    }
}

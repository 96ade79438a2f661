package nestbox.testkit;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import nestbox.core.trace.TraceEventType;
import nestbox.core.trace.TraceSink;
import nestbox.machine.Machine;
import nestbox.svm.l0.NestedSvmInvariants;
import nestbox.vmx.l0.NestedVmxInvariants;
import nestbox.x86.VirtualizationExtension;

/**
 * Compares, at each exit from L2 to L1 before L1 has run an instruction, what L1 can read of it with what hardware left: see
 * {@link LabInvariants}. It looks where L0 is about to enter L1, and changes nothing.
 */
final class ExitAgreement implements TraceSink {
    private static final long NONE = -1;
    private static final int REASON = 0xffff;
    private static final int MOST = 10;

    private final Machine machine;
    /** Reason of the exit that hardware has reported, if nothing else has happened since. */
    private final long[] reported;
    /** L1 has got an exit and not run since; it was as hardware reported it. */
    private final boolean[] exited;

    private final boolean[] byHardware;
    private final List<String> wrong = new ArrayList<>();
    private int compared;

    ExitAgreement(Machine machine) {
        this.machine = machine;
        reported = new long[machine.cpus()];
        exited = new boolean[machine.cpus()];
        byHardware = new boolean[machine.cpus()];
        Arrays.fill(reported, NONE);
    }

    @Override
    public void event(TraceEventType type, long time, int cpu, int level, long[] values) {
        if (cpu < 0) {
            return;
        }
        switch (type.name()) {
            case "kvm_nested_vmexit" -> reported[cpu] = values[type.fields().indexOf("reason")];
            case "kvm_nested_page_fault" -> {}
            case "kvm_nested_vmexit_inject" -> {
                long reason = values[type.fields().indexOf("reason")];
                exited[cpu] = true;
                byHardware[cpu] = reported[cpu] != NONE && (reported[cpu] & REASON) == (reason & REASON);
                reported[cpu] = NONE;
            }
            case "kvm_entry" -> {
                if (exited[cpu]) {
                    exited[cpu] = false;
                    compare(cpu, time);
                }
                reported[cpu] = NONE;
            }
            default -> reported[cpu] = NONE;
        }
    }

    private void compare(int cpu, long time) {
        VirtualizationExtension extension = machine.cpu(cpu).extension;
        List<String> found = new ArrayList<>(NestedVmxInvariants.broken(extension, byHardware[cpu]));
        if (byHardware[cpu]) {
            compared++;
            found.addAll(NestedSvmInvariants.broken(extension));
        }
        for (String line : found) {
            if (wrong.size() < MOST) {
                wrong.add("exit from L2 at tick " + time + ": " + line);
            }
        }
    }

    /** What did not agree, the first of it. */
    List<String> wrong() {
        return wrong;
    }

    /** How many exits were hardware's own, and compared as a whole. */
    int compared() {
        return compared;
    }

    @Override
    public void close() {
        // Nothing is buffered.
    }
}

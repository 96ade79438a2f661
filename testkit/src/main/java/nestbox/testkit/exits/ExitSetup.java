package nestbox.testkit.exits;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import nestbox.machine.Outcome;
import nestbox.modules.L0Mode;
import nestbox.modules.NestboxConfiguration;
import nestbox.testkit.LabRun;
import nestbox.testkit.NestedLab;
import nestbox.testkit.guest.Guest;
import nestbox.x86.model.CpuModel;
import nestbox.x86.model.Vendor;

/**
 * One column of the table: a processor, and how L0 and L1 use it.
 *
 * @param cpu the silicon's model, and what L0 shows L1 as far as it offers it
 * @param l0 L0's MMU
 * @param l1Tdp L1 gives L2 EPT or nested paging; otherwise it shadows L2's tables, and takes its CR3 writes and page faults
 */
public record ExitSetup(String cpu, L0Mode l0, boolean l1Tdp) {
    private static final int SHORT = 10;
    private static final int LONG = 60;

    /** All columns: Intel's, then AMD's. */
    public static List<ExitSetup> all() {
        return List.of(
                new ExitSetup("max,+vmx", L0Mode.TDP, true),
                new ExitSetup("max,+vmx,-vmx-shadow-vmcs", L0Mode.TDP, true),
                new ExitSetup("max,+vmx", L0Mode.TDP, false),
                new ExitSetup("max,+vmx", L0Mode.SHADOW, false),
                new ExitSetup("max,+vmx,-vmx-shadow-vmcs", L0Mode.SHADOW, false),
                new ExitSetup("max,+svm", L0Mode.TDP, true),
                new ExitSetup("max,+svm,-vgif", L0Mode.TDP, true),
                new ExitSetup("max,+svm,-v-vmsave-vmload", L0Mode.TDP, true),
                new ExitSetup("max,+svm,-vgif,-v-vmsave-vmload", L0Mode.TDP, true),
                new ExitSetup("max,+svm", L0Mode.TDP, false),
                new ExitSetup("max,+svm", L0Mode.SHADOW, false));
    }

    public boolean intel() {
        return CpuModel.parse(cpu).vendor() == Vendor.INTEL;
    }

    NestboxConfiguration configuration() {
        return NestboxConfiguration.nested().toBuilder()
                .cpu(cpu)
                .guestCpu(cpu)
                .l0(l0)
                .build();
    }

    /**
     * Exits to L0 of one action, by the vendor's name of their reason: the difference of two lengths, without what both have at
     * their start and end.
     */
    public Map<String, Double> measure(L2Action action) {
        Map<String, Long> few = exits(action, SHORT);
        Map<String, Double> each = new TreeMap<>();
        exits(action, LONG).forEach((reason, count) -> {
            long more = count - few.getOrDefault(reason, 0L);
            if (more != 0) {
                each.put(reason, (double) more / (LONG - SHORT));
            }
        });
        return each;
    }

    private Map<String, Long> exits(L2Action action, int times) {
        Guest guest = intel() ? VmxL1.guest(action, l1Tdp, times) : SvmL1.guest(action, l1Tdp, times);
        LabRun run = new NestedLab(configuration()).run(guest);
        boolean wellEnded = run.outcome().kind() == Outcome.Kind.DEBUG_EXIT
                && run.outcome().code() == 0
                && run.printed().isEmpty();
        if (!wellEnded) {
            throw new IllegalStateException(
                    action + " on " + this + ": the run ended with " + run.outcome() + ", " + run.printed());
        }
        return run.lab().hypervisor().orElseThrow().exitCounts();
    }
}

package nestbox.testkit.exits;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import nestbox.modules.L0Mode;
import nestbox.modules.Nestbox;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.capability.VmxModels;
import nestbox.vmx.l0.NestedVmxProvider;
import nestbox.x86.model.CpuModel;
import nestbox.x86.model.Feature;

/** Exits to L0 for each action of L2 in each setup, measured, and as text. */
public final class ExitTable {
    private static final String INTRODUCTION = """
            Exits to L0 for one action of L2, the exit of the action included: the difference of two runs of different length.
            L1 answers CPUID, I/O and HLT and enters L2 again. With EPT or NPT it leaves L2's CR3 writes and page faults alone;
            without, it takes both, hands L2 its page faults, and maps pages in the tables that L2 runs on.
            The interrupt is of L1's local APIC timer: exit, delivery, EOI and entry.
            Where columns agree although the silicon differs, L0 does not use that feature to run L1.
            """;

    private final Map<ExitSetup, Map<L2Action, Map<String, Double>>> cells = new LinkedHashMap<>();

    private ExitTable() {}

    /** Runs all of it: some seconds. */
    public static ExitTable measure() {
        ExitTable table = new ExitTable();
        for (ExitSetup setup : ExitSetup.all()) {
            Map<L2Action, Map<String, Double>> column = new EnumMap<>(L2Action.class);
            for (L2Action action : L2Action.values()) {
                column.put(action, setup.measure(action));
            }
            table.cells.put(setup, column);
        }
        return table;
    }

    public List<ExitSetup> setups() {
        return List.copyOf(cells.keySet());
    }

    /** Exits of one action by the name of their reason. */
    public Map<String, Double> reasons(ExitSetup setup, L2Action action) {
        return Map.copyOf(cells.get(setup).get(action));
    }

    /** All exits of one action. */
    public double exits(ExitSetup setup, L2Action action) {
        return cells.get(setup).get(action).values().stream()
                .mapToDouble(Double::doubleValue)
                .sum();
    }

    /** The table, a part for each vendor, and below it each cell's exits by reason. */
    public String text() {
        List<ExitSetup> intel = setups().stream().filter(ExitSetup::intel).toList();
        List<ExitSetup> amd = setups().stream().filter(setup -> !setup.intel()).toList();
        StringBuilder text = new StringBuilder(INTRODUCTION);
        part(text, "Intel", "EPT", intel);
        row(
                text,
                "silicon: VMCS shadowing",
                intel,
                setup -> yes(VmxModels.features(CpuModel.parse(setup.cpu())).contains(VmxFeature.VMCS_SHADOWING)));
        row(text, "L1 is offered it", intel, setup -> yes(offeredShadowing(setup)));
        rows(text, intel);
        part(text, "AMD", "NPT", amd);
        for (Feature feature : new Feature[] {Feature.VGIF, Feature.V_VMSAVE_VMLOAD}) {
            row(
                    text,
                    "silicon: " + feature.qemuName(),
                    amd,
                    setup -> yes(CpuModel.parse(setup.cpu()).has(feature)));
            row(
                    text,
                    "L1 is offered it",
                    amd,
                    setup -> yes(lab(setup).machine().config().cpu().has(feature)));
        }
        rows(text, amd);
        text.append("\nBy reason\n");
        reasons(text, "Intel", intel);
        reasons(text, "AMD", amd);
        return text.toString();
    }

    private static void part(StringBuilder text, String vendor, String tdp, List<ExitSetup> setups) {
        text.append('\n');
        List<String> numbers = new ArrayList<>();
        for (int i = 1; i <= setups.size(); i++) {
            numbers.add("(" + i + ")");
        }
        line(text, vendor, numbers);
        row(text, "L0's MMU", setups, setup -> setup.l0() == L0Mode.TDP ? tdp : "shadow");
        row(text, "L1's MMU", setups, setup -> setup.l1Tdp() ? tdp : "shadow");
    }

    private void rows(StringBuilder text, List<ExitSetup> setups) {
        for (L2Action action : L2Action.values()) {
            row(text, action.title(), setups, setup -> number(exits(setup, action)));
        }
    }

    private void reasons(StringBuilder text, String vendor, List<ExitSetup> setups) {
        for (L2Action action : L2Action.values()) {
            for (int i = 0; i < setups.size(); i++) {
                StringBuilder line = new StringBuilder();
                cells.get(setups.get(i))
                        .get(action)
                        .forEach((reason, count) -> line.append(' ')
                                .append(reason)
                                .append(count == 1 ? "" : " x" + number(count))
                                .append(','));
                String all = line.isEmpty() ? " none" : line.substring(0, line.length() - 1);
                text.append(String.format(Locale.ROOT, "%-5s (%d) %-18s%s\n", vendor, i + 1, action.title(), all));
            }
        }
    }

    private static void row(
            StringBuilder text, String title, List<ExitSetup> setups, Function<ExitSetup, String> cell) {
        line(text, title, setups.stream().map(cell).toList());
    }

    private static void line(StringBuilder text, String title, List<String> values) {
        text.append(String.format(Locale.ROOT, "%-26s", title));
        values.forEach(value -> text.append(String.format(Locale.ROOT, "%8s", value)));
        text.append('\n');
    }

    private static String number(double value) {
        return value == Math.rint(value) ? Long.toString((long) value) : String.format(Locale.ROOT, "%.2f", value);
    }

    private static String yes(boolean value) {
        return value ? "yes" : "no";
    }

    private static Nestbox lab(ExitSetup setup) {
        return Nestbox.create(setup.configuration());
    }

    private static boolean offeredShadowing(ExitSetup setup) {
        return NestedVmxProvider.offer(
                        lab(setup).machine().config().cpu(), CpuModel.parse(setup.cpu()), setup.l0() == L0Mode.TDP)
                .contains(VmxFeature.VMCS_SHADOWING);
    }
}

package nestbox.testkit.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.Stream;
import nestbox.l0.ledger.CheckReport;
import nestbox.l0.ledger.TlbLedger;
import nestbox.machine.Machine;
import nestbox.machine.load.ImageFile;
import nestbox.modules.Nestbox;
import nestbox.testkit.scenario.Scenario.Verdict;
import nestbox.x86.insn.Asm;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Where a policy is wrong because of a stale translation of L1's, {@code --check tlb} says so, and only there. */
class ScenarioLedgerTest {
    /** Scenarios whose wrong cells all have a stale translation of L1's as their cause, and what the report names. */
    private static final List<String[]> STALE = List.of(
            row("S-PCID", "had changed the table at 208000", "flush of PCID 0"),
            row("S-MMIO-1", "used 40000000", "as d0000000", "another PCID"),
            row("S-MMIO-2", "used 40000000", "as d0000000", "another PCID"),
            row("S-MMIO-3", "used d0000000", "as d0000000", "hypervisor's own"),
            row("S-MMIO-5", "used 40001000", "as d0000000"),
            row("S-MMIO-6", "used d0000000", "as d0000000"),
            row("S-MMIO-7", "used 40000000", "as d0000000", "INVLPG of 40000000"),
            row("S-PSE", "used d0010000", "as 410000"),
            row("G13", "used 80200000", "as 301000", "never with the right"),
            row("G17", "used 40200000", "as 300000"),
            row("G18", "had changed the table at 208000", "flush of ALL"));

    private static String[] row(String... words) {
        return words;
    }

    @TestFactory
    Stream<DynamicTest> cells() {
        return Scenarios.all().stream().flatMap(scenario -> {
            String[] named = STALE.stream()
                    .filter(row -> row[0].equals(scenario.id()))
                    .findFirst()
                    .orElse(null);
            return scenario.columns().stream()
                    .filter(column -> named != null || column.verdict() == Verdict.RIGHT)
                    .map(column -> DynamicTest.dynamicTest(scenario.id() + " / " + column.text(), () -> {
                        List<String> faults = faults(scenario, column);
                        if (column.verdict() == Verdict.WRONG) {
                            assertThat(faults)
                                    .singleElement()
                                    .satisfies(fault -> assertThat(fault).contains(named));
                        } else {
                            assertThat(faults).isEmpty();
                        }
                    }));
        });
    }

    private static List<String> faults(Scenario scenario, Scenario.Column column) {
        Nestbox lab = Nestbox.create(column.configuration());
        Machine machine = lab.machine();
        TlbLedger ledger = lab.hypervisor()
                .map(l0 -> l0.check(machine.memory(), machine.clock()))
                .orElseGet(() -> TlbLedger.onSilicon(machine));
        lab.load(new ImageFile(scenario.id(), Asm.assemble(32, ScenarioRun.LOAD, scenario.source())), "");
        lab.run(ScenarioRun.LIMIT);
        return ledger.reports().stream()
                .filter(report -> report.verdict() == CheckReport.Verdict.FAULT)
                .map(report -> scenario.id() + ": " + report)
                .toList();
    }
}

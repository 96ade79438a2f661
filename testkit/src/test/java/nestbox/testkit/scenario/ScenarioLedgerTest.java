package nestbox.testkit.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
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

/**
 * Where a policy is wrong because of a stale translation, of L1's or L2's, {@code --check tlb} says so and names why, and only there. What
 * is stale below the guests' own tables (slots, the MMIO entries of L0's tables) is not a guest's translation, and not judged.
 */
class ScenarioLedgerTest {
    /** Scenario, a policy of the cell, and what the report names. */
    private static final List<String[]> STALE = List.of(
            row("S-PCID", "roots.", "had changed the table at 208000", "flush of PCID 0"),
            row("S-MMIO-1", "clearOnNewPgdHit", "used 40000000", "as d0000000", "another PCID"),
            row("S-MMIO-2", "clearOnSync", "used 40000000", "as d0000000", "another PCID"),
            row("S-MMIO-3", "clearOnUnload", "used d0000000", "as d0000000", "hypervisor's own"),
            row("S-MMIO-4", "gvaAllowed=any", "L2 on cpu0 used 40000000", "as d0000000", "hypervisor's own"),
            row("S-MMIO-5", "clearOnNewPgdHit", "L2 on cpu0 used 40000000", "as d0000000", "another VPID"),
            row("S-MMIO-6", "clearOnUnload", "used d0000000", "as d0000000"),
            row("S-MMIO-7", "clearOnInvlpg", "had changed the table at 207000", "INVLPG of 40000000"),
            row("S-ROLE", "compareRole", "L2 on cpu0 used 40000000", "never with the right"),
            row("S-PSE", "pseInRole", "used d0010000", "as 410000"),
            row("R-sync", "syncFlush", "used 40000000", "as 300000", "INVLPG of 40000000"),
            row("G4", "check.ia32e", "L2 on cpu0 used"),
            row("G13", "tableAccess", "used 80200000", "as 301000", "never with the right"),
            row("G17", "syncChildBeforeLink", "used 40200000", "as 300000"),
            row("G18", "freeUnsyncOnGuestFlush", "had changed the table at 208000", "flush of ALL"),
            row(
                    "G19",
                    "flushTarget",
                    "L2 on cpu0 used 40000000",
                    "had changed the table at 208000",
                    "flush of ALL by L2"),
            row("G19b", "newVpid12", "L2 on cpu0 used 40000000", "as 300000", "another VPID"),
            row("S-VPID", "newVpid12=last", "L2 on cpu0 used 40000000", "as 300000", "another VPID"),
            row("G20", "serviceLocalFirst", "L2 on cpu0 used", "had changed the table at 208000", "flush of ALL by L2"),
            row("G35", "freeOnInvept", "L2 on cpu0 used", "had changed the table at 224000", "INVEPT of 220000"),
            row("G36", "upperLevelUnsync", "used 40000000", "had changed the table at 207000", "flush of ALL"),
            row("G37", "nxInRole", "used 40000000", "as 300000"));

    private static String[] row(String... words) {
        return words;
    }

    @TestFactory
    Stream<DynamicTest> cells() {
        return Scenarios.all().stream()
                .flatMap(scenario -> scenario.columns().stream()
                        .map(column -> DynamicTest.dynamicTest(
                                scenario.id() + " / " + column.text(), () -> judged(scenario, column))));
    }

    private static void judged(Scenario scenario, Scenario.Column column) {
        List<String> faults = faults(scenario, column);
        boolean wrong = column.verdict() == Verdict.WRONG;
        STALE.stream()
                .filter(row ->
                        wrong && row[0].equals(scenario.id()) && column.text().contains(row[1]))
                .findFirst()
                .ifPresentOrElse(
                        row -> assertThat(faults)
                                .singleElement()
                                .satisfies(fault -> assertThat(fault)
                                        .contains(Arrays.asList(row).subList(2, row.length))),
                        () -> assertThat(faults).isEmpty());
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
                .map(CheckReport::toString)
                .toList();
    }
}

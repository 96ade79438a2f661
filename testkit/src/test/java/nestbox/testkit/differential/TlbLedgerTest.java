package nestbox.testkit.differential;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Set;
import nestbox.l0.ledger.CheckReport;
import nestbox.l0.ledger.TlbLedger;
import nestbox.modules.L0Mode;
import nestbox.modules.Nestbox;
import nestbox.modules.NestboxConfiguration;
import nestbox.modules.NestboxModule;
import nestbox.testkit.Forgetful;
import nestbox.vmx.l0.VmxBackendFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** {@code --check tlb}: whose fault a stale translation is. */
class TlbLedgerTest {
    private static final CaseImage IMAGE = new CaseImage(true);
    private static final long OLD = Layout.FRAMES;
    private static final long NEW = Layout.FRAMES + 0x1000;

    private final OnePage mapping = new OnePage();
    private final Tables tables = mapping.tables;
    private final long page = mapping.page;
    private final long entry = mapping.entry;

    private static Nestbox forgetful(NestboxConfiguration configuration, Set<String> dropped) {
        return Nestbox.create(configuration, new NestboxModule() {
            @Override
            protected void configure() {
                backend(new Forgetful(new VmxBackendFactory(), dropped));
            }
        });
    }

    private TlbLedger run(L0Mode mode, Set<String> dropped, Step... between) {
        mapping.map(OLD, 7);
        List<Step> steps = new java.util.ArrayList<>();
        // L0 has mapped everything for the second access, and flushes nothing of its own accord from there on.
        steps.add(new Step(Op.LOAD4, 0, page + 0x100, 0, 0));
        steps.add(new Step(Op.STORE8, 0, entry, OLD | 0x27, 0));
        steps.add(invlpg(page));
        steps.add(new Step(Op.LOAD4, 0, page + 0x100, 0, 0));
        steps.add(new Step(Op.STORE8, 0, entry, NEW | 7, 0));
        steps.addAll(List.of(between));
        steps.add(new Step(Op.LOAD4, 0, page + 0x100, 0, 0));
        Case guest = new Case(Shape.FOUR_LEVEL, 1, tables.roots[0], tables.contents(), steps);
        Subject subject = Subject.of(mode, "keep", "max,+vmx", "max,-vmx,-la57", 1, 1);
        Nestbox lab = dropped.isEmpty()
                ? Nestbox.create(subject.configuration())
                : forgetful(subject.configuration(), dropped);
        TlbLedger ledger = Observation.check(lab);
        Observation.of(IMAGE, guest, lab, ledger);
        return ledger;
    }

    private static Step invlpg(long at) {
        return new Step(Op.INVLPG, 0, at, 0, 0);
    }

    @ParameterizedTest
    @EnumSource(names = {"NONE", "TDP", "SHADOW"})
    void aGuestThatInvalidatesHasNoReport(L0Mode mode) {
        assertThat(run(mode, Set.of(), invlpg(page)).reports()).isEmpty();
    }

    /** Under shadow paging the write to a table that is shadowed is enough for L0 to bring everything up to date. */
    @ParameterizedTest
    @EnumSource(names = {"NONE", "TDP"})
    void whatTheGuestPermitsIsReportedAndTheRunGoesOn(L0Mode mode) {
        TlbLedger ledger = run(mode, Set.of());
        assertThat(ledger.permitted()).isEqualTo(1);
        CheckReport report = ledger.reports().get(0);
        assertThat(report.verdict()).isEqualTo(CheckReport.Verdict.PERMITTED);
        assertThat(report.linear()).isEqualTo(page + 0x100);
        assertThat(report.used()).isEqualTo(OLD + 0x100);
        assertThat(report.change().address()).isEqualTo(entry);
        assertThat(report.change().writer()).isEqualTo("cpu0");
    }

    /** An invalidation of another address does not count, one of any address in the page does. */
    @Test
    void theWrongAddressPermits() {
        assertThat(run(L0Mode.NONE, Set.of(), invlpg(page + 0x1000)).permitted())
                .isEqualTo(1);
        assertThat(run(L0Mode.NONE, Set.of(), invlpg(page + 0xfff)).permitted()).isZero();
    }

    /** The mutation: L0 has an invalidation to pass on and does not. */
    @ParameterizedTest
    @CsvSource({
        "SHADOW, flushAddress;flushAll;flushCurrent;flushGuest, INVLPG",
        "TDP, flushGuest;flushCurrent;flushAll, flush of ALL"
    })
    void aDroppedObligationIsL0sFault(L0Mode mode, String dropped, String named) {
        Step[] between = mode == L0Mode.SHADOW
                ? new Step[] {invlpg(page)}
                : new Step[] {new Step(Op.CR4, 0, Processor.CR4_PGE, 0, 0), new Step(Op.CR4, 0, Processor.CR4_PGE, 0, 0)
                };
        TlbLedger ledger = run(mode, Set.of(dropped.split(";")), between);
        assertThat(ledger.reports()).hasSize(1);
        CheckReport report = ledger.reports().get(0);
        assertThat(report.verdict()).as(report.toString()).isEqualTo(CheckReport.Verdict.FAULT);
        assertThat(report.change()).as(report.toString()).isNotNull();
        assertThat(report.change().address()).isEqualTo(entry);
        assertThat(report.change().old() & -0x1000).isEqualTo(OLD);
        assertThat(report.toString())
                .contains("used " + Long.toHexString(page + 0x100))
                .contains(named);
        assertThat(report.change().time()).isLessThan(report.invalidation().time());
        assertThat(report.invalidation().time()).isLessThan(report.usedAt());
    }
}

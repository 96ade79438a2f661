package nestbox.testkit.differential;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import nestbox.modules.L0Mode;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Steps do what {@link Op} says, and what differential runs have found stays mended. */
class StepsTest {
    private static final String MODEL = "max,-vmx,-lam,-pku,-pks";

    private static Case guest(Shape shape, int cpus, Step... steps) {
        Tables tables = new Tables(shape);
        return new Case(shape, cpus, tables.roots[0], tables.contents(), List.of(steps));
    }

    private static Subject way(L0Mode mode, Shape shape, int cpus) {
        String model = MODEL + (shape == Shape.FIVE_LEVEL ? "" : ",-la57");
        return Subject.of(mode, "keep", "max,+vmx,-lam,-pku,-pks", model, cpus, 1);
    }

    private static Step step(Op op, long a, long b, long c) {
        return new Step(op, 0, a, b, c);
    }

    /** Each interruption comes, whatever the paging mode and on whatever it runs: log and CR2 or vector. */
    @ParameterizedTest
    @CsvSource({"TWO_LEVEL, NONE", "PAE, SHADOW", "FOUR_LEVEL, TDP", "FIVE_LEVEL, NONE"})
    void interruptionsArrive(Shape shape, L0Mode mode) {
        Case guest = guest(
                shape,
                2,
                step(Op.IPI, 0, 0, 0),
                step(Op.TIMER, 50, 0, 0),
                step(Op.TIMER, 50, 1, 0),
                step(Op.NMI, 0, 0, 0),
                step(Op.NMI, 1, 0, 0),
                step(Op.SHOOT, 0x40000000, 0, 1),
                step(Op.SHOOT, 0, 1, 1),
                step(Op.SHOOT, 0, 2, 1),
                new Step(Op.SHOOT, 1, 0, 1, 0));
        Observation seen = new Differential().run(guest, way(mode, shape, 2));
        assertThat(seen.outcome()).isEqualTo("ended");
        List<Long> logged = new ArrayList<>();
        for (int i = 0; i < guest.steps().size(); i++) {
            logged.add(seen.log()[2 * i]);
        }
        assertThat(seen.log()[1]).isEqualTo(0x90);
        assertThat(logged).containsExactly(0L, 1L, 1L, 2L, 2L, 3L, 3L, 3L, 3L);
    }

    /** Through real mode, where a word is read and changed and an interrupt taken, and back into another space. */
    @ParameterizedTest
    @EnumSource(Shape.class)
    void modesLeadThroughRealMode(Shape shape) {
        Tables tables = new Tables(shape);
        Case guest = guest(
                shape,
                1,
                step(Op.STORE4, 0x1230, 0x5555, 0),
                step(Op.MODE, tables.roots[1], 0, 0x1230 << 16 | 1),
                step(Op.LOAD4, 0x1234, 0, 0));
        Observation seen = new Differential().run(guest, way(L0Mode.NONE, shape, 1));
        assertThat(seen.outcome()).isEqualTo("ended");
        assertThat(seen.log()[2]).isEqualTo(0x5556);
        assertThat(seen.log()[4]).isEqualTo(3);
        assertThat(seen.registers().get(0)).contains("cr3=" + Long.toHexString(tables.roots[1]));
    }

    /**
     * The delivery of the first NMI meets a page fault of the shadow tables, and silicon refuses to inject it again while NMIs are
     * blocked (SDM Vol. 3, "Checks on Guest Non-Register State").
     */
    @Test
    void anNmiWhoseDeliveryIsCutShortIsInjectedAgain() {
        Case guest = guest(Shape.TWO_LEVEL, 1, step(Op.NMI, 0, 0, 0));
        Observation seen = new Differential().run(guest, way(L0Mode.SHADOW, Shape.TWO_LEVEL, 1));
        assertThat(seen.outcome()).isEqualTo("ended");
        assertThat(seen.log()[0]).isEqualTo(2);
    }

    /**
     * AMD's processors check PDPTEs when CR3 is loaded, and under nested paging when a walk uses one (APM Vol. 2, "Nested Paging",
     * "Legacy PAE Mode"): random guests use none with a reserved bit, since silicon and L0 may differ there.
     */
    @ParameterizedTest
    @CsvSource({"NONE, 800d0000, 800e0000", "SHADOW, 800d0000, 800e0000", "TDP, 0, 800e0009"})
    void illegalPdptesShowAtTheLoadOrAtTheWalk(L0Mode mode, String load, String use) {
        Tables tables = new Tables(Shape.PAE);
        long entry = tables.roots[0] + 16;
        tables.set(entry, tables.tables(2, false).get(0).address() | Tables.PRESENT);
        List<Step> steps = List.of(
                step(Op.OR, entry, 2, 0), step(Op.CR3, tables.roots[0], 0, 0), step(Op.LOAD4, 0x80000000L, 0, 0));
        Subject amd = Subject.of(mode, "keep", "EPYC-Milan,+svm,-pku", "EPYC-Milan,-svm,-pku", 1, 1);
        Observation seen =
                new Differential().run(new Case(Shape.PAE, 1, tables.roots[0], tables.contents(), steps), amd);
        assertThat(seen.outcome()).isEqualTo("ended");
        assertThat(Long.toHexString(seen.log()[2])).isEqualTo(load);
        assertThat(Long.toHexString(seen.log()[4])).isEqualTo(use);
    }

    /** What L0's emulator writes, here a table that is shadowed, is in the dirty log, too. */
    @Test
    void theDirtyLogHasWhatIsEmulated() {
        Campaign campaign = Campaign.of(Campaign.Platform.INTEL, 1)
                .withWays(List.of("shadow/keep+userspace"))
                .withCaseSteps(1000);
        assertThat(campaign.compare(new Differential(), 3, 1)).isEmpty();
    }
}

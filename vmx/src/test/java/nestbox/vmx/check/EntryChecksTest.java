package nestbox.vmx.check;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import nestbox.vmx.TestCpu;
import nestbox.vmx.VmxModel;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.capability.VmxModels;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Flags;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

class EntryChecksTest {
    private static final List<RowCase> CASES = cases();

    private static List<RowCase> cases() {
        RowCase.Table table = new RowCase.Table();
        ControlCases.add(table);
        HostCases.add(table);
        GuestCases.add(table);
        SegmentCases.add(table);
        return table.cases;
    }

    @Test
    void rowIdsAreUnique() {
        Set<String> seen = new HashSet<>();
        assertThat(EntryChecks.rows()).allMatch(row -> seen.add(row.id()));
    }

    @Test
    void everyRowHasACase() {
        Set<String> rows = EntryChecks.rows().stream().map(CheckRow::id).collect(Collectors.toCollection(TreeSet::new));
        Set<String> cases = CASES.stream().map(c -> c.id).collect(Collectors.toCollection(TreeSet::new));
        assertThat(cases).isEqualTo(rows);
    }

    @TestFactory
    Stream<DynamicTest> violationIsSeenAlone() {
        return CASES.stream()
                .map(rowCase -> DynamicTest.dynamicTest(rowCase.id, () -> {
                    Set<String> expected = new TreeSet<>(rowCase.coupled);
                    expected.add(rowCase.id);
                    assertThat(failing(rowCase.violating())).as(rowCase.id).isEqualTo(expected);
                }));
    }

    @TestFactory
    Stream<DynamicTest> boundaryPasses() {
        return CASES.stream()
                .map(rowCase -> DynamicTest.dynamicTest(
                        rowCase.id,
                        () -> assertThat(failing(rowCase.atBoundary()))
                                .as(rowCase.id)
                                .isEmpty()));
    }

    @TestFactory
    Stream<DynamicTest> startsAreValidOnEveryModelThatCan() {
        List<DynamicTest> tests = new ArrayList<>();
        for (String name : VmxModels.names()) {
            VmxModel model = VmxModel.of(TestCpu.of(name));
            for (Guests guest : Guests.values()) {
                boolean possible = guest != Guests.REAL || model.has(VmxFeature.UNRESTRICTED_GUEST);
                if (possible) {
                    tests.add(DynamicTest.dynamicTest(
                            name + " " + guest,
                            () -> assertThat(failing(guest.state(model))).isEmpty()));
                }
            }
        }
        return tests.stream();
    }

    /** {@link nestbox.vmx.vmcs.Vmcs} relies on it. */
    @Test
    void noRowReadsAnArithmeticFlag() {
        for (RowCase rowCase : CASES) {
            TestState state = rowCase.violating();
            long flags = state.get(VmcsField.GUEST_RFLAGS);
            assertThat(failing(state.set(VmcsField.GUEST_RFLAGS, flags ^ Flags.ARITHMETIC)))
                    .as(rowCase.id)
                    .isEqualTo(failing(rowCase.violating()));
        }
    }

    @Test
    void aRowReadsOnlyWhatItNames() {
        for (RowCase rowCase : CASES) {
            for (TestState state : List.of(rowCase.violating(), rowCase.atBoundary())) {
                for (CheckRow row : EntryChecks.rows()) {
                    state.read.clear();
                    row.check(state);
                    Set<VmcsField> named = EnumSet.copyOf(CheckRow.CONTROL_WORDS);
                    named.addAll(row.fields());
                    if (!named.containsAll(state.read)) {
                        state.read.removeAll(named);
                        assertThat(state.read)
                                .as(row.id() + " reads what it does not name")
                                .isEmpty();
                    }
                }
            }
        }
    }

    @Test
    void failuresAreOfTheirPhase() {
        for (RowCase rowCase : CASES) {
            TestState state = rowCase.violating();
            for (CheckFailure failure : EntryChecks.all(state)) {
                Failure.Kind kind = failure.failure().kind();
                switch (failure.row().group().phase()) {
                    case BASIC -> assertThat(kind).isNotEqualTo(Failure.Kind.ENTRY_FAILURE);
                    case CONTROLS_AND_HOST ->
                        assertThat(failure.failure().number()).isIn(7, 8);
                    case GUEST -> assertThat(failure.failure().number()).isEqualTo(33);
                    default -> assertThat(failure.failure().number()).isEqualTo(34);
                }
                assertThat(failure.text()).contains(failure.row().id());
            }
        }
    }

    @Test
    void qualifications() {
        assertThat(qualification("guest.pdpte2")).isEqualTo(2);
        assertThat(qualification("guest.blocking.nmi-sti")).isEqualTo(3);
        assertThat(qualification("guest.link.revision")).isEqualTo(4);
        assertThat(qualification("msr.base")).isEqualTo(2);
        assertThat(qualification("msr.count")).isEqualTo(513);
        assertThat(qualification("guest.cr0.fixed")).isZero();
    }

    @Test
    void orderDecidesWhichFailureComesFirst() {
        TestState state = Guests.LONG.state().set(VmcsField.CR3_TARGET_COUNT, 9).set(VmcsField.HOST_CS_SELECTOR, 0);
        assertThat(EntryChecks.first(state, CheckOrder.MANUAL).failure()).isEqualTo(Failure.CONTROLS);
        assertThat(EntryChecks.first(state, CheckOrder.reversed()).failure()).isEqualTo(Failure.HOST_STATE);
        state.set(VmcsField.GUEST_RFLAGS, 0).hasCurrent = false;
        for (long seed = 0; seed < 20; seed++) {
            assertThat(EntryChecks.first(state, CheckOrder.shuffled(seed)).failure())
                    .isEqualTo(Failure.INVALID);
        }
    }

    /** The report in docs tells what these tests prove; {@code -Dnestbox.write=true} writes it anew. */
    @Test
    void reportIsUpToDate() throws IOException {
        Path file = Path.of(System.getProperty("nestbox.root", "."), "docs", "vmx-entry-checks.md");
        String report = report();
        if (Boolean.getBoolean("nestbox.write")) {
            Files.writeString(file, report);
        }
        assertThat(file).content().isEqualTo(report);
    }

    private static String report() {
        List<CheckRow> rows = EntryChecks.rows();
        long unverified = rows.stream().filter(row -> !row.verified()).count();
        StringBuilder report = new StringBuilder("# VM-entry checks\n\n")
                .append("Generated by EntryChecksTest from the table of checks and the tests' cases. ")
                .append(rows.size())
                .append(
                        " checks, each with tests that violate it (and the checks that the manual couples to it) alone, ")
                .append("and tests at its boundary that pass. ")
                .append(unverified)
                .append(" rest on text of the manual that could not be read (unverified).\n");
        for (CheckGroup group : CheckGroup.values()) {
            report.append("\n## ")
                    .append(group.name().toLowerCase(java.util.Locale.ROOT).replace('_', ' '))
                    .append("\nSDM Vol. 3, \"")
                    .append(group.section())
                    .append(
                            "\"\n\n| check | rule | fails with | tests | fails along | text |\n|---|---|---|---|---|---|\n");
            EntryChecks.rows(group).forEach(row -> report.append(line(row)));
        }
        return report.toString();
    }

    private static String line(CheckRow row) {
        List<RowCase> cases = CASES.stream().filter(c -> c.id.equals(row.id())).toList();
        String fails = cases.stream()
                .map(c -> row.check(c.violating()).text())
                .distinct()
                .collect(Collectors.joining("; "));
        Set<String> coupled = new TreeSet<>();
        cases.forEach(c -> coupled.addAll(c.coupled));
        return String.join(
                        " | ",
                        "| " + row.id(),
                        row.rule().replace("|", "\\|"),
                        fails,
                        cases.size() + " + " + cases.size(),
                        String.join(", ", coupled),
                        row.verified() ? "read |" : "unverified |")
                + '\n';
    }

    private static long qualification(String id) {
        RowCase found = CASES.stream().filter(c -> c.id.equals(id)).findFirst().orElseThrow();
        return EntryChecks.first(found.violating(), CheckOrder.MANUAL).failure().qualification();
    }

    private static Set<String> failing(TestState state) {
        return EntryChecks.all(state).stream()
                .map(failure -> failure.row().id())
                .collect(Collectors.toCollection(TreeSet::new));
    }
}

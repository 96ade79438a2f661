package nestbox.vmx.check;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashSet;
import java.util.Set;
import java.util.stream.Stream;
import nestbox.vmx.l0.NestedVmxProvider;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * Which checks of vmcs12 are L0's own, row by row, with a state that violates it alone: left out (policy check.omit), an own check is
 * missed, since no other of L0's finds the state; what L0 leaves to the silicon is found by the silicon's row, as VMfail or exit 33.
 */
class OmittedCheckTest {
    private static RowCase.Table cases() {
        RowCase.Table table = new RowCase.Table();
        ControlCases.add(table);
        HostCases.add(table);
        GuestCases.add(table);
        SegmentCases.add(table);
        return table;
    }

    private static CheckFailure first(CheckSelection selection, TestState state) {
        for (CheckGroup group : CheckGroup.values()) {
            CheckFailure failure = selection.group(state, group);
            if (failure != null) {
                return failure;
            }
        }
        return null;
    }

    @TestFactory
    Stream<DynamicTest> everyRow() {
        Set<String> own = NestedVmxProvider.ownChecks();
        return cases().cases.stream()
                .map(row -> DynamicTest.dynamicTest(
                        row.id + (own.contains(row.id) ? " is L0's" : " is the silicon's"), () -> {
                            if (own.contains(row.id)) {
                                ofL0(row, own);
                            } else {
                                ofSilicon(row, own);
                            }
                        }));
    }

    private static void ofL0(RowCase row, Set<String> own) {
        CheckFailure found = first(EntryChecks.select(r -> own.contains(r.id())), row.violating());
        assertThat(found).as("L0 finds it").isNotNull();
        Set<String> omitted = new HashSet<>(row.coupled);
        omitted.add(row.id);
        CheckSelection without = EntryChecks.select(r -> own.contains(r.id()) && !omitted.contains(r.id()));
        assertThat(first(without, row.violating())).as("nobody else does").isNull();
    }

    private static void ofSilicon(RowCase row, Set<String> own) {
        CheckFailure left = first(EntryChecks.select(r -> !own.contains(r.id())), row.violating());
        assertThat(left).as("the silicon finds it").isNotNull();
        assertThat(left.failure().kind()).isIn(Failure.Kind.VMFAIL_VALID, Failure.Kind.ENTRY_FAILURE);
    }
}

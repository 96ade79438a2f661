package nestbox.vmx.check;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * What proves a row: a state that violates it and nothing else (or the smallest set of rows that the manual couples to it),
 * and one at its boundary that passes.
 */
final class RowCase {
    final String id;
    final Supplier<TestState> start;
    final Consumer<TestState> violate;
    final Consumer<TestState> boundary;
    final Set<String> coupled = new TreeSet<>();

    private RowCase(String id, Supplier<TestState> start, Consumer<TestState> violate, Consumer<TestState> boundary) {
        this.id = id;
        this.start = start;
        this.violate = violate;
        this.boundary = boundary;
    }

    TestState violating() {
        TestState state = start.get();
        violate.accept(state);
        return state;
    }

    TestState atBoundary() {
        TestState state = start.get();
        boundary.accept(state);
        return state;
    }

    /** Collects cases. */
    static final class Table {
        final List<RowCase> cases = new ArrayList<>();
        private Supplier<TestState> start = Guests.LONG::state;

        /** The following cases start from this. */
        Table from(Supplier<TestState> state) {
            start = state;
            return this;
        }

        /** The following cases start from this guest with these changes. */
        Table from(Guests guest, Consumer<TestState> changes) {
            return from(() -> {
                TestState state = guest.state();
                changes.accept(state);
                return state;
            });
        }

        Table row(String id, Consumer<TestState> violate, Consumer<TestState> boundary, String... coupled) {
            RowCase added = new RowCase(id, start, violate, boundary);
            added.coupled.addAll(List.of(coupled));
            cases.add(added);
            return this;
        }
    }
}

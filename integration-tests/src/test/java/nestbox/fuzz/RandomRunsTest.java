package nestbox.fuzz;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import java.util.EnumMap;
import java.util.Map;
import nestbox.core.NestboxException;
import nestbox.core.Seed;
import nestbox.machine.Outcome;
import nestbox.modules.Nestbox;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Random and mutated guests end in one of the named ways, whatever they do, and saved states with random damage are taken or refused
 * by a typed error. {@code nestbox.fuzz} says how many guests run in each way, {@code nestbox.fuzz.first} the number of the first.
 */
class RandomRunsTest {
    private static final int CASES = Integer.getInteger("nestbox.fuzz", 3);
    private static final long FIRST = Long.getLong("nestbox.fuzz.first", 0);
    private static final int DAMAGES = 5;
    /** Instructions before the state is saved, and after it is taken. */
    private static final long STEPS = 3_000;

    @ParameterizedTest
    @EnumSource
    void guests(Way way) {
        Map<Outcome.Kind, Integer> ends = new EnumMap<>(Outcome.Kind.class);
        for (long number = FIRST; number < FIRST + CASES; number++) {
            long which = number;
            assertThatCode(() -> ends.merge(new RandomRun(way, which).run().kind(), 1, Integer::sum))
                    .as("%s, -Dnestbox.fuzz.first=%d", way, number)
                    .doesNotThrowAnyException();
        }
        assertThat(ends.values().stream().mapToInt(Integer::intValue).sum()).isEqualTo(CASES);
    }

    @ParameterizedTest
    @EnumSource
    void damagedStates(Way way) {
        for (long number = FIRST; number < FIRST + (CASES + 9) / 10; number++) {
            RandomRun run = new RandomRun(way, number);
            run.lab.run(STEPS);
            byte[] good = run.saved();
            Damage damage = new Damage(good, new Seed(number));
            for (int i = 0; i < DAMAGES; i++) {
                byte[] bad = damage.next();
                assertThatCode(() -> go(run, bad))
                        .as("%s, -Dnestbox.fuzz.first=%d, damage %d", way, number, i)
                        .doesNotThrowAnyException();
            }
        }
    }

    private static void go(RandomRun run, byte[] state) {
        try {
            Nestbox other = run.restored(state);
            run.limit(other);
            other.run(STEPS);
        } catch (NestboxException refused) {
            assertThat(refused.getMessage()).isNotEmpty();
        }
    }
}

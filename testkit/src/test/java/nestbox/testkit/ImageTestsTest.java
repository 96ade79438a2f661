package nestbox.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import nestbox.core.NestboxException;
import nestbox.testkit.guest.Guest;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.opentest4j.TestAbortedException;

/** Lines of a guest's output as results of JUnit. */
class ImageTestsTest {
    private static Guest printing(String lines, int exit) {
        return Guest.longMode()
                .body("mov esi, text\ncall print\nmov eax, " + exit + "\njmp quit")
                .label("text", lines);
    }

    private static List<String> results(Guest guest) {
        List<String> results = new ArrayList<>();
        ImageTests.of(guest.image()).limit(1_000_000).results().forEach(test -> {
            String verdict = "good";
            try {
                test.getExecutable().execute();
            } catch (TestAbortedException e) {
                verdict = "skipped";
            } catch (Throwable e) {
                verdict = "bad";
            }
            results.add(test.getDisplayName() + ": " + verdict);
        });
        return results;
    }

    @Test
    void eachLineThatReportsIsATest() {
        Guest guest = printing(
                "db 'enabling apic', 10, 'PASS: one', 10, 'FAIL: two', 10, 9, 'PASS: three', 10, 'SKIP: four', 10\n"
                        + "db 'PASS: one', 10, 'SUMMARY: 5 tests', 10, 0",
                1);
        assertThat(results(guest))
                .containsExactly(
                        "one: good", "two: bad", "three: good", "four: skipped", "one (2): good", "the run ends: good");
    }

    @Test
    void xtfReportsItsResultInOneLine() {
        assertThat(results(printing("db '--- Xen Test Framework ---', 10, 'Test result: SUCCESS', 10, 0", 0)))
                .containsExactly("Test result: good", "the run ends: good");
        assertThat(results(printing("db 'Test result: FAILURE', 10, 0", 0)))
                .containsExactly("Test result: bad", "the run ends: good");
    }

    @Test
    void anImageThatFailsOrSaysNothingIsBad() {
        assertThat(results(printing("db 'PASS: one', 10, 0", 1))).containsExactly("one: good", "the run ends: bad");
        assertThat(results(Guest.longMode())).containsExactly("the run ends: bad");
        assertThat(results(Guest.longMode().body("here: jmp here"))).containsExactly("the run ends: bad");
    }

    @Test
    void aFileThatIsNotThereIsNamed() {
        assertThatThrownBy(() -> ImageTests.of(Path.of("none.flat")))
                .isInstanceOf(NestboxException.class)
                .hasMessageContaining("none.flat");
    }

    @TestFactory
    Stream<DynamicTest> asAUserWritesIt() {
        return ImageTests.of(printing("db 'PASS: here', 10, 0", 0).image()).results();
    }
}

package nestbox.testkit;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import nestbox.machine.Outcome;
import nestbox.machine.load.ImageFile;
import nestbox.modules.NestboxConfiguration;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.DynamicTest;

/**
 * Runs an image of kvm-unit-tests or XTF and gives each of its results as a test of its own, for a {@code @TestFactory}:
 *
 * <pre>{@code
 * @TestFactory
 * Stream<DynamicTest> smap() {
 *     return ImageTests.of(Path.of("x86/smap.flat")).on(NestboxConfiguration.nested()).results();
 * }
 * }</pre>
 */
public final class ImageTests {
    private static final long LIMIT = 20_000_000_000L;
    /** What kvm-unit-tests report with, and the last line of an XTF test. */
    private static final Pattern RESULT =
            Pattern.compile("^(?:\\t)*(PASS|FAIL|SKIP|XPASS|XFAIL|Test result): (.*)$", Pattern.MULTILINE);

    private final ImageFile image;
    private NestboxConfiguration configuration = NestboxConfiguration.bareSilicon();
    private String commandLine = "";
    private final List<ImageFile> files = new ArrayList<>();
    private long limit = LIMIT;

    private ImageTests(ImageFile image) {
        this.image = image;
    }

    /** @throws nestbox.core.NestboxException if the file cannot be read */
    public static ImageTests of(Path path) {
        return new ImageTests(ImageFile.open(path));
    }

    public static ImageTests of(ImageFile image) {
        return new ImageTests(image);
    }

    public ImageTests on(NestboxConfiguration laboratory) {
        configuration = laboratory;
        return this;
    }

    public ImageTests commandLine(String text) {
        commandLine = text;
        return this;
    }

    /** A file that the image gets as a module, such as the environment of kvm-unit-tests. */
    public ImageTests file(ImageFile file) {
        files.add(file);
        return this;
    }

    /** Ends the run after so many instructions, which is a failure. */
    public ImageTests limit(long instructions) {
        limit = instructions;
        return this;
    }

    /** Runs the image now; a test for each line that reports a result, and one for how the run ended. */
    public Stream<DynamicTest> results() {
        NestedLab lab = new NestedLab(configuration)
                .limit(limit)
                .commandLine(commandLine)
                .checkExits(false);
        LabRun run = lab.run(image, files.toArray(ImageFile[]::new));
        List<DynamicTest> tests = new ArrayList<>();
        Map<String, Integer> names = new HashMap<>();
        boolean failed = false;
        Matcher line = RESULT.matcher(run.printed());
        while (line.find()) {
            String kind = line.group(1);
            String text = line.group(2).strip();
            boolean xtf = kind.equals("Test result");
            String verdict = xtf ? text : kind;
            String title = xtf ? "Test result" : text;
            int times = names.merge(title, 1, Integer::sum);
            failed |= bad(verdict);
            String whole = line.group().strip();
            tests.add(DynamicTest.dynamicTest(
                    times == 1 ? title : title + " (" + times + ")", () -> judge(verdict, whole)));
        }
        boolean reported = failed;
        boolean none = tests.isEmpty();
        tests.add(DynamicTest.dynamicTest("the run ends", () -> end(run, reported, none)));
        return tests.stream();
    }

    private static boolean bad(String verdict) {
        return switch (verdict) {
            case "PASS", "XFAIL", "SUCCESS", "SKIP" -> false;
            default -> true;
        };
    }

    private static void judge(String verdict, String line) {
        Assumptions.assumeFalse(verdict.equals("SKIP"), line);
        if (bad(verdict)) {
            throw new AssertionError(line);
        }
    }

    /** Results that are bad fail by themselves: then the image's exit code says nothing new. */
    private static void end(LabRun run, boolean reported, boolean none) {
        Outcome outcome = run.outcome();
        boolean ended = outcome.kind() == Outcome.Kind.POWER_OFF
                || outcome.kind() == Outcome.Kind.DEBUG_EXIT && (outcome.code() == 0 || reported);
        if (!ended || none) {
            throw new AssertionError((none ? "no result was reported; " : "") + "the run ended: "
                    + Steps.ending(outcome) + "\n" + run.printed());
        }
    }
}

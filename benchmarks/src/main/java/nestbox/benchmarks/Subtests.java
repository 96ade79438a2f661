package nestbox.benchmarks;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import nestbox.modules.L0Mode;

/**
 * The time of kvm-unit-tests' subtests of nested virtualization under L0 over bare silicon: each runs alone, on both by turns, and
 * its clock starts when the image announces it. Takes the directory in which kvm-unit-tests was built, then globs of subtests'
 * names, {@code --l0 tdp} or {@code shadow}, {@code --seconds N}, the longest run, and {@code --smp N}.
 */
public final class Subtests {
    private static final int ROUNDS = 3;
    /** A short run is repeated so often that the JVM has compiled what it uses. */
    private static final double ENOUGH_SECONDS = 2;

    private static final int MOST_ROUNDS = 9;
    /** Fewer exits than one in so many instructions: bound by what L2 and L1 execute, not by switches. */
    private static final double RARELY = 10_000;

    private static final double BAR_OF_SWITCHES = 12;
    private static final double BAR_OF_CODE = 1.5;

    /** An image with subtests: its source names them. */
    private enum Suite {
        VMX("vmx", "max,+vmx", Pattern.compile("TEST\\((\\w+)\\)|\\{ \"([^\"]+)\"")),
        SVM("svm", "max,+svm", Pattern.compile("TEST\\((\\w+)\\)|\\{ \"([^\"]+)\", \\w+_supported"));

        private final String file;
        private final String model;
        private final Pattern name;

        Suite(String file, String model, Pattern name) {
            this.file = file;
            this.model = model;
            this.name = name;
        }
    }

    private final SubtestArguments asked;
    private int missed;

    private Subtests(SubtestArguments asked) {
        this.asked = asked;
    }

    public static void main(String[] arguments) {
        SubtestArguments asked;
        try {
            asked = SubtestArguments.parse(arguments);
        } catch (IllegalArgumentException e) {
            System.err.println("subtests: " + e.getMessage());
            System.err.println(SubtestArguments.USAGE);
            System.exit(2);
            return;
        }
        new Subtests(asked).run();
    }

    private void run() {
        System.out.printf(
                "%-44s %13s %12s %9s %9s %7s  %s%n",
                "subtest", "instructions", "exits of L0", "bare s", "L0 s", "ratio", "bound by; bar");
        for (Suite suite : Suite.values()) {
            for (String name : names(suite)) {
                compare(suite, name);
            }
        }
        System.out.println(missed + " over their bar");
    }

    private List<String> names(Suite suite) {
        Path image = image(suite);
        Path source = image.resolveSibling(suite.file + "_tests.c");
        if (!Files.exists(image) || !Files.exists(source)) {
            return List.of();
        }
        List<String> found = new ArrayList<>();
        try (var lines = Files.lines(source)) {
            lines.dropWhile(line -> !line.contains("_tests[] = {")).forEach(line -> {
                Matcher matcher = suite.name.matcher(line);
                if (matcher.find()) {
                    String name = matcher.group(1) != null ? matcher.group(1) : matcher.group(2);
                    found.add(name.replace(' ', '_'));
                }
            });
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return found.stream().filter(this::wanted).collect(Collectors.toList());
    }

    private boolean wanted(String name) {
        return asked.globs().isEmpty()
                || asked.globs().stream().anyMatch(glob -> name.matches(glob.replace("*", ".*")));
    }

    private Path image(Suite suite) {
        return asked.directory().resolve("x86").resolve(suite.file + ".flat");
    }

    private void compare(Suite suite, String name) {
        SubtestRun bare = null;
        SubtestRun l0 = null;
        double sum = 0;
        for (int round = 0; round < ROUNDS || sum < ENOUGH_SECONDS && round < MOST_ROUNDS; round++) {
            bare = once(suite, name, L0Mode.NONE, bare);
            l0 = once(suite, name, asked.mode(), l0);
            sum += bare.seconds() + l0.seconds();
            if (!bare.finished() || !l0.finished()) {
                break;
            }
        }
        if (!bare.finished() || !l0.finished()) {
            System.out.printf("%-44s bare %s, L0 %s%n", name, bare, l0);
            return;
        }
        boolean switches = l0.exits() * RARELY > l0.instructions();
        double bar = switches ? BAR_OF_SWITCHES : BAR_OF_CODE;
        double ratio = l0.seconds() / bare.seconds();
        missed += ratio > bar ? 1 : 0;
        System.out.printf(
                Locale.ROOT,
                "%-44s %13d %12d %9.4f %9.4f %7.2f  %s%n",
                name,
                bare.instructions(),
                l0.exits(),
                bare.seconds(),
                l0.seconds(),
                ratio,
                (switches ? "switches; at most 12" : "code; at most 1.5") + (ratio > bar ? ": MISSED" : ""));
    }

    private SubtestRun once(Suite suite, String name, L0Mode where, SubtestRun best) {
        SubtestRun run = SubtestRun.of(image(suite), suite.model, name, where, asked);
        return best == null || !run.finished() || run.seconds() < best.seconds() ? run : best;
    }
}

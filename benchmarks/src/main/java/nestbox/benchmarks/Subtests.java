package nestbox.benchmarks;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import nestbox.modules.L0Mode;

/**
 * The time of kvm-unit-tests' subtests of nested virtualization under L0 over bare silicon, on both by turns: each alone, or all
 * together in one run of their image. A subtest's clock starts when the image announces it. {@link SubtestArguments#USAGE} tells the
 * arguments.
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
            List<String> names = names(suite);
            if (asked.together()) {
                compare(suite, names);
            } else {
                names.forEach(name -> compare(suite, List.of(name)));
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
        boolean leftOut =
                asked.globs().stream().anyMatch(glob -> glob.startsWith("-") && matches(name, glob.substring(1)));
        boolean all = asked.globs().stream().allMatch(glob -> glob.startsWith("-"));
        return !leftOut && (all || asked.globs().stream().anyMatch(glob -> matches(name, glob)));
    }

    private static boolean matches(String name, String glob) {
        return name.matches(glob.replace("*", ".*"));
    }

    private Path image(Suite suite) {
        return asked.directory().resolve("x86").resolve(suite.file + ".flat");
    }

    private void compare(Suite suite, List<String> names) {
        if (names.isEmpty()) {
            return;
        }
        Map<String, SubtestRun> bare = new HashMap<>();
        Map<String, SubtestRun> l0 = new HashMap<>();
        double sum = 0;
        for (int round = 0; round < ROUNDS || sum < ENOUGH_SECONDS && round < MOST_ROUNDS; round++) {
            sum += once(suite, names, L0Mode.NONE, bare);
            sum += once(suite, names, asked.mode(), l0);
            if (cut(bare) || cut(l0)) {
                break;
            }
        }
        names.forEach(name -> print(name, bare.get(name), l0.get(name)));
    }

    private static boolean cut(Map<String, SubtestRun> runs) {
        return runs.values().stream().anyMatch(run -> !run.finished());
    }

    private void print(String name, SubtestRun bare, SubtestRun l0) {
        if (bare == null || l0 == null || !bare.finished() || !l0.finished()) {
            System.out.printf("%-44s bare %s, L0 %s%n", name, ended(bare), ended(l0));
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
                l0.instructions(),
                l0.exits(),
                bare.seconds(),
                l0.seconds(),
                ratio,
                (switches ? "switches; at most 12" : "code; at most 1.5") + (ratio > bar ? ": MISSED" : ""));
    }

    /** What was not announced was skipped, or is behind what was cut. */
    private static String ended(SubtestRun run) {
        return run == null ? "did not run it" : run.toString();
    }

    /** Keeps the quickest run of each; the seconds of this one. */
    private double once(Suite suite, List<String> names, L0Mode where, Map<String, SubtestRun> best) {
        Map<String, SubtestRun> runs = SubtestRun.of(image(suite), suite.model, names, where, asked);
        runs.forEach((name, run) ->
                best.merge(name, run, (old, now) -> !now.finished() || now.seconds() < old.seconds() ? now : old));
        return runs.values().stream().mapToDouble(SubtestRun::seconds).sum();
    }
}

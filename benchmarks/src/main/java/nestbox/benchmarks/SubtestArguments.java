package nestbox.benchmarks;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import nestbox.modules.L0Mode;

/**
 * What {@link Subtests} is asked for.
 *
 * @param directory where kvm-unit-tests was built
 * @param seconds of the processor's time, after which a run is cut
 * @param cpus processors of the machine; with one, L2 is left by nothing but what it does itself
 * @param together all subtests of an image in one run of it, which sets up once
 * @param globs of subtests' names; none: all
 */
record SubtestArguments(Path directory, L0Mode mode, double seconds, int cpus, boolean together, List<String> globs) {
    static final String USAGE =
            "usage: subtests DIRECTORY [--l0 tdp|shadow] [--seconds N] [--smp N] [--together] [GLOB...]\n"
                    + "  DIRECTORY    built checkout of kvm-unit-tests\n"
                    + "  --seconds N  longest run, in seconds of the processor; default: 60\n"
                    + "  --smp N      processors of the machine, 1 to 16; default: 2\n"
                    + "  --together   all subtests of an image in one run of it: quicker, since svm sets up for long\n"
                    + "  GLOB         names of subtests, with * for anything, behind - to leave them out; default: all";
    private static final int MOST_CPUS = 16;

    /** @throws IllegalArgumentException with what is wrong, for the user */
    static SubtestArguments parse(String[] arguments) {
        List<String> words = new ArrayList<>(Arrays.asList(arguments));
        L0Mode mode = mode(option(words, "--l0", "tdp"));
        double seconds = positive("--seconds", option(words, "--seconds", "60"));
        double cpus = positive("--smp", option(words, "--smp", "2"));
        if (cpus > MOST_CPUS || cpus != (int) cpus) {
            throw new IllegalArgumentException("--smp: not a number from 1 to " + MOST_CPUS);
        }
        boolean together = words.remove("--together");
        words.stream().filter(word -> word.startsWith("--")).findFirst().ifPresent(word -> {
            throw new IllegalArgumentException("unknown option: " + word);
        });
        if (words.isEmpty()) {
            throw new IllegalArgumentException("the directory of kvm-unit-tests is missing");
        }
        Path directory = Path.of(words.remove(0));
        if (!Files.isDirectory(directory.resolve("x86"))) {
            throw new IllegalArgumentException("no built kvm-unit-tests in " + directory);
        }
        return new SubtestArguments(directory, mode, seconds, (int) cpus, together, List.copyOf(words));
    }

    private static L0Mode mode(String word) {
        return switch (word.toLowerCase(Locale.ROOT)) {
            case "tdp" -> L0Mode.TDP;
            case "shadow" -> L0Mode.SHADOW;
            default -> throw new IllegalArgumentException("--l0: neither tdp nor shadow: " + word);
        };
    }

    private static double positive(String option, String word) {
        double number;
        try {
            number = Double.parseDouble(word);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(option + ": not a number: " + word, e);
        }
        if (!(number > 0) || Double.isInfinite(number)) {
            throw new IllegalArgumentException(option + ": not a number above 0: " + word);
        }
        return number;
    }

    private static String option(List<String> words, String name, String otherwise) {
        int at = words.indexOf(name);
        if (at < 0) {
            return otherwise;
        }
        words.remove(at);
        if (at == words.size()) {
            throw new IllegalArgumentException(name + ": its value is missing");
        }
        return words.remove(at);
    }
}

package nestbox.testkit.differential;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongConsumer;
import java.util.function.UnaryOperator;
import nestbox.core.NestboxException;
import nestbox.core.Seed;
import nestbox.machine.Machine;
import nestbox.modules.NestboxConfiguration;

/**
 * Many random L1 hypervisors, each with two guests, under many ways to run them, each compared with bare silicon whose model is the one
 * that L0 shows. A step is one generated action of L2 or of L1: an entry, a memory access, an instruction, an edit of a table, a field
 * or an intercept, an invalidation; the entries and exits between a step and the next are no steps.
 *
 * @param vendor whose virtualization L1 uses
 * @param tdp L1 uses EPT or nested paging
 * @param shapes L2's paging modes, taken in turn
 * @param ways each {@code MODE/RETENTION}
 * @param caseSteps steps of one case
 * @param change what is done to the configuration of each way, such as a policy
 */
public record NestedCampaign(
        NestedVendor vendor,
        boolean tdp,
        List<Shape> shapes,
        List<String> ways,
        int caseSteps,
        UnaryOperator<NestboxConfiguration> change) {
    private static final String REFERENCE = "none/keep";

    /** All ways that L1's use of the second stage leaves: without it shadow on shadow, too. */
    public static NestedCampaign of(NestedVendor vendor, boolean tdp) {
        List<String> ways = new ArrayList<>(List.of("none/none", "tdp/keep", "tdp/lru:64"));
        if (!tdp) {
            ways.add("shadow/keep");
            ways.add("shadow/seeded:7");
        }
        return new NestedCampaign(vendor, tdp, List.of(Shape.FOUR_LEVEL), ways, 2000, UnaryOperator.identity());
    }

    public NestedCampaign withWays(List<String> others) {
        return new NestedCampaign(vendor, tdp, shapes, others, caseSteps, change);
    }

    public NestedCampaign withShapes(List<Shape> others) {
        return new NestedCampaign(vendor, tdp, others, ways, caseSteps, change);
    }

    public NestedCampaign withCaseSteps(int count) {
        return new NestedCampaign(vendor, tdp, shapes, ways, count, change);
    }

    public NestedCampaign with(UnaryOperator<NestboxConfiguration> changed) {
        return new NestedCampaign(vendor, tdp, shapes, ways, caseSteps, changed);
    }

    public NestedCampaign {
        if (caseSteps < 1 || caseSteps > NestedLayout.MOST_STEPS - 256) {
            throw new NestboxException("differential", "a case has 1 to " + (NestedLayout.MOST_STEPS - 256) + " steps");
        }
        ways.forEach(NestedSubject::mode);
    }

    /**
     * What ended a campaign.
     *
     * @param seed of the campaign
     * @param number of the case
     * @param before steps without a difference before it
     * @param way who differs
     * @param nested the case, made as small as could be
     * @param first in words, before that
     * @param what in words
     */
    public record Finding(
            long seed, long number, long before, String way, NestedCase nested, String first, String what) {
        @Override
        public String toString() {
            StringBuilder text = new StringBuilder(String.format(
                    "seed %d, case %d, after %d steps: %s, %s, %s: %s (at first: %s)%n",
                    seed, number, before, nested.vendor(), nested.shape(), way, what, first));
            for (int i = 0; i < nested.steps().size(); i++) {
                text.append("  ")
                        .append(i)
                        .append(' ')
                        .append(nested.steps().get(i))
                        .append('\n');
            }
            return text.toString();
        }
    }

    /** Runs cases from the first on until {@code steps} steps have been compared in each way, or a difference is found. */
    public Optional<Finding> run(long seed, long steps, LongConsumer progress) {
        Map<Boolean, NestedImage> images = new HashMap<>();
        long done = 0;
        for (long number = 0; done < steps; number++) {
            Optional<Finding> finding = compare(images, seed, number, done);
            if (finding.isPresent()) {
                return finding;
            }
            done += caseSteps;
            progress.accept(done);
        }
        return Optional.empty();
    }

    /** Compares the case with a number; empty if there is no difference. */
    public Optional<Finding> compare(long seed, long number) {
        return compare(new HashMap<>(), seed, number, 0);
    }

    /** The laboratory in which a way runs the case with a number. */
    public NestboxConfiguration configuration(String way, long number) {
        return change.apply(NestedSubject.of(way, vendor, tdp, number).configuration());
    }

    /** Loads the case with a number into such a laboratory's machine, which is then ready to run it. */
    public void load(Machine machine, long seed, long number) {
        Shape shape = shapes.get((int) (number % shapes.size()));
        NestedImage image = new NestedImage(vendor, shape.wide);
        image.load(machine, generated(image, shape, seed, number));
    }

    private NestedCase generated(NestedImage image, Shape shape, long seed, long number) {
        long caseSeed = new Seed(seed * 0x10001 + number).nextLong();
        return new NestedGenerator(vendor, shape, tdp, image, caseSeed).generate(caseSteps);
    }

    private Optional<Finding> compare(Map<Boolean, NestedImage> images, long seed, long number, long done) {
        Shape shape = shapes.get((int) (number % shapes.size()));
        NestedImage image = images.computeIfAbsent(shape.wide, wide -> new NestedImage(vendor, wide));
        NestedCase nested = generated(image, shape, seed, number);
        Runs runs = new Runs(image, seed, number, done);
        NestedObservation right = runs.run(nested, REFERENCE);
        if (!right.ended()) {
            return Optional.of(runs.minimized(nested, REFERENCE, right.outcome()));
        }
        for (String way : ways) {
            String what = right.difference(runs.run(nested, way), nested);
            if (what != null) {
                return Optional.of(runs.minimized(nested, way, what));
            }
        }
        return Optional.empty();
    }

    /** The runs of one case, and smaller cases that show the same. */
    private final class Runs {
        private final NestedImage image;
        private final long seed;
        private final long number;
        private final long done;

        private Runs(NestedImage image, long seed, long number, long done) {
            this.image = image;
            this.seed = seed;
            this.number = number;
            this.done = done;
        }

        private NestedObservation run(NestedCase nested, String way) {
            return NestedObservation.of(image, nested, new NestedSubject(way, configuration(way, number)));
        }

        /** Steps that were left out may leave an L1 that goes wrong in another way, which is another finding. */
        private static String kind(String what) {
            return what.replaceAll("step \\d+", "")
                    .replaceAll("[0-9a-f]+, not.*", "")
                    .replaceAll("\\b[0-9a-f]{5,}\\b", "")
                    .replaceAll("L2[ab]", "L2")
                    .replaceAll(" [0-9a-f]+, [0-9a-f]+, [0-9a-f]+", "");
        }

        private String differs(NestedCase nested, String way) {
            NestedObservation right = run(nested, REFERENCE);
            if (way.equals(REFERENCE)) {
                return right.ended() ? null : right.outcome();
            }
            // A case that got shorter must still obey: what is cached must make no difference to silicon.
            String what = right.ended() ? right.difference(run(nested, way), nested) : null;
            return what == null
                            || right.difference(run(nested, "none/none"), nested) != null && !way.equals("none/none")
                    ? null
                    : what;
        }

        private Finding minimized(NestedCase nested, String way, String what) {
            Minimizer.Found<NestedStep> found =
                    Minimizer.minimize(new Minimizer.Found<>(nested.steps(), what), steps -> {
                        String still = differs(nested.with(steps), way);
                        return still != null && kind(still).equals(kind(what)) ? still : null;
                    });
            NestedCase small = nested.with(found.steps());
            List<String> words = run(small, REFERENCE).words(run(small, way), 12);
            return new Finding(
                    seed, number, done, way, small, what, found.what() + "\n  " + String.join("\n  ", words));
        }
    }
}

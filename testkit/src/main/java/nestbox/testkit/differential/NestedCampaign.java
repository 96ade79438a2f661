package nestbox.testkit.differential;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.LongConsumer;
import java.util.function.UnaryOperator;
import nestbox.core.NestboxException;
import nestbox.core.Seed;
import nestbox.machine.Machine;
import nestbox.modules.L0Mode;
import nestbox.modules.NestboxConfiguration;

/**
 * Many random L1 hypervisors, each with two guests, under many ways to run them, each compared with bare silicon whose model is the one
 * that L0 shows. A step is one generated action: of an L2 a memory access, an instruction, an edit of its tables, an invalidation; of L1
 * an entry with a state that is wrong or at a boundary, an edit of a field, of an intercept or of the second stage, an invalidation. The
 * steps that are counted are L2's alone, and the entries and exits between a step and the next are no steps.
 *
 * @param vendor whose virtualization L1 uses
 * @param tdp L1 uses EPT or nested paging
 * @param shapes L2's paging modes, taken in turn
 * @param ways each {@code MODE/RETENTION}, behind it {@code +check} for {@code --check tlb}
 * @param caseSteps steps of one case, L1's included
 * @param change what is done to the configuration of each way
 * @param policies of L0, by name
 */
public record NestedCampaign(
        NestedVendor vendor,
        boolean tdp,
        List<Shape> shapes,
        List<String> ways,
        int caseSteps,
        UnaryOperator<NestboxConfiguration> change,
        Map<String, String> policies) {
    /** All ways that L1's use of the second stage leaves: without it shadow on shadow, too. */
    public static NestedCampaign of(NestedVendor vendor, boolean tdp) {
        List<String> ways = new ArrayList<>(List.of("none/none", "tdp/keep", "tdp/lru:64"));
        if (!tdp) {
            ways.add("shadow/keep");
            ways.add("shadow/seeded:7");
        }
        return new NestedCampaign(
                vendor, tdp, List.of(Shape.FOUR_LEVEL), ways, 2000, UnaryOperator.identity(), Map.of());
    }

    public NestedCampaign withWays(List<String> others) {
        return new NestedCampaign(vendor, tdp, shapes, others, caseSteps, change, policies);
    }

    public NestedCampaign withShapes(List<Shape> others) {
        return new NestedCampaign(vendor, tdp, others, ways, caseSteps, change, policies);
    }

    public NestedCampaign withCaseSteps(int count) {
        return new NestedCampaign(vendor, tdp, shapes, ways, count, change, policies);
    }

    public NestedCampaign with(UnaryOperator<NestboxConfiguration> changed) {
        return new NestedCampaign(vendor, tdp, shapes, ways, caseSteps, changed, policies);
    }

    public NestedCampaign withPolicies(Map<String, String> chosen) {
        return new NestedCampaign(vendor, tdp, shapes, ways, caseSteps, change, new TreeMap<>(chosen));
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
     * @param command that runs the case again
     */
    public record Finding(
            long seed,
            long number,
            long before,
            String way,
            NestedCase nested,
            String first,
            String what,
            String command) {
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
            return text.append("again by: ").append(command).toString();
        }
    }

    /** Runs cases from the first on until {@code steps} steps of L2 have been compared in each way, or a difference is found. */
    public Optional<Finding> run(long seed, long steps, LongConsumer progress) {
        Images images = new Images();
        long done = 0;
        for (long number = 0; done < steps; number++) {
            NestedCase nested = nested(images, seed, number, false);
            Optional<Finding> finding = compare(images, nested, seed, number, done);
            if (finding.isPresent()) {
                return finding;
            }
            done += nested.stepsOfGuests();
            progress.accept(done);
        }
        return Optional.empty();
    }

    /** Compares the case with a number; empty if there is no difference. */
    public Optional<Finding> compare(long seed, long number) {
        Images images = new Images();
        return compare(images, nested(images, seed, number, false), seed, number, 0);
    }

    private Optional<Finding> compare(Images images, NestedCase nested, long seed, long number, long done) {
        NestedRuns runs = new NestedRuns(this, images.of(nested.shape()), number);
        NestedObservation right = runs.run(nested, NestedRuns.REFERENCE);
        for (String way : ways) {
            NestedRuns.Wrong wrong = runs.compare(nested, right, way);
            if (wrong != null) {
                return Optional.of(new Finding(
                        seed,
                        number,
                        done,
                        wrong.way(),
                        wrong.nested(),
                        wrong.first(),
                        wrong.what(),
                        command(seed, number, way)));
            }
        }
        return Optional.empty();
    }

    /**
     * Runs L1s that leave out invalidations, as their guests do, in each way, under {@code --check tlb}: each access must be among those
     * that they have permitted.
     *
     * @return what went wrong first, in words
     */
    public Optional<String> runForgetful(long seed, long steps, LongConsumer progress) {
        Images images = new Images();
        long done = 0;
        for (long number = 0; done < steps; number++) {
            NestedCase nested = nested(images, seed, number, true);
            Optional<String> wrong = judge(images, nested, seed, number);
            if (wrong.isPresent()) {
                return wrong;
            }
            done += nested.stepsOfGuests();
            progress.accept(done);
        }
        return Optional.empty();
    }

    /** Runs one L1 that leaves out invalidations; what went wrong in words, or nothing. */
    public Optional<String> judge(long seed, long number) {
        Images images = new Images();
        return judge(images, nested(images, seed, number, true), seed, number);
    }

    private Optional<String> judge(Images images, NestedCase nested, long seed, long number) {
        NestedRuns runs = new NestedRuns(this, images.of(nested.shape()), number);
        for (String way : ways) {
            String outcome = runs.run(nested, way + Subject.CHECK).outcome();
            if (!outcome.startsWith("ended")) {
                return Optional.of("seed " + seed + ", case " + number + ", " + nested.shape() + ", " + way + ": "
                        + outcome + "\nagain by: " + command(seed, number, way) + " --forgetful");
            }
        }
        return Optional.empty();
    }

    /** Code of L1 and L2, assembled once for each word size of L2. */
    private final class Images {
        private final Map<Boolean, NestedImage> images = new HashMap<>();

        NestedImage of(Shape shape) {
            return images.computeIfAbsent(shape.wide, wide -> new NestedImage(vendor, wide));
        }
    }

    private NestedCase nested(Images images, long seed, long number, boolean forgetful) {
        Shape shape = shapes.get((int) (number % shapes.size()));
        long caseSeed = new Seed(seed * 0x10001 + number).nextLong();
        return new NestedGenerator(vendor, shape, tdp, images.of(shape), caseSeed, forgetful).generate(caseSteps);
    }

    /** The laboratory in which a way runs the case with a number. */
    public NestboxConfiguration configuration(String way, long number) {
        return configured(NestedSubject.of(way, vendor, tdp, number).configuration());
    }

    /** Loads the case with a number into such a laboratory's machine, which is then ready to run it. */
    public void load(Machine machine, long seed, long number) {
        Images images = new Images();
        NestedCase nested = nested(images, seed, number, false);
        images.of(nested.shape()).load(machine, nested);
    }

    /** A way's configuration with what this campaign changes; policies are L0's. */
    NestboxConfiguration configured(NestboxConfiguration configuration) {
        NestboxConfiguration.Builder builder = change.apply(configuration).toBuilder();
        if (configuration.l0() != L0Mode.NONE) {
            policies.forEach(builder::policy);
        }
        return builder.build();
    }

    /** The command that runs one case in one way again. */
    private String command(long seed, long number, String way) {
        return "nestbox differential --nested " + (tdp ? "tdp" : "shadow") + " --vendor "
                + vendor.name().toLowerCase(Locale.ROOT)
                + Campaign.arguments(shapes, caseSteps, seed, number, way, policies);
    }
}

package nestbox.cli;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.LongConsumer;
import java.util.stream.Collectors;
import nestbox.core.NestboxException;
import nestbox.core.UnsupportedFeatureException;
import nestbox.modules.L0Mode;
import nestbox.modules.NestboxConfiguration;
import nestbox.testkit.differential.Campaign;
import nestbox.testkit.differential.Differential;
import nestbox.testkit.differential.Differential.Difference;
import nestbox.testkit.differential.NestedCampaign;
import nestbox.testkit.differential.NestedVendor;
import nestbox.testkit.differential.Shape;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code nestbox differential}. */
@Command(
        name = "differential",
        description =
                "Runs random guests under L0's MMUs and every retention policy and compares them with bare silicon.",
        mixinStandardHelpOptions = true)
final class DifferentialCommand implements Callable<Integer> {
    private static final long REPORT_NANOS = 10_000_000_000L;

    @Option(
            names = "--steps",
            paramLabel = "N",
            defaultValue = "100K",
            description = "Steps in each way. Default: ${DEFAULT-VALUE}.")
    private String steps;

    @Option(
            names = "--seed",
            paramLabel = "N",
            description = "Of the campaign. Default: taken from the clock, and printed.")
    private String seed;

    @Option(names = "--case", paramLabel = "N", description = "Run only the case of this number.")
    private Long number;

    @Option(
            names = "--case-steps",
            paramLabel = "N",
            defaultValue = "4K",
            description = "Steps of a case. Default: ${DEFAULT-VALUE}.")
    private String caseSteps;

    @Option(
            names = "--vendor",
            paramLabel = "VENDOR",
            defaultValue = "intel",
            description = {
                "Silicon: intel or amd; intel-keys or amd-keys, with protection keys; or an older model: nehalem, penryn, naples.",
                "Default: ${DEFAULT-VALUE}."
            })
    private String vendor;

    @Option(
            names = "--smp",
            paramLabel = "N",
            defaultValue = "1",
            description = "Processors, 1 or 2. Default: ${DEFAULT-VALUE}.")
    private int processors;

    @Option(
            names = "--ways",
            split = ",",
            paramLabel = "MODE/RETENTION",
            description = "What is compared with none/keep, such as tdp/keep,shadow/lru:64. Default: all of them.")
    private List<String> ways;

    @Option(
            names = "--shapes",
            split = ",",
            paramLabel = "SHAPE",
            description = "Paging modes: two-level, pae, four-level, five-level. Default: all of them.")
    private List<String> shapes;

    @Option(
            names = "--forgetful",
            description = "Guests leave out invalidations, and each access must be one that they permit (--check tlb).")
    private boolean forgetful;

    @Option(names = "--policy", paramLabel = "NAME=VALUE", description = "One policy of L0; may be repeated.")
    private Map<String, String> policies = Map.of();

    @Option(
            names = "--yield",
            paramLabel = "POINT=INSTRUCTIONS[@N]",
            description = "With --smp 2: turns of the other processor within L0's work, or seeded:S; may be repeated.")
    private List<String> yields = List.of();

    @Option(
            names = "--nested",
            paramLabel = "STAGE",
            description =
                    "Random L1 hypervisors with two L2 guests each instead; L1 uses tdp (EPT or nested paging) or shadow.")
    private String nested;

    @Override
    public Integer call() {
        if (nested != null) {
            return nested();
        }
        if (processors < 1 || processors > 2) {
            throw new NestboxException("--smp", processors + " is neither 1 nor 2");
        }
        if (number != null && number < 0) {
            throw new NestboxException("--case", number + " is negative");
        }
        Campaign campaign = Campaign.of(constant("--vendor", Campaign.Platform.class, vendor), processors)
                .withCaseSteps((int) Math.min(Integer.MAX_VALUE, Quantity.count("--case-steps", caseSteps)));
        campaign = campaign.withPolicies(policies);
        if (!yields.isEmpty()) {
            campaign = campaign.with(this::yielding);
        }
        if (ways != null) {
            campaign = campaign.withWays(ways);
        }
        if (shapes != null) {
            campaign = campaign.withShapes(shapes.stream()
                    .map(name -> constant("--shapes", Shape.class, name))
                    .toList());
        }
        long chosen = chosenSeed();
        System.out.println("seed " + chosen + ": " + String.join(", ", campaign.ways()));
        if (number != null) {
            Optional<String> wrong = forgetful
                    ? campaign.judge(new Differential(), chosen, number)
                    : campaign.compare(new Differential(), chosen, number).map(Difference::toString);
            System.out.println(wrong.orElse("no difference"));
            return wrong.isPresent() ? ExitCode.CHECK_FAILED.code : 0;
        }
        long wanted = Quantity.count("--steps", steps);
        LongConsumer progress = progress(wanted);
        Optional<String> finding = forgetful
                ? campaign.runForgetful(chosen, wanted, progress)
                : campaign.run(chosen, wanted, progress).map(Object::toString);
        String again = yields.stream().map(text -> " --yield " + text).collect(Collectors.joining());
        System.out.println(
                finding.map(text -> text + again).orElse("no difference in " + wanted + " steps of each way"));
        return finding.isPresent() ? ExitCode.CHECK_FAILED.code : 0;
    }

    private long chosenSeed() {
        return seed == null ? System.nanoTime() & 0xffffffffL : Quantity.any("--seed", seed);
    }

    private static LongConsumer progress(long wanted) {
        long[] reported = {System.nanoTime()};
        return done -> {
            if (System.nanoTime() - reported[0] > REPORT_NANOS) {
                reported[0] = System.nanoTime();
                System.out.printf(Locale.ROOT, "%,d of %,d steps%n", done, wanted);
            }
        };
    }

    private int nested() {
        boolean tdp = nested.equals("tdp");
        if (!tdp && !nested.equals("shadow")) {
            throw new NestboxException("--nested", "'" + nested + "' is neither tdp nor shadow");
        }
        if (processors != 1 || !yields.isEmpty()) {
            throw new UnsupportedFeatureException(
                    "--nested with --smp or --yield",
                    "L1 and its guests share one list of steps in one processor's order, and no other has turns");
        }
        NestedCampaign campaign = NestedCampaign.of(constant("--vendor", NestedVendor.class, vendor), tdp)
                .withPolicies(policies);
        if (ways != null) {
            campaign = campaign.withWays(ways);
        }
        if (shapes != null) {
            campaign = campaign.withShapes(shapes.stream()
                    .map(name -> constant("--shapes", Shape.class, name))
                    .toList());
        }
        campaign = campaign.withCaseSteps((int) Math.min(Integer.MAX_VALUE, Quantity.count("--case-steps", caseSteps)));
        long chosen = chosenSeed();
        System.out.println("seed " + chosen + ": " + String.join(", ", campaign.ways()));
        long wanted = Quantity.count("--steps", steps);
        Optional<String> finding = forgetful
                ? number != null
                        ? campaign.judge(chosen, number)
                        : campaign.runForgetful(chosen, wanted, progress(wanted))
                : (number != null ? campaign.compare(chosen, number) : campaign.run(chosen, wanted, progress(wanted)))
                        .map(Object::toString);
        System.out.println(
                finding.orElse("no difference" + (number != null ? "" : " in " + wanted + " steps of L2 in each way")));
        return finding.isPresent() ? ExitCode.CHECK_FAILED.code : 0;
    }

    private NestboxConfiguration yielding(NestboxConfiguration configuration) {
        NestboxConfiguration.Builder builder = configuration.toBuilder();
        if (configuration.l0() != L0Mode.NONE) {
            yields.forEach(builder::yieldAt);
        }
        return builder.build();
    }

    private static <E extends Enum<E>> E constant(String option, Class<E> type, String text) {
        try {
            return Enum.valueOf(type, text.toUpperCase(Locale.ROOT).replace('-', '_'));
        } catch (IllegalArgumentException e) {
            throw new NestboxException(option, "'" + text + "' is none of " + List.of(type.getEnumConstants()), e);
        }
    }
}

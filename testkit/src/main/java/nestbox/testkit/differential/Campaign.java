package nestbox.testkit.differential;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.LongConsumer;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import nestbox.core.NestboxException;
import nestbox.core.Seed;
import nestbox.modules.L0Mode;
import nestbox.modules.NestboxConfiguration;
import nestbox.testkit.differential.Differential.Difference;
import nestbox.x86.model.CpuModel;

/**
 * Many random cases under many ways to run them, each compared with bare silicon that keeps every translation.
 *
 * @param platform silicon and the model that the guest sees
 * @param shapes paging modes, taken in turn
 * @param cpus processors of the guest
 * @param ways each {@code MODE/RETENTION}: {@code tdp/keep}, {@code shadow/lru:64}, {@code none/seeded:7}, behind it {@code +userspace} for
 *     changes of L0's memory slots meanwhile, and {@code +check} for {@code --check tlb}
 * @param caseSteps steps of one case
 * @param change what is done to the configuration of each way
 * @param policies of L0, by name
 */
public record Campaign(
        Platform platform,
        List<Shape> shapes,
        int cpus,
        List<String> ways,
        int caseSteps,
        UnaryOperator<NestboxConfiguration> change,
        Map<String, String> policies) {
    /** Silicon of a vendor, and its guest's model: what both show alike under every way. */
    public enum Platform {
        /** LAM and protection keys are left out: L0 hides them under shadow paging, and LAM has no intercept. */
        INTEL("max,+vmx,-lam,-pku,-pks", "max,-vmx,-lam,-pku,-pks", true, Set.of("tdp", "shadow")),
        AMD("EPYC-Milan,+svm,-pku", "EPYC-Milan,-svm,-pku", false, Set.of("tdp", "shadow")),
        /** With protection keys. */
        INTEL_KEYS("max,+vmx,-lam,-pks", "max,-vmx,-lam,-pks", true, Set.of("tdp")),
        AMD_KEYS("EPYC-Milan,+svm", "EPYC-Milan,-svm", false, Set.of("tdp")),
        /** Without PCIDs, INVPCID, SMEP, SMAP, pages of 1 GiB and unrestricted guests. */
        NEHALEM("Nehalem,+vmx", "Nehalem,-vmx", false, Set.of("tdp", "shadow")),
        /** Without EPT, too. */
        PENRYN("Penryn,+vmx", "Penryn,-vmx", false, Set.of("shadow")),
        /** Without PCIDs and INVPCID. */
        NAPLES("EPYC,+svm", "EPYC,-svm", false, Set.of("tdp", "shadow"));

        private final String silicon;
        private final String guest;
        private final boolean fiveLevels;
        /** L0's MMUs that can give the guest all of its model. */
        private final Set<String> mmus;

        Platform(String silicon, String guest, boolean fiveLevels, Set<String> mmus) {
            this.silicon = silicon;
            this.guest = guest;
            this.fiveLevels = fiveLevels;
            this.mmus = mmus;
        }
    }

    /** Every shape of the platform and every kind of retention. */
    public static Campaign of(Platform platform, int cpus) {
        List<String> ways = new ArrayList<>();
        for (String mode : List.of("none", "tdp", "shadow")) {
            for (String retention : List.of("keep", "none", "lru:4", "lru:64", "seeded:7")) {
                boolean reference = mode.equals("none") && retention.equals("keep");
                if (!reference && (mode.equals("none") || platform.mmus.contains(mode))) {
                    ways.add(mode + "/" + retention);
                }
            }
        }
        List<Shape> shapes = new ArrayList<>(List.of(Shape.values()));
        if (!platform.fiveLevels) {
            shapes.remove(Shape.FIVE_LEVEL);
        }
        return new Campaign(platform, List.copyOf(shapes), cpus, ways, 4000, UnaryOperator.identity(), Map.of());
    }

    public Campaign withWays(List<String> others) {
        return new Campaign(platform, shapes, cpus, others, caseSteps, change, policies);
    }

    public Campaign withShapes(List<Shape> others) {
        return new Campaign(platform, others, cpus, ways, caseSteps, change, policies);
    }

    public Campaign with(UnaryOperator<NestboxConfiguration> changed) {
        return new Campaign(platform, shapes, cpus, ways, caseSteps, changed, policies);
    }

    public Campaign withCaseSteps(int count) {
        return new Campaign(platform, shapes, cpus, ways, count, change, policies);
    }

    public Campaign withPolicies(Map<String, String> chosen) {
        return new Campaign(platform, shapes, cpus, ways, caseSteps, change, new TreeMap<>(chosen));
    }

    public Campaign {
        if (caseSteps < 1 || caseSteps > Layout.MOST_STEPS - 256) {
            throw new NestboxException("differential", "a case has 1 to " + (Layout.MOST_STEPS - 256) + " steps");
        }
        for (String way : ways) {
            boolean runs = false;
            for (Shape shape : shapes) {
                runs |= !hidden(shape, L0Mode.named("differential", parts(way)[0]));
            }
            if (!runs) {
                throw new NestboxException("differential", way + " has no five-level paging");
            }
        }
    }

    private static String[] parts(String way) {
        String[] parts = way.split("/", 2);
        if (parts.length != 2) {
            throw new NestboxException("differential", "'" + way + "' is not MODE/RETENTION");
        }
        L0Mode.named("differential", parts[0]);
        return parts;
    }

    /** The case with a number, the same for the same seed. */
    public Case guest(long seed, long number) {
        Shape shape = shapes.get((int) (number % shapes.size()));
        return guest(shape, seed, number, false);
    }

    /** As {@link #guest}, of a guest that leaves out invalidations. */
    Case forgetful(long seed, long number) {
        return guest(shapes.get((int) (number % shapes.size())), seed, number, true);
    }

    /**
     * Runs guests that leave out invalidations in each way, under {@code --check tlb}: each access must be among those that the guest
     * has permitted.
     *
     * @return what went wrong first, in words
     */
    public Optional<String> runForgetful(long seed, long steps, LongConsumer progress) {
        Differential runs = new Differential();
        for (long number = 0, done = 0; done < steps; number++) {
            Optional<String> wrong = judge(runs, seed, number);
            if (wrong.isPresent()) {
                return wrong;
            }
            done += caseSteps;
            progress.accept(done);
        }
        return Optional.empty();
    }

    /** Runs one guest that leaves out invalidations; what went wrong in words, or nothing. */
    public Optional<String> judge(Differential runs, long seed, long number) {
        Case guest = forgetful(seed, number);
        for (Subject subject : subjects(guest.shape(), number)) {
            String outcome = runs.run(guest, subject.checked()).outcome();
            if (!outcome.startsWith("ended")) {
                return Optional.of("seed " + seed + ", case " + number + ", " + guest.shape() + ", " + subject.name()
                        + ": " + outcome + "\nagain by: " + command(seed, number, subject.name()) + " --forgetful");
            }
        }
        return Optional.empty();
    }

    private Case guest(Shape shape, long seed, long number, boolean forgetful) {
        Traits traits = Traits.of(CpuModel.parse(model(shape)));
        return new Generator(shape, caseSeed(seed, number), cpus, traits, forgetful, true).generate(caseSteps);
    }

    private static long caseSeed(long seed, long number) {
        return new Seed(seed * 0x10001 + number).nextLong();
    }

    /** The guest's model; L0 hides LA57 under shadow paging. */
    String model(Shape shape) {
        return platform.guest + (platform.fiveLevels && shape != Shape.FIVE_LEVEL ? ",-la57" : "");
    }

    private Subject subject(Shape shape, L0Mode mode, String retention, long seed) {
        return Subject.of(mode, retention, platform.silicon, model(shape), cpus, seed);
    }

    /** Compares one case; empty if there is no difference. */
    public Optional<Difference> compare(Differential runs, long seed, long number) {
        Case guest = guest(seed, number);
        return compare(runs, guest, subjects(guest.shape(), number));
    }

    private Optional<Difference> compare(Differential runs, Case guest, List<Subject> others) {
        return others.isEmpty()
                ? Optional.empty()
                : runs.compare(guest, subject(guest.shape(), L0Mode.NONE, "keep", 0), others);
    }

    private NestboxConfiguration changed(NestboxConfiguration configuration) {
        NestboxConfiguration.Builder builder = change.apply(configuration).toBuilder();
        policies.forEach(builder::policy);
        return builder.build();
    }

    /** The command that runs one case in one way again. */
    String command(long seed, long number, String way) {
        String vendor = platform.name().toLowerCase(Locale.ROOT).replace('_', '-');
        return "nestbox differential --vendor " + vendor + " --smp " + cpus
                + arguments(shapes, caseSteps, seed, number, way, policies);
    }

    /** What every kind of campaign is told to run one case in one way again. */
    static String arguments(
            List<Shape> shapes, int caseSteps, long seed, long number, String way, Map<String, String> policies) {
        StringBuilder text = new StringBuilder(" --shapes ");
        text.append(shapes.stream()
                .map(shape -> shape.name().toLowerCase(Locale.ROOT).replace('_', '-'))
                .collect(Collectors.joining(",")));
        text.append(" --case-steps ").append(caseSteps).append(" --seed ").append(seed);
        text.append(" --case ").append(number).append(" --ways ").append(way);
        policies.forEach((name, value) ->
                text.append(" --policy ").append(name).append('=').append(value));
        return text.toString();
    }

    /** L0 hides LA57 under shadow paging. */
    private static boolean hidden(Shape shape, L0Mode mode) {
        return shape == Shape.FIVE_LEVEL && mode != L0Mode.NONE && !mode.tdp();
    }

    List<Subject> subjects(Shape shape, long number) {
        List<Subject> subjects = new ArrayList<>();
        for (String way : ways) {
            String[] parts = parts(way);
            L0Mode mode = L0Mode.named("differential", parts[0]);
            if (!hidden(shape, mode)) {
                String retention = parts[1].replaceAll("\\+.*", "");
                Subject subject = subject(shape, mode, retention, number);
                Subject changed = new Subject(subject.name(), changed(subject.configuration()), false, false);
                changed = parts[1].contains(Subject.USERSPACE) ? changed.withUserspace() : changed;
                subjects.add(parts[1].endsWith(Subject.CHECK) ? changed.checked() : changed);
            }
        }
        return subjects;
    }

    /**
     * Runs cases from the first on until each way has been compared in {@code steps} steps at least, or a difference is found. A step
     * counts for a way if that way has run it and all that it shows was compared: one generated action of the guest, whose result
     * goes into the log, and the memory and the registers that the case ends with.
     *
     * @param progress told after each case of the steps of the way that has fewest
     */
    public Optional<Finding> run(long seed, long steps, LongConsumer progress) {
        Differential runs = new Differential();
        Map<String, Long> done = new HashMap<>();
        ways.forEach(way -> done.put(way, 0L));
        for (long number = 0; least(done) < steps; number++) {
            Case guest = guest(seed, number);
            List<Subject> due = subjects(guest.shape(), number).stream()
                    .filter(subject -> done.get(subject.name()) < steps)
                    .toList();
            Optional<Difference> difference = compare(runs, guest, due);
            if (difference.isPresent()) {
                String command =
                        command(seed, number, difference.get().subject().name());
                return Optional.of(new Finding(seed, number, least(done), difference.get(), command));
            }
            due.forEach(
                    subject -> done.merge(subject.name(), (long) guest.steps().size(), Long::sum));
            progress.accept(least(done));
        }
        return Optional.empty();
    }

    private static long least(Map<String, Long> done) {
        return done.values().stream().mapToLong(count -> count).min().orElse(Long.MAX_VALUE);
    }

    /**
     * What ended a campaign.
     *
     * @param seed of the campaign
     * @param number of the case
     * @param before steps without a difference before it
     * @param difference with minimized steps
     * @param command that runs the case again
     */
    public record Finding(long seed, long number, long before, Difference difference, String command) {
        @Override
        public String toString() {
            return "seed " + seed + ", case " + number + ", after " + before + " steps: " + difference + "again by: "
                    + command;
        }
    }
}

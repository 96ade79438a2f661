package nestbox.fuzz;

import nestbox.core.EventQueue;
import nestbox.core.Seed;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.trace.HashSink;
import nestbox.machine.EndOfRunException;
import nestbox.machine.Machine;
import nestbox.machine.MachineConfig.Engine;
import nestbox.machine.Outcome;
import nestbox.modules.Nestbox;
import nestbox.modules.NestboxConfiguration;
import nestbox.testkit.differential.NestedCampaign;

/** One random guest by its number: what it is, and its run. The same number gives the same run. */
final class RandomRun {
    /** Kinds of guests. */
    enum Kind {
        CODE,
        DEVICES,
        HYPERVISOR,
        DEMO,
        DIFFERENTIAL;

        private static Kind draw(Way way, Seed random) {
            Kind kind = values()[random.nextInt(way.newest() ? 5 : 2)];
            return kind == DEMO && !way.intel() ? HYPERVISOR : kind;
        }
    }

    /** Most instructions of a run, and a hundredth of its virtual time. */
    private static final long LIMIT = 20_000;
    /** A differential guest is larger and slower. */
    private static final long LONG = 8 * LIMIT;

    final Kind kind;
    /** Loaded with the guest; a run that is saved and restored goes on in another one. */
    final Nestbox lab;

    private final NestboxConfiguration configuration;
    private final Seed random;

    RandomRun(Way way, long number) {
        random = new Seed(new Seed(way.ordinal() * 1_000_003L + number).nextLong());
        kind = Kind.draw(way, random);
        boolean tdp = way.nestsTdp() && random.nextInt(3) != 0;
        NestedCampaign campaign = MutatedImage.campaign(way.intel(), tdp);
        configuration = switch (kind) {
            case DIFFERENTIAL -> campaign.configuration(way.l0.text() + "/keep", number);
            case DEMO ->
                way.configuration(1, number, engine()).toBuilder()
                        .memoryBytes(64 << 20)
                        .build();
            default -> way.configuration(random.nextInt(4) == 0 ? 2 : 1, number, engine());
        };
        lab = Nestbox.create(configuration);
        Machine machine = lab.machine();
        machine.events().schedule(Deadline.register(machine), 0, 100 * LIMIT, 0);
        if (random.nextInt(4) == 0) {
            machine.trace().addSink(new HashSink());
        }
        switch (kind) {
            case DIFFERENTIAL -> new MutatedImage(random).differential(machine, campaign, number);
            case DEMO -> new MutatedImage(random).demo(machine);
            case HYPERVISOR -> new RandomHypervisor(random, way.intel(), tdp).load(machine, RandomHypervisor.MOST);
            default -> RandomGuest.random(random, kind == Kind.DEVICES).load(machine, RandomGuest.MOST);
        }
    }

    private Engine engine() {
        return random.nextInt(6) == 0 ? Engine.REFERENCE : Engine.BLOCK;
    }

    /** To the end, sometimes saved in the middle, to go on in a machine that was restored. */
    Outcome run() {
        long limit = kind == Kind.DIFFERENTIAL ? LONG : LIMIT;
        if (random.nextInt(8) != 0) {
            return lab.run(limit);
        }
        Outcome first = lab.run(1 + random.nextInt((int) limit / 8));
        if (!first.detail().startsWith("limit")) {
            return first;
        }
        Nestbox other = restored(saved());
        if (!other.machine().digest().equals(lab.machine().digest())) {
            throw new AssertionError("the restored state is another one");
        }
        Outcome outcome = other.run(limit);
        boolean boots = outcome.detail().contains("saved state");
        // L0's processors forget what they had cached, which guests that do not invalidate can see.
        boolean comparable = lab.hypervisor().isEmpty() && !boots;
        if (comparable && !lab.run(limit).equals(outcome)) {
            throw new AssertionError("the restored machine ends otherwise: " + outcome);
        }
        return outcome;
    }

    byte[] saved() {
        StateWriter out = new StateWriter();
        lab.machine().save(out);
        return out.toByteArray();
    }

    Nestbox restored(byte[] state) {
        Nestbox other = Nestbox.create(configuration);
        Deadline.register(other.machine());
        other.machine().restore(new StateReader(state));
        return other;
    }

    /** A state that was damaged may have lost its deadline. */
    void limit(Nestbox restored) {
        Machine machine = restored.machine();
        machine.events().schedule(Deadline.register(machine), 0, machine.now() + 100 * LIMIT, 0);
    }

    /** Ends a run in which all processors wait. */
    private static final class Deadline implements EventQueue.Target {
        static int register(Machine machine) {
            return machine.events().register(new Deadline());
        }

        @Override
        public void onEvent(int event, long argument, long due) {
            throw new EndOfRunException(new Outcome(Outcome.Kind.LIMIT, 0, "deadline"));
        }
    }
}

package nestbox.l0;

import java.util.EnumMap;
import java.util.Map;
import java.util.function.Consumer;
import nestbox.core.Seed;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.UnsupportedFeatureException;
import nestbox.machine.Interludes;
import nestbox.mmu.core.YieldPoint;
import nestbox.mmu.core.YieldPoints;

/** Lets other vCPUs, and tests' callbacks, run at L0's yield points. A point that is reached meanwhile is none. */
final class Yields implements YieldPoints {
    /** A seeded schedule lets another vCPU run at one point of so many, for at most so many instructions. */
    private static final int ONE_OF = 4;

    private static final int LONGEST = 256;

    private final Hypervisor hypervisor;
    private final Interludes interludes;
    private final YieldPlan plan;
    private final Seed seed;
    private final long[] reached = new long[YieldPoint.values().length];
    private final Map<YieldPoint, Consumer<YieldMoment>> callbacks = new EnumMap<>(YieldPoint.class);
    private boolean inside;
    /** A run ended in the middle of an interlude, and with it what another vCPU's L0 was about. */
    private boolean abandoned;

    Yields(Hypervisor hypervisor, Interludes interludes, YieldPlan plan) {
        this.hypervisor = hypervisor;
        this.interludes = interludes;
        this.plan = plan;
        seed = new Seed(plan.seed().orElse(0));
    }

    void callback(YieldPoint point, Consumer<YieldMoment> callback) {
        callbacks.merge(point, callback, Consumer::andThen);
    }

    @Override
    public void at(YieldPoint point) {
        int running = interludes.running();
        if (inside || running < 0) {
            return;
        }
        inside = true;
        boolean completed = false;
        try {
            Consumer<YieldMoment> callback = callbacks.get(point);
            if (callback != null) {
                callback.accept(new YieldMoment(this, point, hypervisor.vcpu(running)));
            }
            follow(point, running);
            completed = true;
        } finally {
            inside = false;
            abandoned |= !completed;
        }
    }

    private void follow(YieldPoint point, int running) {
        int cpus = hypervisor.cpus();
        if (cpus < 2) {
            return;
        }
        long time = ++reached[point.ordinal()];
        for (YieldPlan.Rule rule : plan.rules()) {
            if (rule.point() == point && (rule.time() == 0 || rule.time() == time)) {
                run(point, (running + 1) % cpus, rule.instructions());
            }
        }
        if (plan.seed().isPresent() && seed.nextInt(ONE_OF) == 0) {
            int other = (running + 1 + seed.nextInt(cpus - 1)) % cpus;
            run(point, other, 1 + seed.nextInt(LONGEST));
        }
    }

    long run(YieldPoint point, int other, long instructions) {
        Vcpu vcpu = hypervisor.vcpu(other);
        long ran;
        vcpu.borrowedTurn().begin(point.lock());
        try {
            ran = interludes.run(other, instructions);
        } finally {
            vcpu.borrowedTurn().end();
        }
        if (ran > 0) {
            hypervisor.counters().yields++;
            hypervisor.counters().yieldTicks += ran;
            L0Trace.yield(vcpu, point, ran);
        }
        return ran;
    }

    /** @throws UnsupportedFeatureException if what a vCPU was about in L0 has been lost */
    void refuseIfAbandoned() {
        if (abandoned) {
            throw new UnsupportedFeatureException(
                    "yield points", "going on behind a run that ended while a processor was in the middle of L0");
        }
    }

    void save(StateWriter out) {
        refuseIfAbandoned();
        if (!plan.isEmpty()) {
            out.section("yields").writeLongs(reached);
            seed.save(out);
        }
    }

    void restore(StateReader in) {
        abandoned = false;
        if (!plan.isEmpty()) {
            in.section("yields");
            in.readLongs(reached);
            seed.restore(in);
        }
    }
}

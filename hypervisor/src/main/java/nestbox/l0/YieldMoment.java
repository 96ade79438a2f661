package nestbox.l0;

import nestbox.mmu.core.YieldPoint;

/** L0 has come to a yield point: what a callback there can see and do. */
public final class YieldMoment {
    private final Yields yields;
    private final YieldPoint point;
    private final Vcpu vcpu;

    YieldMoment(Yields yields, YieldPoint point, Vcpu vcpu) {
        this.yields = yields;
        this.point = point;
        this.vcpu = vcpu;
    }

    public YieldPoint point() {
        return point;
    }

    /** The vCPU for which L0 works. */
    public Vcpu vcpu() {
        return vcpu;
    }

    /**
     * Lets another vCPU run, as far as it can while this one holds the point's lock.
     *
     * @return instructions that it ran
     */
    public long run(int other, long instructions) {
        return yields.run(point, other, instructions);
    }
}

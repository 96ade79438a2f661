package nestbox.mmu.core;

/** Runs something at a {@link YieldPoint}: another vCPU, or a test's callback. */
@FunctionalInterface
public interface YieldPoints {
    void at(YieldPoint point);
}

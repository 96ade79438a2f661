package nestbox.x86.system;

import nestbox.x86.Cpu;
import nestbox.x86.engine.ReferenceEngine;

/** What happens between two instructions when something is pending (SDM Vol. 3, "Priority Among Concurrent Events"). */
public final class Boundary {
    private Boundary() {}

    /**
     * Delivers the pending event of the highest priority, or executes one instruction in a mode that needs single steps.
     *
     * @return false if the processor cannot go on by itself
     */
    public static boolean service(Cpu cpu, ReferenceEngine reference) {
        throw new UnsupportedOperationException();
    }
}

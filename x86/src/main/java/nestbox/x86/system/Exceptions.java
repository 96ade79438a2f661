package nestbox.x86.system;

import nestbox.x86.Cpu;

/** Delivery of exceptions and interrupts through the IVT or IDT (SDM Vol. 3, "Interrupt and Exception Handling"). */
public final class Exceptions {
    private Exceptions() {}

    /** Delivers {@code cpu.fault}, with double and triple faults as the manual has them. RIP is at the faulting instruction. */
    public static void deliverFault(Cpu cpu) {
        throw new UnsupportedOperationException();
    }
}

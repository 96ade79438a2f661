package nestbox.x86;

import java.util.function.Consumer;

/** The board around a processor: ports, time, and lines that are neither memory nor interrupts. */
public interface Platform {
    /** Reads an I/O port, 1, 2 or 4 bytes; an absent device reads as ones. */
    long portIn(int port, int bytes);

    void portOut(int port, int bytes, long value);

    /** Virtual time, exact at the running instruction. */
    long now();

    /** How long a PAUSE takes, in ticks; at least 1. */
    default int pauseTicks() {
        return 1;
    }

    /**
     * How many ticks may pass, from the beginning of the running instruction on, before the board wants something: until its next
     * event, and not so long that other processors fall behind.
     */
    default long idleTicks() {
        return 0;
    }

    /** The processor shut down (triple fault). */
    void shutdown(Cpu cpu);

    /**
     * Sets {@link Cpu#PENDING_EXTENSION} on a processor when virtual time reaches {@code tick}, in place of what was asked for
     * before; {@link Long#MAX_VALUE} cancels.
     */
    default void wakeExtension(Cpu cpu, long tick) {
        throw new UnsupportedOperationException("no timer on this platform");
    }

    /** Does something for every processor of the machine, in the order of their numbers, at a point between instructions. */
    default void forEachProcessor(Cpu self, Consumer<Cpu> action) {
        action.accept(self);
    }

    /**
     * Calls {@link nestbox.x86.system.PerformanceCounters#expired} of a processor when virtual time reaches {@code tick}, in place
     * of what was asked for before; {@link Long#MAX_VALUE} cancels.
     */
    default void wakeCounters(Cpu cpu, long tick) {
        throw new UnsupportedOperationException("no timer on this platform");
    }

    /**
     * An SMI is taken. Firmware of the machine's own serves it at once, invisibly to what it interrupts; otherwise the processor
     * enters SMM.
     *
     * @return whether the firmware has served it
     */
    default boolean systemManagement(Cpu cpu) {
        return false;
    }

    /**
     * An x87 exception is pending while CR0.NE is 0: the processor asserts FERR# (IRQ 13 of a PC).
     *
     * @return whether IGNNE# is asserted, so that the processor goes on instead of waiting for the interrupt
     */
    default boolean coprocessorError(Cpu cpu) {
        return false;
    }
}

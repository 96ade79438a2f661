package nestbox.machine.device;

import nestbox.core.Clock;

/** An oscillator of a whole number of hertz that counts from tick 0: exact conversion between its cycles and ticks. */
final class Frequency {
    private final long hertz;

    Frequency(long hertz) {
        this.hertz = hertz;
    }

    /** Cycles completed at {@code tick}. */
    long cycles(long tick) {
        return tick / Clock.HZ * hertz + tick % Clock.HZ * hertz / Clock.HZ;
    }

    /** The first tick at which {@code cycles} cycles are completed. */
    long tick(long cycles) {
        return cycles / hertz * Clock.HZ + (cycles % hertz * Clock.HZ + hertz - 1) / hertz;
    }
}

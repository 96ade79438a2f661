package nestbox.machine;

/**
 * Turns of other processors in the middle of one's turn. What stands below the processors asks for them, at places where on a real
 * machine another processor could have run meanwhile.
 */
public interface Interludes {
    /** The processor whose turn it is, -1 between turns. */
    int running();

    /**
     * Lets another processor than the one that runs run now; neither goes past the next event of the machine.
     *
     * @return ticks that it ran: 0 if it is idle, or {@code ticks} and an instruction's rest at most
     */
    long run(int processor, long ticks);
}

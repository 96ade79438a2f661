package nestbox.x86.mem;

import nestbox.x86.Cpu;

/**
 * The worlds whose paging state and fast translations the processor keeps: the host's, and those of the two guest spaces that
 * were entered last, so that a hypervisor and its guest, both guests of this processor, do not drive each other's out.
 */
final class Worlds {
    /** One space of translations. */
    static final class World {
        final PagingState state;
        /** Its bank of {@link Memory}'s fast translations. */
        final int bank;
        /** What the bank was filled under. */
        long space;

        int pcid;

        private World(Cpu cpu, int bank) {
            state = new PagingState(cpu);
            this.bank = bank;
        }
    }

    private final World host;
    private World latest;
    private World former;

    Worlds(Cpu cpu) {
        host = new World(cpu, 0);
        latest = new World(cpu, Memory.GUEST_BANK);
        former = new World(cpu, 2 * Memory.GUEST_BANK);
    }

    World host() {
        return host;
    }

    /** The world that keeps a space, or is to keep it from now on: then {@link World#space} is another's still. */
    World of(long space) {
        if (space == 0) {
            return host;
        }
        if (latest.space != space) {
            World other = former;
            former = latest;
            latest = other;
        }
        return latest;
    }
}

package nestbox.l0;

import nestbox.core.NestboxException;
import nestbox.x86.Cpu;
import nestbox.x86.Platform;

/** The board around the host's processors: it has no ports that guests may reach, and the virtual time of the whole stack. */
final class HostPlatform implements Platform {
    private final Platform machine;

    /** @param machine the board whose time it is */
    HostPlatform(Platform machine) {
        this.machine = machine;
    }

    @Override
    public long portIn(int port, int bytes) {
        return bytes == 8 ? -1 : (1L << 8 * bytes) - 1;
    }

    @Override
    public void portOut(int port, int bytes, long value) {}

    @Override
    public long now() {
        return machine.now();
    }

    @Override
    public int pauseTicks() {
        return machine.pauseTicks();
    }

    @Override
    public long idleTicks() {
        return machine.idleTicks();
    }

    @Override
    public void wakeExtension(Cpu cpu, long tick) {
        if (tick != Long.MAX_VALUE) {
            throw new NestboxException("hypervisor", "the host's board has no timer for virtualization extensions");
        }
    }

    /** A VMX abort, or a fault of L0 itself. */
    @Override
    public void shutdown(Cpu cpu) {
        throw new NestboxException("hypervisor", "host processor " + cpu.id + " shut down");
    }
}

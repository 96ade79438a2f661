package nestbox.machine.device;

import nestbox.machine.bus.Bus;
import nestbox.machine.bus.PortHandler;

/** QEMU's isa-debug-exit: a write ends the run with the written value. It has no state. */
public final class DebugExit implements PortHandler {
    public static final int PORT = 0xf4;
    private static final int PORTS = 4;

    /** Told of the value written. */
    @FunctionalInterface
    public interface Listener {
        void exit(long value);
    }

    private final Listener listener;

    public DebugExit(Listener listener) {
        this.listener = listener;
    }

    public void attach(Bus bus) {
        bus.mapPorts(PORT, PORTS, 4, this);
    }

    @Override
    public long in(int port, int bytes) {
        return 0;
    }

    @Override
    public void out(int port, int bytes, long value) {
        listener.exit(value);
    }
}

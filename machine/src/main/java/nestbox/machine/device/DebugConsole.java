package nestbox.machine.device;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import nestbox.machine.bus.Bus;
import nestbox.machine.bus.PortHandler;

/** The debug console of Bochs and QEMU's firmware at port 402h: what is written appears, reads tell that it is there. */
public final class DebugConsole implements PortHandler {
    public static final int PORT = 0x402;
    private static final int PRESENT = 0xe9;

    private final OutputStream out;

    public DebugConsole(OutputStream out) {
        this.out = out;
    }

    public void attach(Bus bus) {
        bus.mapPorts(PORT, 1, 1, this);
    }

    @Override
    public long in(int port, int bytes) {
        return PRESENT;
    }

    @Override
    public void out(int port, int bytes, long value) {
        try {
            out.write((int) value & 0xff);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}

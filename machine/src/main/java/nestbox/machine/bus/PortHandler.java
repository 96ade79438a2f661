package nestbox.machine.bus;

/** A device's registers behind a range of I/O ports. Ports are absolute; values are zero-extended. */
public interface PortHandler {
    long in(int port, int bytes);

    void out(int port, int bytes, long value);
}

package nestbox.machine.bus;

import java.util.ArrayList;
import java.util.List;

/** The I/O port space: absent ports read as ones and ignore writes. */
public final class PortBus {
    private static final int PORTS = 0x10000;

    private record Range(int first, int end, int width, PortHandler handler) {
        boolean contains(int port) {
            return port >= first && port < end;
        }
    }

    /** Later ranges lie over earlier ones. */
    private final List<Range> ranges = new ArrayList<>();

    private Range last;

    public void map(int first, int count, int width, PortHandler handler) {
        if (first < 0 || count <= 0 || first + count > PORTS) {
            throw new IllegalArgumentException(String.format("ports %#x+%#x", first, count));
        }
        ranges.add(new Range(first, first + count, width, handler));
        last = null;
    }

    public void unmap(int first, int count, PortHandler handler) {
        ranges.removeIf(r -> r.first == first && r.end == first + count && r.handler == handler);
        last = null;
    }

    private Range range(int port) {
        Range recent = last;
        if (recent != null && recent.contains(port)) {
            return recent;
        }
        for (int i = ranges.size() - 1; i >= 0; i--) {
            Range range = ranges.get(i);
            if (range.contains(port)) {
                if (!coveredByLater(i)) {
                    last = range;
                }
                return range;
            }
        }
        return null;
    }

    private boolean coveredByLater(int index) {
        Range range = ranges.get(index);
        for (int i = index + 1; i < ranges.size(); i++) {
            if (ranges.get(i).first < range.end && range.first < ranges.get(i).end) {
                return true;
            }
        }
        return false;
    }

    /** Whether a device answers at that port. */
    public boolean decodes(int port) {
        return range(port) != null;
    }

    /** Reads 1, 2 or 4 bytes; ports wrap at 64 Ki. */
    public long in(int port, int bytes) {
        Range range = range(port);
        if (range != null && bytes <= range.width && port + bytes <= range.end) {
            return range.handler.in(port, bytes) & mask(bytes);
        }
        if (bytes == 1) {
            return 0xff;
        }
        int half = bytes / 2;
        return in(port, half) | in((port + half) & (PORTS - 1), half) << (8 * half);
    }

    public void out(int port, int bytes, long value) {
        Range range = range(port);
        if (range != null && bytes <= range.width && port + bytes <= range.end) {
            range.handler.out(port, bytes, value & mask(bytes));
        } else if (bytes > 1) {
            int half = bytes / 2;
            out(port, half, value & mask(half));
            out((port + half) & (PORTS - 1), half, value >>> (8 * half) & mask(half));
        }
    }

    private static long mask(int bytes) {
        return (1L << (8 * bytes)) - 1;
    }
}

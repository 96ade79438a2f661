package nestbox.cli;

import java.io.IOException;
import java.io.OutputStream;

/** Collects the serial port's bytes and passes them on at the end of each line, so that output appears as it is made. */
final class LineFlushingStream extends OutputStream {
    private final OutputStream out;
    private final byte[] line = new byte[4096];
    private int length;

    LineFlushingStream(OutputStream out) {
        this.out = out;
    }

    @Override
    public synchronized void write(int value) throws IOException {
        line[length++] = (byte) value;
        if (value == '\n' || length == line.length) {
            flush();
        }
    }

    @Override
    public synchronized void flush() throws IOException {
        out.write(line, 0, length);
        length = 0;
        out.flush();
    }
}

package nestbox.cli;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.OutputStream;

/** The process's streams as bytes. */
final class Streams {
    private Streams() {}

    /** Standard output without any conversion: a guest's bytes arrive as they are. */
    static OutputStream standardOutput() {
        return new FileOutputStream(FileDescriptor.out);
    }
}

package nestbox.cli;

import java.nio.file.Path;
import nestbox.machine.MachineConfig;
import nestbox.machine.load.ImageFile;

/** What to run and how, as options of a command line; plain fields that each front end fills in. */
final class RunSettings {
    /** QEMU's default size of memory. */
    private static final long DEFAULT_MEMORY = 128L << 20;

    String cpu = "max";
    long memory = DEFAULT_MEMORY;
    int processors = 1;
    /** Path of the image. */
    String image;
    /** The image itself, instead of a path. */
    ImageFile assembled;
    /** There is a text screen; its last contents are printed behind the run. */
    boolean screen;

    boolean pit = true;
    String append = "";
    /** Comma-separated list of {@code FILE[ ARGUMENTS]}, as QEMU has it for Multiboot; null for none. */
    String initrd;

    String tlb = "lru:2048";
    /** Most instructions of all processors together. */
    long limit = Long.MAX_VALUE;

    long seed;
    Path trace;
    boolean traceHash;
    MachineConfig.Engine engine = MachineConfig.Engine.BLOCK;
    int blockSize = 64;
    boolean reboot;
    /** Print summary and progress on the error stream. */
    boolean summary = true;

    boolean progress;
}

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
    /** What becomes of VMCB clean bits. */
    String vmcbClean = "ignore";
    /** Most instructions of all processors together. */
    long limit = Long.MAX_VALUE;

    long seed;
    Path trace;
    boolean traceHash;
    MachineConfig.Engine engine = MachineConfig.Engine.BLOCK;
    int blockSize = 64;
    /** Ticks that a PAUSE takes. */
    int pauseTicks = MachineConfig.PAUSE_TICKS;

    boolean reboot;
    /** Print summary and progress on the error stream. */
    boolean summary = true;

    boolean progress;

    /** What runs the image: none (the silicon itself), tdp or shadow. */
    String l0 = "none";
    /** Model of the silicon under L0; null: {@link #cpu} is the silicon's. */
    String silicon;
    /** Model that L0 shows to the image; null: the silicon's without virtualization. */
    String guestCpu;

    /** {@code NAME=VALUE} or a preset's name, in order. */
    java.util.List<String> policies = new java.util.ArrayList<>();
    /** Turns of other processors at L0's yield points. */
    java.util.List<String> yields = new java.util.ArrayList<>();
    /** {@code STEP=FAILURE}: steps of nested entries that are made to fail. */
    java.util.List<String> injections = new java.util.ArrayList<>();
    /** KVM's force_emulation_prefix. */
    boolean forcedEmulation;
    /** What is checked while the run goes on: none or tlb. */
    String check = "none";
    /** Print L0's counters behind the run. */
    boolean stat;
}

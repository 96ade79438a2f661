package nestbox.cli;

import java.nio.file.Path;
import java.util.concurrent.Callable;
import nestbox.core.NestboxException;
import nestbox.machine.MachineConfig;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code nestbox run}. */
@Command(
        name = "run",
        description = "Runs a Multiboot image, a Linux kernel or a BIOS; its serial port is standard output.",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {
            "odd:(v << 1) | 1, the guest wrote v to the debug-exit device, port 0xf4",
            "0:the guest powered off",
            "2:bad option, CPU model or image",
            "64:triple fault: a processor shut down",
            "66:every processor is halted for good",
            "68:the limit of instructions is used up",
            "70:the guest used something that Nestbox does not implement",
            "72:the guest reset the machine",
            "76:L0 gave its guest up, where KVM exits to userspace",
            "78:a stale translation was used that had to be gone (--check tlb)",
            "74:an error in Nestbox itself",
            "130:interrupted by Ctrl-C"
        })
final class RunCommand implements Callable<Integer> {
    @Parameters(
            index = "0",
            arity = "0..1",
            paramLabel = "IMAGE",
            description = "Multiboot image (ELF32, ELF64 or flat), bzImage or ROM image; told apart by their headers.")
    private String image;

    @Option(
            names = "--bios",
            paramLabel = "FILE",
            description =
                    "Firmware to start at the reset vector, in place of an image. Port 0x402 appears on standard error.")
    private String bios;

    @Option(
            names = "--screen",
            description = "Give the machine a text screen at B8000h and print it when the run ends.")
    private boolean screen;

    @Option(
            names = "--cpu",
            paramLabel = "MODEL[,+feature,-feature,key=value...]",
            defaultValue = "max",
            description = {
                "CPU model in QEMU's grammar, or @FILE: a dump of a real processor; see 'nestbox cpu --help'."
                        + " Default: ${DEFAULT-VALUE}."
            })
    private String cpu;

    @Option(
            names = {"-m", "--memory"},
            paramLabel = "SIZE",
            defaultValue = "128M",
            description = "Size of memory; costs nothing until touched. Default: ${DEFAULT-VALUE}.")
    private String memory;

    @Option(names = "--smp", paramLabel = "N", defaultValue = "1", description = "Number of processors, 1 to 16.")
    private int processors;

    @Option(names = "--append", paramLabel = "ARGS", defaultValue = "", description = "The image's command line.")
    private String append;

    @Option(
            names = "--initrd",
            paramLabel = "FILE[,FILE...]",
            description = "Modules, or the kernel's initial RAM disk.")
    private String initrd;

    @Option(
            names = "--tlb",
            paramLabel = "POLICY",
            defaultValue = "lru:2048",
            description =
                    "How long translations stay cached: keep (until the manual requires that they go), none, lru:N, seeded:S."
                            + " Default: ${DEFAULT-VALUE}.")
    private String tlb;

    @Option(
            names = "--vmcb-clean",
            paramLabel = "POLICY",
            defaultValue = "ignore",
            description =
                    "VMCB clean bits: ignore them, honour them, or report those that a hypervisor sets wrongly: ignore, honour,"
                            + " report. Default: ${DEFAULT-VALUE}.")
    private String vmcbClean;

    @Option(names = "--limit", paramLabel = "N", description = "Stop after N instructions (100M, 2G).")
    private String limit;

    @Option(names = "--seed", paramLabel = "N", defaultValue = "0", description = "Source of every random choice.")
    private String seed;

    @Option(
            names = "--trace",
            paramLabel = "FILE",
            description =
                    "Write events there: JSON lines if the name ends in .json or .jsonl, else text as ftrace has it.")
    private Path trace;

    @Option(names = "--trace-hash", description = "Print the SHA-256 of all events.")
    private boolean traceHash;

    @Option(
            names = "--engine",
            paramLabel = "block|reference",
            defaultValue = "block",
            description = "Block interpreter, or one instruction at a time. No result depends on it.")
    private MachineConfig.Engine engine;

    @Option(
            names = "--block-size",
            paramLabel = "N",
            defaultValue = "64",
            description = "Longest block in instructions. No result depends on it.")
    private int blockSize;

    @Option(
            names = "--pause-cost",
            paramLabel = "N",
            defaultValue = "64",
            description =
                    "Virtual time that a PAUSE takes, in ticks; 1: as any instruction. Default: ${DEFAULT-VALUE}.")
    private int pauseTicks;

    @Option(
            names = "--l0",
            paramLabel = "none|tdp|shadow|reference|reference-shadow",
            defaultValue = "none",
            description = "Run the image as L1 under L0, a hypervisor like KVM, with EPT/NPT or with shadow paging;"
                    + " reference, reference-shadow: the same with tables that last one instruction;"
                    + " none: on the bare silicon. Default: ${DEFAULT-VALUE}.")
    private String l0;

    @Option(
            names = "--guest-cpu",
            paramLabel = "MODEL[,...]",
            description = "With --l0: the model that L0 shows the image. Default: --cpu without virtualization.")
    private String guestCpu;

    @Option(
            names = "--policy",
            paramLabel = "NAME=VALUE",
            description = "With --l0: a preset (exact, kvm), or one policy of its MMU or of nesting;"
                    + " 'nestbox policy list' lists them. May be repeated.")
    private java.util.List<String> policies = java.util.List.of();

    @Option(
            names = "--inject",
            paramLabel = "STEP=FAILURE[@N]",
            description = "With --l0: make a step of L1's nested entries fail, of each or of the N-th;"
                    + " 'nestbox inject list' lists them. May be repeated.")
    private java.util.List<String> injections = java.util.List.of();

    @Option(
            names = "--yield",
            paramLabel = "POINT=INSTRUCTIONS[@N]",
            description =
                    "With --l0 and --smp: at a point in L0, each time or the N-th, let the next processor run so many"
                            + " instructions; 'nestbox yield list' lists them. seeded:S: a schedule of its own. May be repeated.")
    private java.util.List<String> yields = java.util.List.of();

    @Option(names = "--fep", description = "With --l0: KVM's force_emulation_prefix.")
    private boolean forcedEmulation;

    @Option(
            names = "--check",
            paramLabel = "none|tlb",
            defaultValue = "none",
            description = "tlb: judge each translation that a processor uses by the guest's tables and invalidations;"
                    + " slow. Default: ${DEFAULT-VALUE}.")
    private String check;

    @Option(names = "--stat", description = "With --l0: print L0's counters when the run ends.")
    private boolean stat;

    @Override
    public Integer call() {
        RunSettings settings = new RunSettings();
        if ((image == null) == (bios == null)) {
            throw new NestboxException("run", "needs either an IMAGE or --bios FILE");
        }
        settings.image = image == null ? bios : image;
        settings.screen = screen;
        settings.cpu = cpu;
        settings.memory = Quantity.memory("-m", memory);
        settings.processors = processors;
        settings.append = append;
        settings.initrd = initrd;
        settings.tlb = tlb;
        settings.vmcbClean = vmcbClean;
        settings.limit = limit == null ? Long.MAX_VALUE : Quantity.count("--limit", limit);
        settings.seed = Quantity.any("--seed", seed);
        settings.trace = trace;
        settings.traceHash = traceHash;
        settings.engine = engine;
        settings.blockSize = blockSize;
        settings.pauseTicks = pauseTicks;
        settings.l0 = l0;
        settings.guestCpu = guestCpu;
        settings.policies = policies;
        settings.injections = injections;
        settings.yields = yields;
        settings.forcedEmulation = forcedEmulation;
        settings.check = check;
        settings.stat = stat;
        settings.progress = Boolean.getBoolean("nestbox.terminal");
        return new GuestRun(settings, Streams.standardOutput(), System.err).execute();
    }
}

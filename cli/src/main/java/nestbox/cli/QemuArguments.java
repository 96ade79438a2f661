package nestbox.cli;

import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import nestbox.core.NestboxException;
import nestbox.machine.MachineConfig;

/**
 * Reads QEMU's options as kvm-unit-tests' runner passes them, and Nestbox's own long options after them. What changes nothing
 * here is taken; what asks for a device or machine that Nestbox lacks is refused by name.
 */
final class QemuArguments {
    /** QEMU's model when none is asked for. */
    private static final String DEFAULT_CPU = "qemu64";

    /** Model of the silicon under L0, where -cpu is the guest's. */
    private static final String DEFAULT_SILICON = "max";

    private static final int DEBUG_EXIT_PORT = 0xf4;

    private final Deque<String> words;
    private final RunSettings settings = new RunSettings();

    private QemuArguments(List<String> words) {
        this.words = new ArrayDeque<>(words);
    }

    /**
     * Settings from a command line.
     *
     * @param more further options as one string, words separated by spaces; may be null
     */
    static RunSettings parse(String[] arguments, String more) {
        List<String> words = new ArrayList<>(Arrays.asList(arguments));
        if (more != null && !more.isBlank()) {
            words.addAll(Arrays.asList(more.trim().split("\\s+")));
        }
        return new QemuArguments(words).parse();
    }

    private RunSettings parse() {
        settings.cpu = DEFAULT_CPU;
        settings.summary = false;
        settings.reboot = true;
        while (!words.isEmpty()) {
            String word = words.pop();
            if (word.startsWith("-")) {
                option(word, word.substring(word.startsWith("--") ? 2 : 1));
            } else {
                throw new NestboxException(word, "disk images are not implemented; use -kernel");
            }
        }
        if (settings.image == null) {
            throw new NestboxException("-kernel", "no image to run");
        }
        if (settings.silicon == null && !settings.l0.equals("none")) {
            settings.silicon = DEFAULT_SILICON;
        }
        return settings;
    }

    private void option(String word, String name) {
        switch (name) {
            case "no-reboot" -> settings.reboot = false;
            case "nodefaults", "nographic", "enable-kvm", "no-user-config", "no-hpet" -> {}
            case "kernel" -> settings.image = value(word);
            case "initrd" -> settings.initrd = value(word);
            case "append" -> settings.append = value(word);
            case "cpu" -> settings.cpu = value(word);
            case "m" -> settings.memory = Quantity.memory("-m", memorySize(value(word)));
            case "smp" -> settings.processors = processors(value(word));
            case "device" -> device(value(word));
            case "machine", "M" -> machine(value(word));
            case "display", "vnc", "vga" -> without(word, value(word), "none");
            case "serial" -> without(word, value(word), "stdio");
            case "monitor", "parallel", "net", "nic" -> without(word, value(word), "none");
            case "accel", "global", "overcommit", "name", "msg", "rtc" -> value(word);
            default -> own(word, name);
        }
    }

    /** Nestbox's own options. */
    private void own(String word, String name) {
        switch (name) {
            case "tlb" -> settings.tlb = value(word);
            case "vmcb-clean" -> settings.vmcbClean = value(word);
            case "limit" -> settings.limit = Quantity.count(word, value(word));
            case "seed" -> settings.seed = Quantity.any(word, value(word));
            case "trace" -> settings.trace = Path.of(value(word));
            case "trace-hash" -> settings.traceHash = true;
            case "engine" -> settings.engine = engine(word, value(word));
            case "block-size" ->
                settings.blockSize = (int) Math.min(Integer.MAX_VALUE, Quantity.count(word, value(word)));
            case "pause-cost" ->
                settings.pauseTicks = (int) Math.min(Integer.MAX_VALUE, Quantity.count(word, value(word)));
            case "l0" -> settings.l0 = value(word);
            case "silicon" -> settings.silicon = value(word);
            case "policy" -> settings.policies.add(value(word));
            case "yield" -> settings.yields.add(value(word));
            case "inject" -> settings.injections.add(value(word));
            case "check" -> settings.check = value(word);
            case "fep" -> settings.forcedEmulation = true;
            case "stat" -> settings.stat = true;
            case "summary" -> settings.summary = true;
            default -> throw new NestboxException(word, "unknown option");
        }
    }

    private String value(String option) {
        if (words.isEmpty()) {
            throw new NestboxException(option, "needs a value");
        }
        return words.pop();
    }

    private static void without(String option, String value, String only) {
        if (!value.equals(only)) {
            throw new NestboxException(option, "'" + value + "' is not implemented, only " + only);
        }
    }

    private static MachineConfig.Engine engine(String option, String value) {
        try {
            return MachineConfig.Engine.valueOf(value.toUpperCase(Locale.ROOT));
        } catch (IllegalArgumentException e) {
            throw new NestboxException(option, "'" + value + "' is neither block nor reference", e);
        }
    }

    private static String memorySize(String value) {
        String first = value.split(",")[0];
        return first.startsWith("size=") ? first.substring("size=".length()) : first;
    }

    /** QEMU's own words for too many, which its callers look for. */
    private static int processors(String value) {
        String first = value.split(",")[0];
        long count = Quantity.count("-smp", first.startsWith("cpus=") ? first.substring("cpus=".length()) : first);
        if (count < 1 || count > MachineConfig.MAX_CPUS) {
            throw new NestboxException(
                    "-smp",
                    "Invalid SMP CPUs " + count + ". The max CPUs supported by machine 'pc' is "
                            + MachineConfig.MAX_CPUS);
        }
        return (int) count;
    }

    private static void device(String value) {
        String[] parts = value.split(",");
        switch (parts[0]) {
            case "pc-testdev" -> {}
            case "isa-debug-exit" -> {
                for (String part : parts) {
                    if (part.startsWith("iobase=")
                            && Quantity.any("-device", part.substring("iobase=".length())) != DEBUG_EXIT_PORT) {
                        throw new NestboxException("-device", "isa-debug-exit is at port 0xf4 alone, not at " + part);
                    }
                }
            }
            default -> throw new NestboxException("-device", "'" + parts[0] + "' is not implemented");
        }
    }

    private void machine(String value) {
        for (String part : value.split(",")) {
            int equals = part.indexOf('=');
            String key = equals < 0 ? "type" : part.substring(0, equals);
            String setting = part.substring(equals + 1);
            switch (key) {
                case "type" -> {
                    if (!setting.equals("pc") && !setting.startsWith("pc-i440fx")) {
                        throw new NestboxException("-machine", "'" + setting + "' is not implemented, only pc");
                    }
                }
                case "pit" -> settings.pit = !setting.equals("off");
                case "accel", "kernel-irqchip", "kernel_irqchip", "dump-guest-core" -> {}
                default -> {
                    if (!setting.equals("off")) {
                        throw new NestboxException("-machine", "'" + part + "' is not implemented");
                    }
                }
            }
        }
    }
}

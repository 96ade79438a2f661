package nestbox.cli;

import java.io.OutputStream;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import nestbox.core.NestboxException;
import nestbox.machine.MachineConfig;
import nestbox.modules.L0Mode;
import nestbox.modules.NestboxConfiguration;
import nestbox.x86.model.CpuModel;
import nestbox.x86.model.Feature;
import nestbox.x86.model.Vendor;

/** The laboratory that the options of a run ask for. */
final class RunConfiguration {
    private RunConfiguration() {}

    static NestboxConfiguration of(RunSettings settings, OutputStream out, PrintStream err) {
        L0Mode l0 = L0Mode.named("--l0", settings.l0);
        List<String> ofL0 = ofL0(settings);
        if (l0 == L0Mode.NONE && !ofL0.isEmpty()) {
            throw new NestboxException(String.join(", ", ofL0), "about L0: give --l0 tdp or shadow, too");
        }
        NestboxConfiguration.Builder builder = NestboxConfiguration.builder()
                .cpu(l0 == L0Mode.NONE ? settings.cpu : silicon(settings))
                .l0(l0)
                .tlb(settings.tlb)
                .memoryBytes(settings.memory)
                .cpus(settings.processors)
                .seed(settings.seed)
                .virtualization(Virtualization.provider(settings, err))
                .machine(machine -> machine(machine, settings, out, err))
                .hypervisor(hypervisor -> hypervisor.forcedEmulation(settings.forcedEmulation));
        if (guest(settings) != null) {
            builder.guestCpu(guest(settings));
        }
        settings.policies.forEach(builder::policies);
        settings.injections.forEach(builder::inject);
        settings.yields.forEach(builder::yieldAt);
        return builder.build();
    }

    /** Options that were given and need L0. */
    private static List<String> ofL0(RunSettings settings) {
        List<String> given = new ArrayList<>();
        Map<String, Boolean> options = new LinkedHashMap<>();
        options.put("--silicon", settings.silicon != null);
        options.put("--guest-cpu", settings.guestCpu != null);
        options.put("--policy", !settings.policies.isEmpty());
        options.put("--inject", !settings.injections.isEmpty());
        options.put("--yield", !settings.yields.isEmpty());
        options.put("--fep", settings.forcedEmulation);
        options.put("--stat", settings.stat);
        options.forEach((option, isGiven) -> {
            if (isGiven) {
                given.add(option);
            }
        });
        return given;
    }

    private static MachineConfig.Builder machine(
            MachineConfig.Builder machine, RunSettings settings, OutputStream out, PrintStream err) {
        return machine.engine(settings.engine)
                .blockSize(settings.blockSize)
                .pauseTicks(settings.pauseTicks)
                .rebootOnReset(settings.reboot)
                .serial(new LineFlushingStream(out))
                .debugConsole(new LineFlushingStream(err))
                .screen(settings.screen)
                .pit(settings.pit);
    }

    /** The silicon's model under L0: with virtualization, whatever the option left out. */
    private static String silicon(RunSettings settings) {
        String name = settings.silicon != null ? settings.silicon : settings.cpu;
        CpuModel model = CpuModel.parse(name);
        Feature needed = model.vendor() == Vendor.AMD ? Feature.SVM : Feature.VMX;
        return model.has(needed) ? name : name + (needed == Feature.SVM ? ",+svm" : ",+vmx");
    }

    /** The model that L0 shows its guest, or null: the silicon's without virtualization. */
    private static String guest(RunSettings settings) {
        return settings.guestCpu == null && settings.silicon != null ? settings.cpu : settings.guestCpu;
    }
}

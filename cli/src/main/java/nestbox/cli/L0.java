package nestbox.cli;

import java.util.Map;
import nestbox.core.NestboxException;
import nestbox.l0.EntryInjections;
import nestbox.l0.GuestOffer;
import nestbox.l0.Hypervisor;
import nestbox.l0.L0Config;
import nestbox.l0.NestedPolicies;
import nestbox.l0.VendorBackendFactory;
import nestbox.machine.MachineConfig;
import nestbox.mmu.core.MmuPolicies;
import nestbox.mmu.tlb.RetentionPolicy;
import nestbox.modules.L0Mode;
import nestbox.svm.l0.NestedSvmProvider;
import nestbox.svm.l0.SvmBackendFactory;
import nestbox.svm.l0.SvmOffer;
import nestbox.vmx.l0.NestedVmxProvider;
import nestbox.vmx.l0.VmxBackendFactory;
import nestbox.x86.VirtualizationProvider;
import nestbox.x86.mem.SiliconPort;
import nestbox.x86.model.CpuModel;
import nestbox.x86.model.Feature;
import nestbox.x86.model.Vendor;

/** Wires L0 under a machine as the options of a run say. */
final class L0 {
    /** What L0's guests get of virtualization. */
    static VirtualizationProvider nesting(RunSettings settings) {
        return new NestedVmxProvider(silicon(settings), mode(settings).tdp()).orElse(new NestedSvmProvider());
    }

    private L0() {}

    static boolean wanted(RunSettings settings) {
        return !settings.l0.equals("none");
    }

    /** The silicon's model: with virtualization, whatever the option left out. */
    static CpuModel silicon(RunSettings settings) {
        String name = settings.silicon != null ? settings.silicon : settings.cpu;
        CpuModel model = CpuModel.parse(name);
        Feature needed = model.vendor() == Vendor.AMD ? Feature.SVM : Feature.VMX;
        return model.has(needed) ? model : CpuModel.parse(name + (needed == Feature.SVM ? ",+svm" : ",+vmx"));
    }

    /** The model that L0 shows its guest. */
    static CpuModel guest(RunSettings settings, CpuModel silicon) {
        String name = settings.guestCpu;
        if (name == null && settings.silicon != null) {
            name = settings.cpu;
        }
        if (name == null) {
            name = settings.cpu + (silicon.vendor() == Vendor.AMD ? ",-svm" : ",-vmx");
        }
        CpuModel guest = CpuModel.parse(name);
        if (guest.vendor() != silicon.vendor()) {
            throw new NestboxException(
                    "--guest-cpu", guest.vendor() + " on silicon of " + silicon.vendor() + " is not implemented");
        }
        boolean tdp = mode(settings).tdp();
        return GuestOffer.limit(SvmOffer.limit(guest, tdp), silicon, tdp);
    }

    static Hypervisor hypervisor(RunSettings settings, CpuModel silicon, VirtualizationProvider provider) {
        RetentionPolicy retention = RetentionPolicy.parse("--tlb", settings.tlb);
        VendorBackendFactory backends =
                silicon.vendor() == Vendor.AMD ? new SvmBackendFactory() : new VmxBackendFactory();
        L0Config config = new L0Config(
                silicon,
                provider,
                cpu -> new SiliconPort(cpu, cpu.physical, retention),
                settings.engine == MachineConfig.Engine.BLOCK,
                settings.blockSize,
                settings.seed,
                mode(settings).tdp(),
                mode(settings).reference(),
                settings.forcedEmulation,
                policies(settings),
                nested(settings),
                EntryInjections.of(settings.injections, backends.entrySteps()));
        return new Hypervisor(config, backends);
    }

    /** Counters, as {@code kvm_stat} lists them. */
    static void report(Hypervisor hypervisor, java.io.PrintStream err) {
        err.printf("nestbox: L0: %,d exits%n", hypervisor.counters().exits);
        hypervisor.exitCounts().forEach((name, count) -> err.printf("  %-24s %,12d%n", name, count));
        printNonZero(hypervisor.counters().all(), err);
        printNonZero(hypervisor.mmu().counters().all(), err);
    }

    private static void printNonZero(Map<String, Long> counters, java.io.PrintStream err) {
        counters.forEach((name, count) -> {
            if (count != 0) {
                err.printf("  %-24s %,12d%n", name, count);
            }
        });
    }

    private static L0Mode mode(RunSettings settings) {
        return L0Mode.named("--l0", settings.l0);
    }

    private static MmuPolicies policies(RunSettings settings) {
        MmuPolicies policies = MmuPolicies.exact();
        for (String text : settings.policies) {
            int equals = text.indexOf('=');
            if (equals >= 0 && NestedPolicies.knows(text)) {
                continue;
            }
            if (equals >= 0) {
                policies = policies.with(text.substring(0, equals), text.substring(equals + 1));
            } else {
                policies = switch (text) {
                    case "exact" -> MmuPolicies.exact();
                    case "kvm" -> MmuPolicies.kvm();
                    default ->
                        throw new NestboxException(
                                "--policy", "'" + text + "' is neither NAME=VALUE nor a preset (exact, kvm)");
                };
            }
        }
        return policies;
    }

    private static NestedPolicies nested(RunSettings settings) {
        NestedPolicies nested = NestedPolicies.exact();
        for (String text : settings.policies) {
            int equals = text.indexOf('=');
            if (equals >= 0 && NestedPolicies.knows(text)) {
                nested = nested.with(text.substring(0, equals), text.substring(equals + 1));
            } else if (text.equals("kvm")) {
                nested = NestedPolicies.kvm();
            }
        }
        return nested;
    }
}

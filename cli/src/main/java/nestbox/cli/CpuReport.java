package nestbox.cli;

import java.io.PrintWriter;
import java.util.Arrays;
import java.util.Collection;
import java.util.EnumSet;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import nestbox.vmx.VmxModel;
import nestbox.vmx.capability.VmxCapability;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.capability.VmxModels;
import nestbox.vmx.silicon.Hidden;
import nestbox.x86.model.CpuModel;
import nestbox.x86.model.Feature;
import nestbox.x86.model.Vendor;
import nestbox.x86.system.MsrTable;

/** What {@code nestbox cpu show} and {@code cpu diff} print of models. */
final class CpuReport {
    private static final int SUBLEAVES = 32;

    private CpuReport() {}

    /** The VMX features that a processor of the model shows; none without VMX. */
    static Set<VmxFeature> vmx(CpuModel model) {
        return hasVmx(model) ? VmxModels.features(model, Hidden.features()) : EnumSet.noneOf(VmxFeature.class);
    }

    /** The VMX features that the model has and Nestbox does not show. */
    static Set<VmxFeature> hiddenVmx(CpuModel model) {
        Set<VmxFeature> hidden = EnumSet.noneOf(VmxFeature.class);
        if (hasVmx(model)) {
            hidden.addAll(VmxModels.listed(model));
            hidden.removeIf(feature -> Boolean.FALSE.equals(model.vmxSwitches().get(feature.qemuName())));
            hidden.removeAll(vmx(model));
        }
        return hidden;
    }

    private static boolean hasVmx(CpuModel model) {
        return model.has(Feature.VMX) && model.vendor() == Vendor.INTEL;
    }

    static void show(CpuModel model, PrintWriter out) {
        out.printf("%s: %s%n", model, model.brand());
        out.printf("family %d, model %d, stepping %d%n", model.family(), model.model(), model.stepping());
        out.printf("%d physical and %d linear address bits%n", model.physicalBits(), model.linearBits());
        out.printf("features: %s%n", names(model.features()));
        out.printf("hidden, because not implemented: %s%n", names(model.hiddenFeatures()));
        if (hasVmx(model)) {
            out.printf("VMX: %s%n", vmxNames(vmx(model)));
            out.printf(
                    "VMX hidden, because not implemented or without a feature that it needs: %s%n",
                    vmxNames(hiddenVmx(model)));
        }
        registers(model, out);
        out.printf("%nleaf     sub      eax      ebx      ecx      edx%n");
        for (int first : new int[] {0, 0x80000000}) {
            int last = model.cpuid(first, 0)[0];
            for (int leaf = first; Integer.compareUnsigned(leaf, last) <= 0; leaf++) {
                leaf(model, leaf, out);
            }
        }
    }

    /** Registers whose values the model decides. */
    private static void registers(CpuModel model, PrintWriter out) {
        for (Map.Entry<Integer, Long> entry : model.msrs().entrySet()) {
            int index = entry.getKey();
            boolean exists = MsrTable.rows().stream()
                    .anyMatch(row -> row.index() == index && row.present().test(model));
            out.printf(
                    "MSR %08x: %016x%s%n", index, entry.getValue(), exists ? "" : " (hidden, because not implemented)");
        }
        if (hasVmx(model)) {
            VmxCapability capability = VmxModel.of(model, vmx(model)).capability();
            for (int index = VmxCapability.MSR_BASIC; index <= VmxCapability.MSR_EXIT_CTLS2; index++) {
                if (capability.hasMsr(index)) {
                    out.printf("MSR %08x: %016x%n", index, capability.msr(index));
                }
            }
        }
    }

    private static void leaf(CpuModel model, int leaf, PrintWriter out) {
        for (int subleaf = 0; subleaf < SUBLEAVES; subleaf++) {
            int[] registers = model.cpuid(leaf, subleaf);
            boolean repeated = subleaf > 0 && registers == model.cpuid(leaf, 0);
            boolean empty = (registers[0] | registers[1] | registers[3]) == 0;
            if (!repeated && (subleaf == 0 || !empty)) {
                out.printf("%s%n", line(leaf, subleaf, registers));
            }
        }
    }

    private static String line(int leaf, int subleaf, int[] r) {
        return String.format("%08x %3d %08x %08x %08x %08x", leaf, subleaf, r[0], r[1], r[2], r[3]);
    }

    static void diff(CpuModel one, CpuModel other, PrintWriter out) {
        out.printf("- %s%n+ %s%n", one, other);
        differ("brand", one.brand(), other.brand(), out);
        differ("family", one.family(), other.family(), out);
        differ("model", one.model(), other.model(), out);
        differ("stepping", one.stepping(), other.stepping(), out);
        differ("physical bits", one.physicalBits(), other.physicalBits(), out);
        differ("linear bits", one.linearBits(), other.linearBits(), out);
        only("features", marked(one), marked(other), out);
        only("VMX", markedVmx(one), markedVmx(other), out);
        for (int first : new int[] {0, 0x80000000}) {
            int last = Math.max(one.cpuid(first, 0)[0], other.cpuid(first, 0)[0]);
            for (int leaf = first; Integer.compareUnsigned(leaf, last) <= 0; leaf++) {
                for (int subleaf = 0; subleaf < SUBLEAVES; subleaf++) {
                    leaves(one, other, leaf, subleaf, out);
                }
            }
        }
    }

    private static void leaves(CpuModel one, CpuModel other, int leaf, int subleaf, PrintWriter out) {
        int[] first = one.cpuid(leaf, subleaf);
        int[] second = other.cpuid(leaf, subleaf);
        boolean repeated = subleaf > 0 && first == one.cpuid(leaf, 0) && second == other.cpuid(leaf, 0);
        if (!repeated && !Arrays.equals(first, second)) {
            out.printf("- cpuid %s%n+ cpuid %s%n", line(leaf, subleaf, first), line(leaf, subleaf, second));
        }
    }

    private static void differ(String what, Object one, Object other, PrintWriter out) {
        if (!one.equals(other)) {
            out.printf("- %s: %s%n+ %s: %s%n", what, one, what, other);
        }
    }

    private static void only(String what, Set<String> one, Set<String> other, PrintWriter out) {
        Set<String> lost = new TreeSet<>(one);
        lost.removeAll(other);
        Set<String> gained = new TreeSet<>(other);
        gained.removeAll(one);
        if (!lost.isEmpty()) {
            out.printf("- %s: %s%n", what, String.join(" ", lost));
        }
        if (!gained.isEmpty()) {
            out.printf("+ %s: %s%n", what, String.join(" ", gained));
        }
    }

    private static Set<String> marked(CpuModel model) {
        Set<String> names = new LinkedHashSet<>();
        model.features().forEach(feature -> names.add(feature.qemuName()));
        model.hiddenFeatures().forEach(feature -> names.add("(" + feature.qemuName() + ")"));
        return names;
    }

    private static Set<String> markedVmx(CpuModel model) {
        Set<String> names = new LinkedHashSet<>();
        vmx(model).forEach(feature -> names.add(feature.qemuName()));
        hiddenVmx(model).forEach(feature -> names.add("(" + feature.qemuName() + ")"));
        return names;
    }

    private static String names(Collection<Feature> features) {
        return features.isEmpty()
                ? "none"
                : features.stream().map(Feature::qemuName).collect(Collectors.joining(" "));
    }

    private static String vmxNames(Collection<VmxFeature> features) {
        return features.isEmpty()
                ? "none"
                : features.stream().map(VmxFeature::qemuName).collect(Collectors.joining(" "));
    }
}

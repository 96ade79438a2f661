package nestbox.x86.model;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** The models that Nestbox knows: one data file each, under the names that QEMU gives them. */
public final class CpuModels {
    /** A name, the data files behind it by vendor, and whether the user may leave the vendor open. */
    private record Entry(String name, String intelFile, String amdFile, boolean either, String description) {}

    private static final List<Entry> ENTRIES = List.of(
            new Entry("max", "max-intel", "max-amd", true, "Everything that Nestbox implements, for either vendor"),
            new Entry("qemu64", "qemu64", "qemu64", true, "QEMU's default, a plain 64-bit processor of either vendor"),
            new Entry("kvm64", "kvm64", "kvm64", true, "KVM's common denominator, either vendor"),
            new Entry("IvyBridge", "ivybridge", "ivybridge", false, "Intel Xeon E3-12xx v2"),
            new Entry("Skylake-Server", "skylake-server", "skylake-server", false, "Intel Xeon Scalable"),
            new Entry(
                    "SapphireRapids", "sapphirerapids", "sapphirerapids", false, "Intel Xeon Scalable, 4th generation"),
            new Entry("Opteron_G1", "opteron_g1", "opteron_g1", false, "AMD Opteron 240"),
            new Entry("EPYC", "epyc", "epyc", false, "AMD EPYC, Zen 1"),
            new Entry("EPYC-Milan", "epyc-milan", "epyc-milan", false, "AMD EPYC, Zen 3"));

    private CpuModels() {}

    /** The names of all models. */
    public static List<String> names() {
        return ENTRIES.stream().map(Entry::name).toList();
    }

    /** One line about a model. */
    public static String description(String name) {
        return entry(name).description();
    }

    /** Whether the name leaves the vendor open, so that {@code +vmx} or {@code +svm} decides it. */
    public static boolean choosesVendor(String name) {
        return entry(name).either();
    }

    /**
     * A builder with the data of that model.
     *
     * @param vendor decides for a model of either vendor; null takes the model's own, or Intel
     */
    public static CpuModel.Builder builder(String name, Vendor vendor) {
        Entry entry = entry(name);
        String file = (vendor == Vendor.AMD ? entry.amdFile() : entry.intelFile()) + ".cpu";
        try (InputStream in = CpuModels.class.getResourceAsStream("/nestbox/x86/cpu/" + file)) {
            if (in == null) {
                throw new CpuModelException(name, List.of("its data file " + file + " is missing"));
            }
            BufferedReader reader = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8));
            List<String> lines = new ArrayList<>();
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                lines.add(line);
            }
            return CpuModelFile.read(file, lines, vendor);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Entry entry(String name) {
        String wanted = normal(name.equals("host") ? "max" : name);
        for (Entry entry : ENTRIES) {
            if (normal(entry.name()).equals(wanted)) {
                return entry;
            }
        }
        throw new CpuModelException(name, List.of("unknown CPU model; there are " + String.join(", ", names())));
    }

    private static String normal(String name) {
        return name.toLowerCase(Locale.ROOT).replace('_', '-');
    }
}

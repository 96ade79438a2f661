package nestbox.x86.model;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * The models that Nestbox knows: one data file each, under the names that QEMU gives them. {@code index.txt} lists names and
 * files; a model with a file for each vendor names Intel's first. {@code NAME} is {@code NAME-v1}, as in QEMU's machine
 * {@code pc}; further versions and their aliases stand in the file.
 */
public final class CpuModels {
    private static final String FOLDER = "/nestbox/x86/cpu/";

    /** A name and its data files. */
    private record Entry(String name, String intelFile, String amdFile) {
        CpuModelFile file(Vendor vendor) {
            String file = (vendor == Vendor.AMD ? amdFile : intelFile) + ".cpu";
            return new CpuModelFile(file, lines(file));
        }

        boolean either() {
            return !intelFile.equals(amdFile) || file(null).either();
        }
    }

    /** A model's version as a user names it. */
    private record Found(Entry entry, int version) {}

    private CpuModels() {}

    /** The names of all models, without their versions. */
    public static List<String> names() {
        return entries().stream().map(Entry::name).toList();
    }

    /** The versions of a model by name, {@code NAME-v1} first; none for a model that has no versions. */
    public static List<String> versions(String name) {
        Entry entry = find(name).entry();
        List<String> result = new ArrayList<>();
        if (entry.intelFile().equals(entry.amdFile())) {
            for (int version = 1; version <= entry.file(null).versions(); version++) {
                result.add(versioned(entry.name(), version));
            }
        }
        return result;
    }

    /** The name without version of the model that {@code name} means. */
    public static String family(String name) {
        return find(name).entry().name();
    }

    /** The other name of a version ({@code Haswell-noTSX} for {@code Haswell-v2}), or an empty string. */
    public static String alias(String name) {
        Found found = find(name);
        String alias = found.entry().file(null).alias(found.version());
        return alias == null ? "" : alias;
    }

    /** One line about a model. */
    public static String description(String name) {
        return find(name).entry().file(null).value("about", "");
    }

    /** Whether the name leaves the vendor open, so that {@code +vmx} or {@code +svm} decides it. */
    public static boolean choosesVendor(String name) {
        return find(name).entry().either();
    }

    /**
     * A builder with the data of that model.
     *
     * @param vendor decides for a model of either vendor; null takes the model's own, or Intel
     */
    public static CpuModel.Builder builder(String name, Vendor vendor) {
        Found found = find(name);
        CpuModel.Builder builder = found.entry().file(vendor).builder(found.version(), vendor);
        boolean versioned = found.version() > 1
                || normal(name).equals(normal(versioned(found.entry().name(), 1)));
        return versioned ? builder.name(versioned(found.entry().name(), found.version())) : builder;
    }

    private static String versioned(String name, int version) {
        return name + "-v" + version;
    }

    private static Found find(String name) {
        String wanted = normal(name.equals("host") ? "max" : name);
        List<Entry> entries = entries();
        for (Entry entry : entries) {
            if (normal(entry.name()).equals(wanted)) {
                return new Found(entry, 1);
            }
        }
        for (Entry entry : entries) {
            Found found = version(entry, wanted);
            if (found != null) {
                return found;
            }
        }
        throw new CpuModelException(name, List.of("unknown CPU model; there are " + String.join(", ", names())));
    }

    /** The version of that name or alias, all of which begin with the model's name, or null. */
    private static Found version(Entry entry, String wanted) {
        if (!wanted.startsWith(normal(entry.name())) || !entry.intelFile().equals(entry.amdFile())) {
            return null;
        }
        CpuModelFile file = entry.file(null);
        for (int version = 1; version <= file.versions(); version++) {
            String alias = file.alias(version);
            if (normal(versioned(entry.name(), version)).equals(wanted)
                    || alias != null && normal(alias).equals(wanted)) {
                return new Found(entry, version);
            }
        }
        return null;
    }

    private static List<Entry> entries() {
        List<Entry> entries = new ArrayList<>();
        for (String line : lines("index.txt")) {
            String[] words = line.trim().split(" +");
            if (!line.isBlank() && !line.startsWith("#")) {
                entries.add(new Entry(words[0], words[1], words[words.length - 1]));
            }
        }
        return entries;
    }

    private static List<String> lines(String file) {
        try (InputStream in = CpuModels.class.getResourceAsStream(FOLDER + file)) {
            if (in == null) {
                throw new CpuModelException(file, List.of("the data file is missing"));
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String normal(String name) {
        return name.toLowerCase(Locale.ROOT).replace('_', '-');
    }
}

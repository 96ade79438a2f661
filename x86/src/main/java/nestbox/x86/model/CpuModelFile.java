package nestbox.x86.model;

import java.util.ArrayList;
import java.util.List;
import nestbox.core.NestboxException;

/**
 * A model's data file: lines {@code key: value}, {@code #} comments. Lists may be split over several lines;
 * {@code intel-features} and {@code amd-features} count for that vendor alone. {@code cpuid LEAF SUBLEAF: EAX EBX ECX EDX},
 * {@code msr INDEX: VALUE} and {@code vmx-msr INDEX: VALUE} give constants.
 *
 * <p>A line {@code version: N} begins what that version changes against the one before it, as QEMU numbers them; what stands
 * above the first of these lines is version 1. {@code alias} is another name of a version. {@code without} and
 * {@code without-vmx} take features away.
 */
final class CpuModelFile {
    /** One line: key, its further words, value. */
    private record Line(int number, String[] key, String value) {}

    /** What one version changes. */
    private record Section(int version, List<Line> lines) {}

    private final String file;
    private final List<Section> sections = new ArrayList<>();
    private int number;

    /** @throws NestboxException for a line without a colon or a version out of sequence, with file and line */
    CpuModelFile(String file, List<String> text) {
        this.file = file;
        sections.add(new Section(1, new ArrayList<>()));
        for (String line : text) {
            number++;
            if (!line.isBlank() && !line.startsWith("#")) {
                add(line);
            }
        }
    }

    private void add(String text) {
        int colon = text.indexOf(':');
        if (colon < 0) {
            throw error("no colon");
        }
        Line line = new Line(
                number,
                text.substring(0, colon).trim().split(" +"),
                text.substring(colon + 1).trim());
        if (line.key()[0].equals("version")) {
            if (integer("version", line.value()) != versions() + 1) {
                throw error("version " + (versions() + 1) + " expected");
            }
            sections.add(new Section(versions() + 1, new ArrayList<>()));
        } else {
            sections.get(versions() - 1).lines().add(line);
        }
    }

    /** How many versions there are. */
    int versions() {
        return sections.size();
    }

    /** The value of a key that stands once in version 1, or {@code otherwise}. */
    String value(String key, String otherwise) {
        return value(sections.get(0), key, otherwise);
    }

    /** The other name of a version, or null. */
    String alias(int version) {
        return value(sections.get(version - 1), "alias", null);
    }

    private static String value(Section section, String key, String otherwise) {
        return section.lines().stream()
                .filter(line -> line.key()[0].equals(key))
                .map(Line::value)
                .findFirst()
                .orElse(otherwise);
    }

    /** Whether the user may choose the vendor. */
    boolean either() {
        return value("vendor", "").equals("either");
    }

    /**
     * @param wanted the vendor that the user chose, or null
     * @throws NestboxException for what cannot be read, with file, line and field
     */
    CpuModel.Builder builder(int version, Vendor wanted) {
        CpuModel.Builder builder = new CpuModel.Builder();
        for (Section section : sections) {
            if (section.version() <= version) {
                for (Line line : section.lines()) {
                    number = line.number();
                    entry(builder, wanted, line.key(), line.value());
                }
            }
        }
        return builder;
    }

    private void entry(CpuModel.Builder builder, Vendor wanted, String[] key, String value) {
        String field = key[0];
        switch (field) {
            case "name" -> builder.name(value);
            case "about", "alias" -> {}
            case "vendor" -> builder.vendor(vendor(value, wanted));
            case "family" -> builder.family(integer(field, value));
            case "model" -> builder.model(integer(field, value));
            case "stepping" -> builder.stepping(integer(field, value));
            case "brand" -> builder.brand(value);
            case "physical-bits" -> builder.physicalBits(integer(field, value));
            case "level" -> builder.level(integer(field, value));
            case "xlevel" -> builder.extendedLevel(integer(field, value));
            case "features" -> features(builder, value, true, true);
            case "intel-features" -> features(builder, value, true, builder.vendor() == Vendor.INTEL);
            case "amd-features" -> features(builder, value, true, builder.vendor() == Vendor.AMD);
            case "without" -> features(builder, value, false, true);
            case "vmx" -> vmx(builder, value, true);
            case "without-vmx" -> vmx(builder, value, false);
            case "cpuid" -> cpuid(builder, key, value);
            case "msr" -> builder.msr(integer(field, part(key, 1)), number(field, value));
            case "vmx-msr" -> builder.vmxMsr(integer(field, part(key, 1)), number(field, value));
            default -> throw error("unknown key '" + field + "'");
        }
    }

    private Vendor vendor(String value, Vendor wanted) {
        Vendor own = Vendor.byName(value);
        if (own == null && !value.equals("either")) {
            throw error("vendor: '" + value + "' is unknown");
        }
        return wanted != null ? wanted : own != null ? own : Vendor.INTEL;
    }

    private void features(CpuModel.Builder builder, String names, boolean on, boolean counts) {
        for (String name : names.split(" +")) {
            Feature feature = Feature.byName(name);
            if (feature == null) {
                throw error("unknown feature '" + name + "'");
            }
            if (counts) {
                builder.feature(feature, on);
            }
        }
    }

    private void vmx(CpuModel.Builder builder, String names, boolean on) {
        for (String name : names.split(" +")) {
            if (!name.startsWith("vmx-")) {
                throw error("unknown VMX capability '" + name + "'");
            }
            builder.vmxCapability(name, on);
        }
    }

    private void cpuid(CpuModel.Builder builder, String[] key, String value) {
        String[] words = value.split(" +");
        if (words.length != 4) {
            throw error("cpuid: four registers expected");
        }
        builder.cpuid(
                integer("leaf", part(key, 1)),
                integer("subleaf", part(key, 2)),
                integer("eax", words[0]),
                integer("ebx", words[1]),
                integer("ecx", words[2]),
                integer("edx", words[3]));
    }

    private String part(String[] key, int index) {
        if (index >= key.length) {
            throw error("'" + key[0] + "' needs a number");
        }
        return key[index];
    }

    private int integer(String field, String text) {
        long value = number(field, text);
        if (value >>> 32 != 0) {
            throw error(field + ": '" + text + "' has more than 32 bits");
        }
        return (int) value;
    }

    private long number(String field, String text) {
        try {
            return text.startsWith("0x") ? Long.parseUnsignedLong(text.substring(2), 16) : Long.parseUnsignedLong(text);
        } catch (NumberFormatException e) {
            throw error(field + ": '" + text + "' is not a number");
        }
    }

    private NestboxException error(String message) {
        return new NestboxException(file, "line " + number + ": " + message);
    }
}

package nestbox.x86.model;

import java.util.List;
import nestbox.core.NestboxException;

/**
 * Reads a model's data file: lines {@code key: value}, {@code #} comments. Feature lists may be split over several lines;
 * {@code intel-features} and {@code amd-features} count for that vendor alone. {@code cpuid LEAF SUBLEAF: EAX EBX ECX EDX}
 * and {@code msr INDEX: VALUE} give constants.
 */
final class CpuModelFile {
    private final String file;
    private final CpuModel.Builder builder = new CpuModel.Builder();
    private final Vendor wanted;
    private Vendor vendor;
    private int line;

    private CpuModelFile(String file, Vendor wanted) {
        this.file = file;
        this.wanted = wanted;
    }

    /** @param wanted the vendor that the user chose, or null */
    static CpuModel.Builder read(String file, List<String> lines, Vendor wanted) {
        return new CpuModelFile(file, wanted).read(lines);
    }

    private CpuModel.Builder read(List<String> lines) {
        for (String text : lines) {
            line++;
            if (!text.isBlank() && !text.startsWith("#")) {
                int colon = text.indexOf(':');
                if (colon < 0) {
                    throw error("no colon");
                }
                String[] key = text.substring(0, colon).trim().split(" +");
                entry(key, text.substring(colon + 1).trim());
            }
        }
        return builder;
    }

    private void entry(String[] key, String value) {
        switch (key[0]) {
            case "name" -> builder.name(value);
            case "vendor" -> vendor(value);
            case "family" -> builder.family(integer(value));
            case "model" -> builder.model(integer(value));
            case "stepping" -> builder.stepping(integer(value));
            case "brand" -> builder.brand(value);
            case "physical-bits" -> builder.physicalBits(integer(value));
            case "level" -> builder.level(integer(value));
            case "xlevel" -> builder.extendedLevel(integer(value));
            case "features" -> features(value, true);
            case "intel-features" -> features(value, vendor == Vendor.INTEL);
            case "amd-features" -> features(value, vendor == Vendor.AMD);
            case "cpuid" -> cpuid(key, value);
            case "msr" -> builder.msr(integer(part(key, 1)), number(value));
            default -> throw error("unknown key '" + key[0] + "'");
        }
    }

    private void vendor(String value) {
        Vendor own = Vendor.byName(value);
        if (own == null && !value.equals("either")) {
            throw error("unknown vendor '" + value + "'");
        }
        vendor = wanted != null ? wanted : own != null ? own : Vendor.INTEL;
        builder.vendor(vendor);
    }

    private void features(String names, boolean on) {
        for (String name : names.split(" +")) {
            Feature feature = Feature.byName(name);
            if (feature == null) {
                throw error("unknown feature '" + name + "'");
            }
            if (on) {
                builder.feature(feature, true);
            }
        }
    }

    private void cpuid(String[] key, String value) {
        String[] words = value.split(" +");
        if (words.length != 4) {
            throw error("four registers expected");
        }
        builder.cpuid(
                integer(part(key, 1)),
                integer(part(key, 2)),
                integer(words[0]),
                integer(words[1]),
                integer(words[2]),
                integer(words[3]));
    }

    private String part(String[] key, int index) {
        if (index >= key.length) {
            throw error("'" + key[0] + "' needs a number");
        }
        return key[index];
    }

    private int integer(String text) {
        long value = number(text);
        if (value >>> 32 != 0) {
            throw error("'" + text + "' has more than 32 bits");
        }
        return (int) value;
    }

    private long number(String text) {
        try {
            return text.startsWith("0x") ? Long.parseUnsignedLong(text.substring(2), 16) : Long.parseUnsignedLong(text);
        } catch (NumberFormatException e) {
            throw error("'" + text + "' is not a number");
        }
    }

    private NestboxException error(String message) {
        return new NestboxException(file, "line " + line + ": " + message);
    }
}

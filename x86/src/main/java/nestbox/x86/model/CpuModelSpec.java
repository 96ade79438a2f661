package nestbox.x86.model;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * QEMU's grammar for a CPU: {@code MODEL,+feature,-feature,feature=on|off,key=value}; {@code _} and {@code -} are the same.
 * {@code @FILE} in place of the model reads it from a file ({@link CpuImport}), {@code vmxcap=FILE} its VMX capabilities.
 * A feature that the user turns off takes those with it that need it, unless the user asked for them by name.
 */
final class CpuModelSpec {
    /** One option behind the model's name. */
    private record Option(String key, String value) {
        boolean isOn() {
            return switch (value) {
                case "on", "yes", "true" -> true;
                default -> false;
            };
        }

        boolean isBoolean() {
            return switch (value) {
                case "on", "yes", "true", "off", "no", "false" -> true;
                default -> false;
            };
        }
    }

    private final String text;
    private final List<String> reasons = new ArrayList<>();
    private final Set<Feature> requested = EnumSet.noneOf(Feature.class);
    private final Set<Feature> refused = EnumSet.noneOf(Feature.class);
    private boolean unchecked;

    CpuModelSpec(String text) {
        this.text = text;
    }

    CpuModel model() {
        String[] words = text.split(",", -1);
        String name = words[0].trim();
        List<Option> options = new ArrayList<>();
        for (int i = 1; i < words.length; i++) {
            options.add(option(words[i].trim()));
        }
        CpuModel.Builder builder = CpuImport.isFile(name)
                ? CpuImport.read(name, vendor(name, options)).builder()
                : CpuModels.builder(name, vendor(name, options));
        for (Option option : options) {
            apply(builder, option);
        }
        dropOtherVendors(builder, Vendor.AMD, Feature.VMX);
        dropOtherVendors(builder, Vendor.INTEL, Feature.SVM);
        dropDependents(builder);
        unimplemented();
        builder.unchecked(unchecked);
        if (!unchecked) {
            reasons.addAll(builder.contradictions());
        }
        if (!reasons.isEmpty()) {
            throw new CpuModelException(text, reasons);
        }
        return builder.build();
    }

    private static Option option(String word) {
        if (word.startsWith("+")) {
            return new Option(normal(word.substring(1)), "on");
        }
        if (word.startsWith("-")) {
            return new Option(normal(word.substring(1)), "off");
        }
        int equals = word.indexOf('=');
        return equals < 0
                ? new Option(normal(word), "on")
                : new Option(normal(word.substring(0, equals)), word.substring(equals + 1));
    }

    private static String normal(String key) {
        return key.toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** The vendor that the user named, or that a virtualization feature implies for a model of either vendor; else null. */
    private Vendor vendor(String name, List<Option> options) {
        Vendor implied = null;
        Vendor named = null;
        for (Option option : options) {
            if (option.key().equals("vendor")) {
                named = Vendor.byName(option.value());
                if (named == null) {
                    reasons.add("vendor=" + option.value() + " is neither GenuineIntel nor AuthenticAMD");
                }
            } else if (implied == null && option.isOn() && option.key().equals("vmx")) {
                implied = Vendor.INTEL;
            } else if (implied == null && option.isOn() && option.key().equals("svm")) {
                implied = Vendor.AMD;
            }
        }
        if (named != null) {
            return named;
        }
        return CpuImport.isFile(name) || CpuModels.choosesVendor(name) ? implied : null;
    }

    private void apply(CpuModel.Builder builder, Option option) {
        Feature feature = Feature.byName(option.key());
        if (feature != null) {
            feature(builder, feature, option);
            return;
        }
        switch (option.key()) {
            case "vendor" -> {}
            case "unchecked" -> unchecked = flag(option);
            case "check", "enforce", "migratable" -> flag(option);
            case "phys-bits" -> builder.physicalBits(number(option));
            case "host-phys-bits" -> hostPhysicalBits(builder, option);
            case "family" -> builder.family(number(option));
            case "model" -> builder.model(number(option));
            case "stepping" -> builder.stepping(number(option));
            case "level" -> builder.level(number(option)).fixedLevel();
            case "xlevel" -> builder.extendedLevel(number(option)).fixedLevel();
            case "model-id" -> builder.brand(option.value());
            case "vmxcap" -> CpuImport.vmxcap(builder, option.value());
            default -> other(builder, option);
        }
    }

    private void feature(CpuModel.Builder builder, Feature feature, Option option) {
        boolean on = flag(option);
        builder.feature(feature, on);
        requested.remove(feature);
        refused.remove(feature);
        (on ? requested : refused).add(feature);
    }

    /** The "host" is the model max: the widest that Nestbox has. */
    private void hostPhysicalBits(CpuModel.Builder builder, Option option) {
        if (flag(option)) {
            Vendor vendor = builder.vendor();
            builder.physicalBits(CpuModels.builder("max", vendor).build().physicalBits());
        }
    }

    private void other(CpuModel.Builder builder, Option option) {
        if (option.key().startsWith("vmx-")) {
            boolean on = flag(option);
            if (on && !Implemented.has(Feature.VMX) && !unchecked) {
                reasons.add(option.key() + " is not implemented");
            }
            builder.vmxSwitch(option.key(), on);
        } else {
            reasons.add("unknown feature or property '" + option.key() + "'");
        }
    }

    /** A model whose vendor the user changed does not bring its own vendor's virtualization along. */
    private void dropOtherVendors(CpuModel.Builder builder, Vendor vendor, Feature feature) {
        if (builder.vendor() == vendor && builder.declares(feature) && !requested.contains(feature)) {
            builder.feature(feature, false);
        }
    }

    /** What was turned off takes along what cannot be without it. */
    private void dropDependents(CpuModel.Builder builder) {
        Set<Feature> gone = EnumSet.noneOf(Feature.class);
        gone.addAll(refused);
        boolean changed = !gone.isEmpty();
        while (changed) {
            changed = false;
            for (FeatureRule rule : FeatureRule.all()) {
                Feature dependent = rule.feature();
                if (gone.contains(rule.needs()) && builder.declares(dependent) && !requested.contains(dependent)) {
                    builder.feature(dependent, false);
                    gone.add(dependent);
                    changed = true;
                }
            }
        }
    }

    private void unimplemented() {
        if (unchecked) {
            return;
        }
        for (Feature feature : requested) {
            if (!Implemented.has(feature)) {
                reasons.add(feature.qemuName() + " is not implemented");
            }
        }
    }

    private boolean flag(Option option) {
        if (!option.isBoolean()) {
            reasons.add(option.key() + "=" + option.value() + " is neither on nor off");
        }
        return option.isOn();
    }

    private int number(Option option) {
        try {
            return Integer.parseUnsignedInt(
                    option.value().replaceFirst("^0[xX]", ""), option.value().matches("0[xX].*") ? 16 : 10);
        } catch (NumberFormatException e) {
            reasons.add(option.key() + "=" + option.value() + " is not a number");
            return 0;
        }
    }
}

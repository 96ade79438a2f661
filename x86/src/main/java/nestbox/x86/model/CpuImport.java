package nestbox.x86.model;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import nestbox.core.NestboxException;

/**
 * A CPU model from a user's file: a data file as {@link CpuModelFile} reads it, a dump that {@link CpuidDump} reads, or the
 * text of QEMU's {@code vmxcap} on top of the model {@code max}.
 *
 * @param notes what of the file was not understood or not used
 */
public record CpuImport(CpuModel.Builder builder, List<String> notes) {
    private static final int EXTENDED = 0x80000000;
    /** Leaves that go into the model as they are, for one processor in the package. */
    private static final Set<Integer> KEPT =
            Set.of(2, 4, 0x80000005, 0x80000006, 0x8000000a, 0x80000019, 0x8000001a, 0x8000001d);
    /** Leaves that Nestbox makes itself from identity, features and the machine's processors. */
    private static final Set<Integer> COMPUTED = Set.of(
            0,
            1,
            5,
            7,
            0xb,
            0xd,
            0x1f,
            EXTENDED,
            EXTENDED + 1,
            EXTENDED + 2,
            EXTENDED + 3,
            EXTENDED + 4,
            EXTENDED + 8,
            0x8000001e);
    /** Platform id, microcode revision, platform information, core and architectural capabilities. */
    private static final Set<Integer> KEPT_MSRS = Set.of(0x17, 0x8b, 0xce, 0xcf, 0x10a);

    private static final int VMX_FIRST = 0x480;
    private static final int VMX_LAST = 0x493;

    /** Whether the name of a model is that of a file: {@code @FILE}, or one that no model's name can be. */
    public static boolean isFile(String name) {
        return name.startsWith("@") || name.contains("/") || name.endsWith(".cpu") || name.endsWith(".txt");
    }

    /** @throws NestboxException for a file that cannot be read, with line and field */
    public static CpuImport read(String name, Vendor vendor) {
        String file = name.startsWith("@") ? name.substring(1) : name;
        List<String> lines = lines(file);
        if (lines.stream().anyMatch(CpuidDump::recognizes)) {
            return dump(file, new CpuidDump(file, lines));
        }
        if (lines.stream().anyMatch(VmxcapText::recognizes)) {
            CpuModel.Builder builder = CpuModels.builder("max", Vendor.INTEL).name(stem(file));
            return new CpuImport(builder, vmxcap(builder, new VmxcapText(file, lines)));
        }
        if (lines.stream().anyMatch(line -> line.startsWith("name:"))) {
            CpuModelFile data = new CpuModelFile(file, lines);
            return new CpuImport(data.builder(1, data.either() ? vendor : null), List.of());
        }
        throw new NestboxException(
                file, "neither a model's data file nor a dump of InstLatX64 or 'cpuid -r' nor the text of vmxcap");
    }

    /** Puts the capabilities of a text of {@code vmxcap} into a model; the result is what was not understood. */
    public static List<String> vmxcap(CpuModel.Builder builder, String name) {
        String file = name.startsWith("@") ? name.substring(1) : name;
        List<String> lines = lines(file);
        if (lines.stream().noneMatch(VmxcapText::recognizes)) {
            throw new NestboxException(
                    file,
                    "not the text of vmxcap: it has neither a line 'Basic VMX Information' nor 'pin-based controls'");
        }
        VmxcapText text = new VmxcapText(file, lines);
        text.needWhole();
        return vmxcap(builder, text);
    }

    private static List<String> vmxcap(CpuModel.Builder builder, VmxcapText text) {
        text.msrs().forEach(builder::vmxMsr);
        return text.notUnderstood();
    }

    private static List<String> lines(String file) {
        try {
            // Dumps come from many systems; what counts in them is ASCII.
            return Files.readAllLines(Path.of(file), StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            throw new NestboxException(file, Files.exists(Path.of(file)) ? "cannot be read" : "no such file", e);
        }
    }

    private static String stem(String file) {
        return Path.of(file).getFileName().toString().replaceFirst("\\.[^.]*$", "");
    }

    private static CpuImport dump(String file, CpuidDump dump) {
        List<String> notes = new ArrayList<>(dump.notUnderstood());
        CpuModel.Builder builder = new CpuModel.Builder().name(stem(file));
        identity(builder, file, dump);
        features(builder, dump, notes);
        leaves(builder, dump, notes);
        registers(builder, dump, notes);
        return new CpuImport(builder, notes);
    }

    private static int[] leaf(CpuidDump dump, int leaf, int subleaf) {
        return dump.leaves().getOrDefault(CpuidTable.key(leaf, subleaf), new int[4]);
    }

    private static void identity(CpuModel.Builder builder, String file, CpuidDump dump) {
        int[] first = leaf(dump, 0, 0);
        Vendor vendor = Vendor.byName(text(first[1]) + text(first[3]) + text(first[2]));
        if (vendor == null) {
            throw new NestboxException(file, "leaf 00000000: neither GenuineIntel nor AuthenticAMD");
        }
        int signature = leaf(dump, 1, 0)[0];
        int family = signature >>> 8 & 15;
        int model = signature >>> 4 & 15;
        builder.vendor(vendor)
                .family(family == 15 ? 15 + (signature >>> 20 & 0xff) : family)
                .model(family == 15 || family == 6 ? model | (signature >>> 12 & 0xf0) : model)
                .stepping(signature & 15)
                .level(first[0])
                .extendedLevel(leaf(dump, EXTENDED, 0)[0]);
        StringBuilder brand = new StringBuilder();
        for (int i = 2; i <= 4; i++) {
            for (int register : leaf(dump, EXTENDED + i, 0)) {
                brand.append(text(register));
            }
        }
        builder.brand(brand.toString().strip());
        int widths = leaf(dump, EXTENDED + 8, 0)[0];
        builder.physicalBits((widths & 0xff) == 0 ? 36 : widths & 0xff);
    }

    private static String text(int register) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < 4; i++) {
            char c = (char) (register >>> 8 * i & 0xff);
            text.append(c < ' ' || c > '~' ? "" : c);
        }
        return text.toString();
    }

    private static void features(CpuModel.Builder builder, CpuidDump dump, List<String> notes) {
        Map<String, Integer> known = new TreeMap<>();
        for (Feature feature : Feature.values()) {
            int register = feature.register().ordinal();
            int bits = leaf(dump, feature.leaf(), feature.subleaf())[register];
            // How many processors a package has is the machine's affair.
            boolean topology = feature == Feature.HT || feature == Feature.CMP_LEGACY;
            builder.feature(feature, (bits >>> feature.bit() & 1) != 0 && !topology);
            known.merge(FeatureWord.of(feature).key(), 1 << feature.bit(), (a, b) -> a | b);
        }
        if (builder.vendor() == Vendor.INTEL && builder.declares(Feature.LM)) {
            // A program outside 64-bit mode does not see it.
            builder.feature(Feature.SYSCALL, true);
        }
        for (FeatureWord word : FeatureWord.all()) {
            int unknown =
                    leaf(dump, word.leaf(), word.subleaf())[word.register().ordinal()]
                            & ~known.get(word.key())
                            & ~word.dynamic(builder.vendor());
            for (int bit = 0; bit < 32; bit++) {
                if ((unknown >>> bit & 1) != 0) {
                    notes.add(word + " bit " + bit + " is not known");
                }
            }
        }
    }

    private static void leaves(CpuModel.Builder builder, CpuidDump dump, List<String> notes) {
        dump.leaves().forEach((key, answer) -> {
            int leaf = (int) (key >> 32);
            int subleaf = key.intValue();
            boolean empty = (answer[0] | answer[1] | answer[2] | answer[3]) == 0;
            if (KEPT.contains(leaf) && !empty) {
                int[] copy = answer.clone();
                if (leaf == 4 || leaf == 0x8000001d) {
                    // Bits above are about who shares the cache.
                    copy[0] &= 0x3fff;
                }
                if (leaf == 0x8000000a) {
                    copy[3] = 0;
                }
                builder.cpuid(leaf, subleaf, copy);
            } else if (!COMPUTED.contains(leaf) && !empty && !FeatureWord.covers(leaf, subleaf)) {
                notes.add(String.format("leaf %08x.%x is not used", leaf, subleaf));
            }
        });
    }

    private static void registers(CpuModel.Builder builder, CpuidDump dump, List<String> notes) {
        int unused = 0;
        boolean vmx = false;
        for (Map.Entry<Integer, Long> entry : dump.msrs().entrySet()) {
            int index = entry.getKey();
            if (index >= VMX_FIRST && index <= VMX_LAST) {
                vmx = true;
                builder.vmxMsr(index, entry.getValue());
            } else if (KEPT_MSRS.contains(index)) {
                builder.msr(index, entry.getValue());
            } else {
                unused++;
            }
        }
        if (unused > 0) {
            notes.add(unused + " model-specific registers are not used");
        }
        if (!vmx && builder.declares(Feature.VMX)) {
            notes.add("no VMX capability registers; those of " + borrowVmx(builder) + " are taken");
        }
    }

    /** Takes the VMX capabilities of the model with the same family and model number, or of the oldest. */
    private static String borrowVmx(CpuModel.Builder builder) {
        CpuModel.Builder source = CpuModels.builder("Conroe", null);
        for (String name : CpuModels.names()) {
            CpuModel.Builder candidate = CpuModels.builder(name, Vendor.INTEL);
            if (candidate.sameModelAs(builder) && !CpuModels.choosesVendor(name)) {
                source = candidate;
            }
        }
        source.vmxCapabilities().forEach(name -> builder.vmxCapability(name, true));
        return source.name();
    }
}

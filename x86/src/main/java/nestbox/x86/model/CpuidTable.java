package nestbox.x86.model;

import java.util.HashMap;
import java.util.Map;

/**
 * CPUID's answers of one model, computed once (SDM Vol. 2A, "CPUID - CPU Identification"; APM Vol. 3, "CPUID
 * Specification").
 */
final class CpuidTable {
    private static final int EXTENDED = 0x80000000;
    /** Pages that one INVLPGB can name beyond the first, as on Zen 3. */
    private static final int INVLPGB_COUNT = 7;

    private static final int SVM_LEAF = 0x8000000a;
    private static final int CLFLUSH_LINE = 64;

    private static final int[] ZERO = new int[4];

    private final CpuModel model;
    private final Map<Long, int[]> answers = new HashMap<>();
    private final int level;
    private final int extendedLevel;

    CpuidTable(CpuModel model, Map<Long, int[]> data) {
        this.model = model;
        putFeatures();
        putTopology();
        putXsave();
        data.forEach(this::putData);
        level = highest(model.level(), 0);
        extendedLevel = highest(model.extendedLevel(), EXTENDED);
        put(
                0,
                0,
                level,
                text(model.vendor().cpuidName(), 0),
                text(model.vendor().cpuidName(), 8),
                text(model.vendor().cpuidName(), 4));
        int[] identity = answer(0, 0);
        put(EXTENDED, 0, extendedLevel, identity[1], identity[2], identity[3]);
        for (int i = 0; i < 3; i++) {
            String brand = model.brand();
            put(
                    EXTENDED + 2 + i,
                    0,
                    text(brand, 16 * i),
                    text(brand, 16 * i + 4),
                    text(brand, 16 * i + 8),
                    text(brand, 16 * i + 12));
        }
        putIdentity();
    }

    static long key(int leaf, int subleaf) {
        return (long) leaf << 32 | subleaf & 0xffffffffL;
    }

    /** The answer, with the rule of the vendor for leaves beyond the highest. */
    int[] get(int leaf, int subleaf) {
        if (ofHypervisor(leaf) && model.has(Feature.HYPERVISOR)) {
            return find(leaf, subleaf);
        }
        boolean known = leaf >= 0 ? leaf <= level : Integer.compareUnsigned(leaf, extendedLevel) <= 0;
        if (known) {
            return find(leaf, subleaf);
        }
        return model.vendor() == Vendor.INTEL ? find(level, subleaf) : ZERO;
    }

    private int[] find(int leaf, int subleaf) {
        boolean topology = leaf == 0xb || leaf == 0x1f && answers.containsKey(key(leaf, 0));
        if (topology && Integer.compareUnsigned(subleaf, 1) > 0) {
            return new int[] {0, 0, subleaf & 0xff, 0};
        }
        int[] found = answers.get(key(leaf, hasSubleaves(leaf) ? subleaf : 0));
        return found == null ? ZERO : found;
    }

    /** Leaves that processors leave to hypervisors. */
    private static boolean ofHypervisor(int leaf) {
        return leaf >>> 28 == 4;
    }

    private static boolean hasSubleaves(int leaf) {
        return leaf == 4
                || leaf == 7
                || leaf == 0xb
                || leaf == 0xd
                || leaf == 0x8000001d
                || leaf == 0x14
                || leaf == 0x1f;
    }

    /** The registers of a leaf, made on first use. */
    private int[] answer(int leaf, int subleaf) {
        return answers.computeIfAbsent(key(leaf, subleaf), k -> new int[4]);
    }

    private void put(int leaf, int subleaf, int eax, int ebx, int ecx, int edx) {
        int[] registers = answer(leaf, subleaf);
        registers[0] = eax;
        registers[1] = ebx;
        registers[2] = ecx;
        registers[3] = edx;
    }

    private void putFeatures() {
        boolean amd = model.vendor() == Vendor.AMD;
        for (Feature feature : model.features()) {
            answer(feature.leaf(), feature.subleaf())[feature.register().ordinal()] |= 1 << feature.bit();
            if (feature.leaf() == 7) {
                answer(7, 0)[0] = Math.max(answer(7, 0)[0], feature.subleaf());
            }
        }
        if (amd) {
            answer(EXTENDED + 1, 0)[3] |= answer(1, 0)[3] & FeatureWord.AMD_REPEATED;
        }
        if (model.has(Feature.MONITOR)) {
            put(5, 0, CLFLUSH_LINE, CLFLUSH_LINE, 3, 0);
        }
        answer(EXTENDED + 8, 0)[0] = model.physicalBits() | model.linearBits() << 8;
        if (model.has(Feature.INVLPGB)) {
            answer(EXTENDED + 8, 0)[3] |= INVLPGB_COUNT;
        }
        if (model.has(Feature.SVM)) {
            int[] svm = answer(SVM_LEAF, 0);
            svm[0] = 1;
            svm[1] = 16;
        }
    }

    private void putTopology() {
        int processors = model.processors();
        putLevels(0xb);
        if (processors > 1) {
            answer(EXTENDED + 8, 0)[2] = coreBits() << 12 | processors - 1;
        }
    }

    /** Threads and cores, in leaf Bh or 1Fh, which differ in further levels alone (SDM Vol. 2, "CPUID"). */
    private void putLevels(int leaf) {
        put(leaf, 0, 0, 1, 0x100, 0);
        put(leaf, 1, coreBits(), model.processors(), 0x201, 0);
    }

    private int coreBits() {
        return 32 - Integer.numberOfLeadingZeros(model.processors() - 1);
    }

    private void putXsave() {
        if (!model.has(Feature.XSAVE)) {
            return;
        }
        long mask = XsaveComponent.supported(model);
        int size = XsaveComponent.standardSize(mask);
        put(0xd, 0, (int) mask, XsaveComponent.MINIMUM, size, (int) (mask >>> 32));
        long supervisor = XsaveComponent.supervisorSupported(model);
        if (supervisor != 0) {
            answer(0xd, 1)[2] = (int) supervisor;
        }
        for (XsaveComponent component : XsaveComponent.values()) {
            if (!component.legacy() && ((mask | supervisor) >>> component.bit() & 1) != 0) {
                int flags = (component.supervisor() ? 1 : 0) | (component.aligned() ? 2 : 0);
                put(0xd, component.bit(), component.size(), component.offset(), flags, 0);
            }
        }
    }

    /** Cache and other leaves of the model file, which describe a package of one processor. */
    private void putData(long key, int[] registers) {
        int leaf = (int) (key >> 32);
        boolean amd = model.vendor() == Vendor.AMD;
        if (amd && (leaf == 2 || leaf == 4) || leaf == 0x8000001d && !model.has(Feature.TOPOEXT)) {
            return;
        }
        if (leaf == SVM_LEAF) {
            // Revision and number of ASIDs; the features are the table's.
            if (model.has(Feature.SVM)) {
                System.arraycopy(registers, 0, answer(leaf, 0), 0, 2);
            }
            return;
        }
        if (leaf == 0x1f) {
            putLevels(leaf);
            return;
        }
        int[] copy = registers.clone();
        if ((leaf == 4 || leaf == 0x8000001d) && copy[0] != 0) {
            int sharing = (1 << coreBits()) - 1;
            copy[0] |= (copy[0] >>> 5 & 7) == 3 ? sharing << 14 : 0;
            copy[0] |= leaf == 4 ? sharing << 26 : 0;
        }
        answers.put(key, copy);
    }

    /** The highest leaf that has an answer of its own, at least {@code declared}. */
    private int highest(int declared, int range) {
        int top = declared;
        if (!model.levelIsFixed()) {
            for (Feature feature : model.features()) {
                if ((feature.leaf() < 0) == (range < 0) && Integer.compareUnsigned(feature.leaf(), top) > 0) {
                    top = feature.leaf();
                }
            }
        }
        return top;
    }

    private void putIdentity() {
        int family = model.family();
        int signature = (family > 15 ? 0xf00 | family - 15 << 20 : family << 8)
                | (model.model() & 15) << 4
                | model.model() >> 4 << 16
                | model.stepping();
        int[] first = answer(1, 0);
        first[0] = signature;
        first[1] = (model.has(Feature.CLFLUSH) ? CLFLUSH_LINE / 8 << 8 : 0)
                | (model.processors() > 1 ? model.processors() << 16 : 0);
        answer(EXTENDED + 1, 0)[0] = signature;
    }

    /** Four characters of a string as a register, zeros behind its end. */
    private static int text(String text, int at) {
        int value = 0;
        for (int i = 0; i < 4; i++) {
            value |= (at + i < text.length() ? text.charAt(at + i) & 0xff : 0) << (8 * i);
        }
        return value;
    }
}

package nestbox.testkit.differential;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import nestbox.core.Seed;

/**
 * VMRUNs of a VMCB that is wrong, or right at a boundary: one field or two of a copy are changed, the guest stands at one instruction, and
 * all its gates lead there.
 */
final class SvmProbes {
    private static final int ASID = 9;
    private static final int TRAP_FLAG = 1 << 8;
    /** Offsets of selector and attributes, in 4 bytes. */
    private static final int[] SEGMENTS = {0x400, 0x410, 0x420, 0x430, 0x470, 0x490};

    private final Seed random;
    private final NestedImage image;
    private final Shape shape;

    SvmProbes(Seed random, NestedImage image, Shape shape) {
        this.random = random;
        this.image = image;
        this.shape = shape;
    }

    /** What a probe changes in any case, 4 bytes each. */
    Map<Integer, Long> fields() {
        Map<Integer, Long> fields = new LinkedHashMap<>();
        fields.put(0x578, image.l2("probe"));
        fields.put(0x57c, 0L);
        fields.put(0x570, 2L);
        fields.put(0x488, NestedLayout.PROBE_IDT);
        fields.put(0x48c, 0L);
        fields.put(0x5d8, Layout.STACKS);
        fields.put(0x58, (long) ASID);
        fields.put(0x5c, 3L);
        fields.put(0x68, 0L);
        fields.put(0x8, 0xffffffffL);
        return fields;
    }

    List<NestedStep> probe(int guest) {
        List<NestedStep> steps = new ArrayList<>();
        if (random.nextInt(10) < 7) {
            steps.add(flip(0x570, TRAP_FLAG));
        }
        if (random.nextInt(5) == 0) {
            steps.add(set(0x578, image.l2("probe_in")));
        }
        int count = random.nextInt(4) == 0 ? 2 : 1;
        for (int i = 0; i < count; i++) {
            steps.add(mutation());
        }
        steps.add(NestedStep.l1(L1Op.PROBE, guest));
        return steps;
    }

    private static NestedStep set(int offset, long value) {
        return NestedStep.l1(L1Op.MUTATE, offset, value, 0);
    }

    private static NestedStep flip(int offset, long bits) {
        return NestedStep.l1(L1Op.MUTATE, offset, bits, 1);
    }

    private long bit(int count) {
        return 1L << random.nextInt(count);
    }

    private long pick(long... values) {
        return values[random.nextInt(values.length)];
    }

    private NestedStep mutation() {
        return switch (random.nextInt(16)) {
            case 0 -> flip(0x10, 1);
            case 1 -> set(0x58, pick(0, 0xffff));
            case 2 -> flip(0x4d0, shape.besideAccessedFlags(bit(18), 1 << 8));
            case 3 -> flip(0x558, pick(1, 2, 4, 8, 1 << 5, 1 << 16, 1 << 18, 1 << 29, 1 << 30, 1L << 31));
            case 4 -> flip((int) pick(0x55c, 0x54c, 0x564, 0x56c, 0x4d4), bit(32));
            case 5 -> flip(0x554, pick(1 << 20, 1L << 31));
            case 6 -> flip(0x548, shape.besideAccessedFlags(bit(32), Processor.CR4_PAE));
            case 7 -> flip((int) pick(0x44, 0x4c), pick(1 << 20, 1 << 28));
            case 8 -> flip((int) pick(0x40, 0x48), bit(12));
            case 9 -> flip(SEGMENTS[random.nextInt(SEGMENTS.length)], bit(28));
            case 10 -> flip(0x570, bit(22));
            case 11, 12 -> event();
            case 13 -> set(0x68, random.nextInt(4));
            case 14 -> flip(0x668, bit(8));
            default -> set((int) pick(0x464, 0x484), pick(0, 0xffff, 0x10000));
        };
    }

    private NestedStep event() {
        long event = (random.nextInt(8) == 0 ? 0 : 1L << 31)
                | random.nextInt(2) << 11
                | random.nextInt(8) << 8
                | (random.nextInt(3) == 0 ? random.nextInt(256) : random.nextInt(32));
        return set(0xa8, event);
    }
}

package nestbox.testkit.differential;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import nestbox.core.Seed;

/** How L1 controls its two guests, by one vendor's means: what stands in memory at the start, and what L1 does between their steps. */
abstract class NestedControl {
    static final int GUESTS = 2;
    static final long IPI = 0x44090;
    static final long EOI = Layout.APIC + 0xb0;
    static final long INTERRUPT_FLAG = 0x202;
    /** MSRs that L2 reads and writes: SYSENTER's, SYSCALL's, segment bases, PAT. */
    static final long[] MSRS = {
        0x174,
        0x175,
        0x176,
        0xc0000081L,
        0xc0000082L,
        0xc0000083L,
        0xc0000084L,
        0xc0000100L,
        0xc0000101L,
        0xc0000102L,
        0x277
    };

    static final long[] PORTS = {0x80, 0x3ff, 0x2ff, 0x3f8, 0x2e9, 0xa1, 0x1234};

    final Shape shape;
    final Seed random;
    final NestedImage image;
    /** The second stage that L1 gives its guests, or null. */
    final Stage stage;
    /** L1 leaves out three of four invalidations. */
    boolean forgetful;
    /** Which set of the stage's tables a guest has. */
    final int[] sets = new int[GUESTS];

    NestedControl(NestedImage image, Shape shape, Stage stage, Seed random) {
        this.image = image;
        this.shape = shape;
        this.stage = stage;
        this.random = random;
        sets[1] = chance(50) ? 1 : 0;
    }

    /** 64 bits of which about a quarter is set. */
    final long few() {
        long some = random.nextLong();
        return some & random.nextLong();
    }

    /** The guests' VMCS fields or VMCBs, tables of the second stage, bitmaps: 8 bytes each, by address. */
    final Map<Long, Long> words(long root) {
        Map<Long, Long> words = new TreeMap<>();
        if (stage != null) {
            words.putAll(stage.contents());
        }
        fill(words, root);
        return words;
    }

    abstract void fill(Map<Long, Long> words, long root);

    /** What L1 does where a step of a guest exits instead of being carried out; empty if it is carried out or has no effect. */
    abstract List<NestedStep> instead(Step step);

    /** Steps of L1 by which nothing cached of a guest's linear addresses survives. */
    abstract List<NestedStep> flush(int guest);

    /** Steps of L1 by which nothing cached of one page survives. */
    abstract List<NestedStep> flush(int guest, long page);

    /** Steps of L1 after an edit of a set of the second stage. */
    abstract List<NestedStep> flushStage(int set);

    /** Steps of L1 by which a guest's second stage is the set that {@link #sets} names. */
    abstract List<NestedStep> switchStage(int guest);

    /** An action of L1 that only this vendor has. */
    abstract List<NestedStep> action(int guest);

    /** Whether a guest may halt without L1 taking it, or the like: what must not come by chance. */
    abstract boolean allowed(int guest, L2Op op);

    final boolean chance(int percent) {
        return random.nextInt(100) < percent;
    }

    /** A step that invalidates, unless L1 forgets it. */
    final List<NestedStep> unlessForgotten(NestedStep step) {
        return forgetful && chance(75) ? List.of() : List.of(step);
    }

    final long pick(long[] values) {
        return values[random.nextInt(values.length)];
    }

    /** Writes that raise #GP and change nothing. */
    static boolean legal(Step step) {
        return switch (step.op()) {
            case CR4 -> step.a() != 1L << 31;
            case EFER -> step.a() != 1 << 1;
            case CR3 -> (step.a() & 1L << 62) == 0;
            default -> true;
        };
    }

    static NestedStep nop(int guest) {
        return NestedStep.l2(guest, L2Op.NOP);
    }

    /** An edit of the second stage, and what the manual wants after it. */
    final List<NestedStep> editStage() {
        List<NestedStep> steps = new ArrayList<>();
        Stage.Slot slot = stage.slots.get(random.nextInt(stage.slots.size()));
        long old = stage.entry(slot.address());
        long value = stage.random(slot, random);
        steps.add(NestedStep.l1(L1Op.STORE8, slot.address(), value));
        stage.set(slot.address(), value);
        if (stage.present(old)) {
            steps.addAll(flushStage(slot.set()));
        }
        return steps;
    }

    /** A guest changes to the other set of the second stage. */
    final List<NestedStep> otherStage(int guest) {
        sets[guest] = 1 - sets[guest];
        return switchStage(guest);
    }

    /** Some entry of the second stage is broken while a guest tries to go on. */
    final List<NestedStep> breakStage(int guest) {
        List<Long> all = List.copyOf(stage.entries().keySet());
        long at = all.get(random.nextInt(all.size()));
        int set = (int) ((at - NestedLayout.STAGE) / NestedLayout.STAGE_BYTES);
        List<NestedStep> steps = new ArrayList<>();
        steps.add(NestedStep.l1(L1Op.STORE8, at, stage.broken(stage.entry(at), random)));
        steps.addAll(flushStage(set));
        steps.add(nop(guest));
        steps.add(NestedStep.l1(L1Op.STORE8, at, stage.entry(at)));
        steps.addAll(flushStage(set));
        return steps;
    }

    /** A random step of L2 that touches no table. */
    final NestedStep miscellaneous(int guest) {
        L2Op op;
        do {
            op = L2Op.values()[random.nextInt(L2Op.values().length)];
        } while (!allowed(guest, op));
        return switch (op) {
            case CPUID -> NestedStep.l2(guest, op, pick(new long[] {0, 1, 7, 0x80000000L, 0x80000008L}));
            case IN -> NestedStep.l2(guest, op, pick(PORTS) & ~3, 1L << random.nextInt(3));
            case OUT, OUTS -> NestedStep.l2(guest, op, pick(PORTS), 'a' + random.nextInt(26));
            case RDMSR -> NestedStep.l2(guest, op, chance(10) ? 0x12345 : pick(MSRS));
            case WRMSR -> {
                long msr = pick(MSRS);
                long value = msr == 0x277 ? 0x0007040600070406L : random.nextInt(1 << 20) & ~7L;
                yield NestedStep.l2(guest, op, msr, value & 0xffffffffL, chance(5) ? 0x8000 : value >>> 32);
            }
            case DR -> NestedStep.l2(guest, op, 0x60000000L | random.nextInt(1 << 20));
            case LMSW -> NestedStep.l2(guest, op, 0x31 | random.nextInt(8) << 1 & 0xa);
            case XSETBV -> NestedStep.l2(guest, op, chance(70) ? 3 : 2);
            case SVM -> NestedStep.l2(guest, op, Layout.SCRATCH & ~0xfff);
            default -> NestedStep.l2(guest, op);
        };
    }
}

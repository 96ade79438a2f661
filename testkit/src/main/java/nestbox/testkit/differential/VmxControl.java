package nestbox.testkit.differential;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import nestbox.core.Seed;
import nestbox.vmx.vmcs.VmcsField;

/** L1's control by VMX: two VMCSs. */
final class VmxControl extends NestedControl {
    private static final long EXTERNAL_INTERRUPTS = 1;
    private static final long NMIS = 1 << 3;
    private static final long VIRTUAL_NMIS = 1 << 5;

    private static final long WINDOW = 1 << 2;
    private static final long HLT = 1 << 7;
    private static final long INVLPG = 1 << 9;
    private static final long RDTSC = 1 << 12;
    private static final long CR3_LOAD = 1 << 15;
    private static final long NMI_WINDOW = 1 << 22;
    private static final long IO_BITMAPS = 1 << 25;
    private static final long MONITOR_TRAP = 1 << 27;
    private static final long MSR_BITMAPS = 1 << 28;
    private static final long SECONDARY = 1L << 31;
    /** Exits that L1 may ask for as it likes: MWAIT, RDPMC, CR3 stores, MOV DR, all I/O, MONITOR, PAUSE. */
    private static final long FREE =
            1 << 10 | 1 << 11 | 1 << 16 | 1 << 23 | 1 << 24 | 1 << 29 | 1 << 30 | HLT | INVLPG | CR3_LOAD;

    private static final long EPT = 1 << 1;
    private static final long VPID = 1 << 5;
    private static final long UNRESTRICTED = 1 << 7;
    /** RDTSCP, INVPCID, XSAVES. */
    private static final long INSTRUCTIONS = 1 << 3 | 1 << 12 | 1 << 20;
    /** Descriptor tables, WBINVD. */
    private static final long FREE_SECONDARY = 1 << 2 | 1 << 6;

    private static final long EPTP_FLAGS = 0x1e;
    private static final long ACCESSED_DIRTY = 1 << 6;
    final boolean tdp;
    private final VmxProbes probes;
    final long[] pin = new long[GUESTS];
    final long[] primary = new long[GUESTS];
    final long[] secondary = new long[GUESTS];
    final long[] cr0Mask = new long[GUESTS];
    final long[] cr4Mask = new long[GUESTS];
    final int[] vpid = new int[GUESTS];
    private final Set<Integer> used = new HashSet<>();
    final boolean acknowledge;
    private final long eptpFlags;
    final boolean takesEfer;

    VmxControl(NestedImage image, Shape shape, Stage stage, Seed random) {
        super(image, shape, stage, random);
        tdp = stage != null;
        acknowledge = chance(50);
        eptpFlags = EPTP_FLAGS | (chance(50) ? ACCESSED_DIRTY : 0);
        takesEfer = chance(50);
        for (int guest = 0; guest < GUESTS; guest++) {
            pin[guest] =
                    (chance(60) ? EXTERNAL_INTERRUPTS : 0) | (chance(60) ? NMIS | (chance(50) ? VIRTUAL_NMIS : 0) : 0);
            primary[guest] = RDTSC | SECONDARY | (chance(70) ? MSR_BITMAPS : 0) | (chance(60) ? IO_BITMAPS : 0);
            primary[guest] |= few() & FREE;
            vpid[guest] = chance(60) ? guest + 1 : 0;
            used.add(vpid[guest]);
            secondary[guest] = INSTRUCTIONS | (tdp ? EPT : 0) | (vpid[guest] != 0 ? VPID : 0);
            secondary[guest] |=
                    random.nextLong() & FREE_SECONDARY | (tdp && (chance(50) || !shape.wide) ? UNRESTRICTED : 0);
            cr0Mask[guest] = (chance(40) ? Processor.CR0_WP : 0) | (chance(30) ? 0x20 : 0);
            cr4Mask[guest] = chance(40)
                    ? random.nextLong()
                            & (Processor.CR4_PGE
                                    | Processor.CR4_PCIDE
                                    | Processor.CR4_SMEP
                                    | Processor.CR4_SMAP
                                    | 1 << 13)
                    : 0;
        }
        probes = new VmxProbes(this);
    }

    @Override
    void fill(Map<Long, Long> words, long root) {
        new VmxStart(this, probes).fill(words, root);
    }

    long eptp(int set) {
        return Stage.root(set) | eptpFlags;
    }

    // ---- instead of the guest
    // -------------------------------------------------------------------------------------------

    private static NestedStep write(VmcsField field, long value) {
        return NestedStep.l1(L1Op.WRITE, field.encoding(), value);
    }

    private static NestedStep flip(VmcsField field, long bits) {
        return NestedStep.l1(L1Op.FLIP_FIELD, field.encoding(), bits);
    }

    private static NestedStep current(int guest) {
        return NestedStep.l1(L1Op.CURRENT, guest);
    }

    @Override
    List<NestedStep> instead(Step step) {
        int guest = step.cpu();
        if (!legal(step)) {
            return List.of();
        }
        return switch (step.op()) {
            case CR3 -> {
                if ((primary[guest] & CR3_LOAD) == 0) {
                    yield List.of();
                }
                boolean keep = step.a() < 0;
                yield with(
                        keep ? List.of() : flush(guest),
                        current(guest),
                        write(VmcsField.GUEST_CR3, step.a() & ~(1L << 63)));
            }
            case CR0 ->
                (cr0Mask[guest] & step.a()) == 0
                        ? untranslated(guest, step.a())
                        : with(
                                List.of(),
                                current(guest),
                                flip(VmcsField.GUEST_CR0, step.a()),
                                flip(VmcsField.CR0_READ_SHADOW, step.a()));
            case CR4 ->
                (cr4Mask[guest] & step.a()) == 0
                        ? List.of()
                        : with(
                                flush(guest),
                                current(guest),
                                flip(VmcsField.GUEST_CR4, step.a()),
                                flip(VmcsField.CR4_READ_SHADOW, step.a()));
            case EFER ->
                takesEfer || (primary[guest] & MSR_BITMAPS) == 0
                        ? with(flush(guest), current(guest), flip(VmcsField.GUEST_IA32_EFER, step.a()))
                        : List.of();
            case INVLPG -> (primary[guest] & INVLPG) == 0 ? List.of() : flush(guest, step.a());
            case INVPCID -> (primary[guest] & INVLPG) == 0 ? List.of() : flush(guest);
            default -> List.of();
        };
    }

    /** Combined mappings of a guest without paging outlive its setting of CR0.PG (SDM Vol. 3, "Caching Translation Information"). */
    private List<NestedStep> untranslated(int guest, long inverted) {
        return tdp && (inverted & Processor.CR0_PG) != 0 ? flush(guest) : List.of();
    }

    private static List<NestedStep> with(List<NestedStep> last, NestedStep... first) {
        List<NestedStep> steps = new ArrayList<>(List.of(first));
        steps.addAll(last);
        return steps;
    }

    @Override
    List<NestedStep> flush(int guest) {
        // Without a VPID the transition does it.
        return vpid[guest] == 0
                ? List.of(current(guest))
                : unlessForgotten(NestedStep.l1(L1Op.INVVPID, chance(70) ? 1 : 2, vpid[guest]));
    }

    @Override
    List<NestedStep> flush(int guest, long page) {
        return vpid[guest] == 0 || chance(30)
                ? flush(guest)
                : unlessForgotten(NestedStep.l1(L1Op.INVVPID, 0, vpid[guest], page));
    }

    @Override
    List<NestedStep> flushStage(int set) {
        return unlessForgotten(NestedStep.l1(L1Op.INVEPT, chance(70) ? 1 : 2, eptp(set)));
    }

    @Override
    List<NestedStep> switchStage(int guest) {
        return List.of(current(guest), write(VmcsField.EPT_POINTER, eptp(sets[guest])));
    }

    @Override
    boolean allowed(int guest, L2Op op) {
        return switch (op) {
            case HLT -> (primary[guest] & HLT) != 0;
            case MWAIT -> (primary[guest] & 1 << 10) != 0;
            case TF, IPI_HLT, NMI -> false;
            default -> true;
        };
    }

    // ---- actions
    // --------------------------------------------------------------------------------------------------------

    @Override
    List<NestedStep> action(int guest) {
        return switch (random.nextInt(12)) {
            case 0 -> probes.probe(guest);
            case 1, 2 -> inject(guest);
            case 3 -> interrupt(guest);
            case 4 -> window(guest);
            case 5, 6 -> reconfigure(guest);
            case 7 -> state(guest);
            case 8 -> look();
            case 9 -> List.of(NestedStep.l1(L1Op.VMCLEAR, guest));
            case 10 -> otherVpid(guest);
            default -> wrong(guest);
        };
    }

    private List<NestedStep> inject(int guest) {
        long[] plain = {0, 5, 6, 7, 16};
        long[] withError = {8, 10, 11, 12, 13, 14, 17};
        long info;
        long error = 0;
        long flags = 2;
        switch (random.nextInt(6)) {
            case 0 -> {
                info = 0x80000000L | pick(new long[] {0x90, 0x91});
                flags = INTERRUPT_FLAG;
            }
            case 1 -> info = 0x80000200L | 2;
            case 2 -> info = 0x80000300L | pick(plain);
            case 3 -> {
                info = 0x80000b00L | pick(withError);
                error = random.nextInt(0x8000);
            }
            case 4 -> info = 0x80000400L | 0x91;
            default -> info = 0x80000600L | 3;
        }
        return List.of(
                current(guest),
                write(VmcsField.VM_ENTRY_INTR_INFO, info),
                write(VmcsField.VM_ENTRY_EXCEPTION_ERROR_CODE, error),
                write(VmcsField.VM_ENTRY_INSTRUCTION_LEN, 1 + random.nextInt(2)),
                NestedStep.l1(L1Op.ENTRY, flags),
                nop(guest));
    }

    private List<NestedStep> interrupt(int guest) {
        List<NestedStep> steps = new ArrayList<>();
        if (chance(70)) {
            steps.add(NestedStep.l1(L1Op.IPI, IPI));
            if (chance(70)) {
                boolean halted = chance(30) && takesInterrupts(guest);
                long blocking = halted || chance(60) ? 0 : 1 + random.nextInt(2);
                steps.add(NestedStep.l1(L1Op.ENTRY, chance(70) ? INTERRUPT_FLAG : 2, blocking, halted ? 1 : 0));
                steps.add(nop(guest));
            }
        } else if (chance(50)) {
            steps.add(NestedStep.l2(guest, L2Op.IPI_HLT));
        } else {
            steps.add(NestedStep.l2(guest, L2Op.NMI));
        }
        steps.add(NestedStep.l1(L1Op.WINDOW));
        steps.add(NestedStep.l1(L1Op.STORE4, EOI, 0));
        return steps;
    }

    /** An interrupt ends a halt for sure. */
    private boolean takesInterrupts(int guest) {
        return (pin[guest] & EXTERNAL_INTERRUPTS) != 0;
    }

    private List<NestedStep> window(int guest) {
        long bit = WINDOW;
        VmcsField field = VmcsField.CPU_BASED_VM_EXEC_CONTROL;
        switch (random.nextInt(4)) {
            case 0 -> bit = MONITOR_TRAP;
            case 1 -> {
                if ((pin[guest] & VIRTUAL_NMIS) != 0) {
                    bit = NMI_WINDOW;
                }
            }
            case 2 -> {
                field = VmcsField.PIN_BASED_VM_EXEC_CONTROL;
                bit = 1 << 6;
            }
            default -> bit = WINDOW;
        }
        return List.of(
                current(guest),
                write(VmcsField.VMX_PREEMPTION_TIMER_VALUE, 0),
                flip(field, bit),
                NestedStep.l1(L1Op.ENTRY, chance(60) ? INTERRUPT_FLAG : 2, random.nextInt(3)),
                nop(guest),
                current(guest),
                flip(field, bit));
    }

    private List<NestedStep> reconfigure(int guest) {
        switch (random.nextInt(5)) {
            case 0 -> {
                long bit = 1L << random.nextInt(32);
                if ((bit & FREE) == 0) {
                    return List.of();
                }
                primary[guest] ^= bit;
                return List.of(current(guest), flip(VmcsField.CPU_BASED_VM_EXEC_CONTROL, bit));
            }
            case 1 -> {
                pin[guest] ^= EXTERNAL_INTERRUPTS;
                return List.of(current(guest), flip(VmcsField.PIN_BASED_VM_EXEC_CONTROL, EXTERNAL_INTERRUPTS));
            }
            case 2 -> {
                long bits = few() & 0x3ffff & ~6;
                return List.of(
                        current(guest),
                        write(VmcsField.EXCEPTION_BITMAP, bits),
                        write(VmcsField.PAGE_FAULT_ERROR_CODE_MASK, random.nextInt(32)),
                        write(VmcsField.PAGE_FAULT_ERROR_CODE_MATCH, random.nextInt(32)));
            }
            case 3 -> {
                long port = pick(PORTS);
                return List.of(NestedStep.l1(L1Op.FLIP, NestedLayout.PORTS + (port >>> 3 & ~7), 1L << (port & 63)));
            }
            default -> {
                long msr = pick(MSRS);
                long at = NestedLayout.MSRS + (msr > 0xffff ? 0x400 : 0) + (chance(50) ? 0x800 : 0);
                return List.of(NestedStep.l1(L1Op.FLIP, at + ((msr & 0x1fff) >>> 3 & ~7), 1L << (msr & 63)));
            }
        }
    }

    private List<NestedStep> state(int guest) {
        VmcsField[] free = {
            VmcsField.GUEST_SYSENTER_CS, VmcsField.GUEST_SYSENTER_ESP, VmcsField.GUEST_SYSENTER_EIP,
            VmcsField.GUEST_FS_BASE, VmcsField.GUEST_GS_BASE, VmcsField.TSC_OFFSET
        };
        VmcsField field = free[random.nextInt(free.length)];
        return List.of(current(guest), write(field, random.nextInt(1 << 30)), nop(guest));
    }

    private List<NestedStep> look() {
        VmcsField[] all = VmcsField.values();
        return switch (random.nextInt(4)) {
            case 0 -> List.of(NestedStep.l1(L1Op.HOST));
            case 1 -> List.of(NestedStep.l1(L1Op.VMPTRST));
            case 2 -> {
                VmcsField field = all[random.nextInt(all.length)];
                // What tells of an exit is undefined for some exits, and recorded.
                yield field.group() == VmcsField.Group.READ_ONLY
                        ? List.of()
                        : List.of(NestedStep.l1(L1Op.READ, field.encoding() + random.nextInt(2)));
            }
            default -> List.of(NestedStep.l1(L1Op.DUMP));
        };
    }

    private List<NestedStep> otherVpid(int guest) {
        if (vpid[guest] == 0) {
            return List.of();
        }
        vpid[guest] = guest + 1 + 2 * random.nextInt(3);
        // Of one that nobody has used nothing is cached.
        return with(
                used.add(vpid[guest]) ? List.of() : unlessForgotten(NestedStep.l1(L1Op.INVVPID, 1, vpid[guest])),
                current(guest),
                write(VmcsField.VIRTUAL_PROCESSOR_ID, vpid[guest]));
    }

    /** What fails. */
    private List<NestedStep> wrong(int guest) {
        return switch (random.nextInt(7)) {
            case 0 ->
                List.of(NestedStep.l1(
                        L1Op.VMPTRLD, pick(new long[] {0, 0x123, NestedLayout.VMXON, 1L << 52, Layout.FRAMES})));
            case 1 ->
                List.of(NestedStep.l1(L1Op.INVVPID, random.nextInt(6), pick(new long[] {0, 9, 0x10001}), 1L << 47));
            case 2 ->
                List.of(NestedStep.l1(L1Op.INVEPT, random.nextInt(5), pick(new long[] {0, 0x1e, 1L << 51 | 0x1e})));
            case 3 -> {
                int encoding = random.nextInt(0x8000);
                VmcsField field = VmcsField.byEncoding(encoding);
                yield field == null || field.group() == VmcsField.Group.READ_ONLY
                        ? List.of(current(guest), NestedStep.l1(L1Op.WRITE, encoding, 0x12345678))
                        : List.of();
            }
            case 4 ->
                List.of(
                        current(guest),
                        nop(guest),
                        NestedStep.l1(L1Op.VMCLEAR, guest),
                        current(guest),
                        NestedStep.l1(L1Op.RESUME));
            case 5 -> List.of(current(guest), nop(guest), current(guest), NestedStep.l1(L1Op.LAUNCH));
            default -> List.of(NestedStep.l1(L1Op.VMCLEAR, guest), NestedStep.l1(L1Op.READ, 0x4402));
        };
    }
}

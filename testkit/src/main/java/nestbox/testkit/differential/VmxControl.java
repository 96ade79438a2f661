package nestbox.testkit.differential;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import nestbox.core.Seed;
import nestbox.vmx.vmcs.VmcsField;

/** L1's control by VMX: two VMCSs. */
final class VmxControl extends NestedControl {
    private static final int PIN_DEFAULT = 0x16;
    private static final int PRIMARY_DEFAULT = 0x04006172;
    private static final int EXIT_DEFAULT = 0x36dfb;
    private static final int ENTRY_DEFAULT = 0x11fb;

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
    private static final VmcsField[] EXIT_FIELDS = {
        VmcsField.VM_EXIT_REASON,
        VmcsField.EXIT_QUALIFICATION,
        VmcsField.VM_EXIT_INTR_INFO,
        VmcsField.IDT_VECTORING_INFO_FIELD,
        VmcsField.GUEST_RIP,
        VmcsField.GUEST_RSP,
        VmcsField.GUEST_RFLAGS,
        VmcsField.GUEST_CR0,
        VmcsField.GUEST_CR3,
        VmcsField.GUEST_CR4,
        VmcsField.GUEST_INTERRUPTIBILITY_INFO,
        VmcsField.GUEST_ACTIVITY_STATE,
        VmcsField.GUEST_PENDING_DBG_EXCEPTIONS,
        VmcsField.VM_ENTRY_INTR_INFO,
        VmcsField.GUEST_IA32_EFER,
        VmcsField.GUEST_CS_AR_BYTES,
        VmcsField.GUEST_SS_AR_BYTES,
    };

    private final boolean tdp;
    private final VmxProbes probes;
    private final long[] pin = new long[GUESTS];
    private final long[] primary = new long[GUESTS];
    private final long[] secondary = new long[GUESTS];
    private final long[] cr0Mask = new long[GUESTS];
    private final long[] cr4Mask = new long[GUESTS];
    private final int[] vpid = new int[GUESTS];
    private final boolean acknowledge;
    private final long eptpFlags;
    private boolean takesEfer;

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

    // ---- the start
    // ------------------------------------------------------------------------------------------------------

    @Override
    void fill(Map<Long, Long> words, long root) {
        for (int guest = 0; guest < GUESTS; guest++) {
            Map<VmcsField, Long> fields = fields(guest, root);
            pairs(words, NestedLayout.FIELDS + 0x1000L * guest, fields);
        }
        Map<VmcsField, Long> segments = new LinkedHashMap<>();
        segments(segments);
        pairs(words, NestedLayout.FIELDS + NestedLayout.CPL0_FIELDS, segments);
        list(words, NestedLayout.EXIT_FIELDS, List.of(EXIT_FIELDS));
        list(words, NestedLayout.DUMP_FIELDS, probes.dumped());
        pairs(words, NestedLayout.PROBE_FIELDS, probes.fields(image));
        if (takesEfer) {
            for (long half : new long[] {0x400, 0xc00}) {
                words.put(NestedLayout.MSRS + half + 0x10, 1L);
            }
        }
    }

    private static void pairs(Map<Long, Long> words, long at, Map<VmcsField, Long> fields) {
        long next = at;
        for (Map.Entry<VmcsField, Long> field : fields.entrySet()) {
            words.put(next, (long) field.getKey().encoding());
            words.put(next + 8, field.getValue());
            next += 16;
        }
        words.put(next, -1L);
    }

    private static void list(Map<Long, Long> words, long at, List<VmcsField> fields) {
        for (int i = 0; i <= fields.size(); i += 2) {
            words.put(at + 4L * i, listed(fields, i) & 0xffffffffL | listed(fields, i + 1) << 32);
        }
    }

    /** An entry of 4 bytes; -1 ends the list. */
    private static long listed(List<VmcsField> fields, int index) {
        return index < fields.size() ? fields.get(index).encoding() : -1;
    }

    private void segments(Map<VmcsField, Long> fields) {
        segment(fields, "CS", shape.wide ? 0x18 : 8, shape.wide ? 0xa09b : 0xc09b);
        segment(fields, "SS", 0x10, 0xc093);
        fields.put(VmcsField.GUEST_SS_LIMIT, 0xffffffffL);
    }

    private static void segment(Map<VmcsField, Long> fields, String name, long selector, long rights) {
        fields.put(VmcsField.valueOf("GUEST_" + name + "_SELECTOR"), selector);
        fields.put(VmcsField.valueOf("GUEST_" + name + "_BASE"), 0L);
        fields.put(VmcsField.valueOf("GUEST_" + name + "_LIMIT"), 0xffffffffL);
        fields.put(VmcsField.valueOf("GUEST_" + name + "_AR_BYTES"), rights);
    }

    private Map<VmcsField, Long> fields(int guest, long root) {
        Map<VmcsField, Long> fields = new LinkedHashMap<>();
        fields.put(VmcsField.VMCS_LINK_POINTER, -1L);
        fields.put(VmcsField.PIN_BASED_VM_EXEC_CONTROL, PIN_DEFAULT | pin[guest]);
        fields.put(VmcsField.CPU_BASED_VM_EXEC_CONTROL, PRIMARY_DEFAULT | primary[guest]);
        fields.put(VmcsField.SECONDARY_VM_EXEC_CONTROL, secondary[guest]);
        fields.put(VmcsField.VM_EXIT_CONTROLS, EXIT_DEFAULT | 4 | 0x200 | (acknowledge ? 1L << 15 : 0) | 0xfL << 18);
        fields.put(VmcsField.VM_ENTRY_CONTROLS, ENTRY_DEFAULT | 4 | (shape.wide ? 0x200 : 0) | 3L << 14);
        fields.put(VmcsField.VIRTUAL_PROCESSOR_ID, (long) vpid[guest]);
        if (tdp) {
            fields.put(VmcsField.EPT_POINTER, eptp(sets[guest]));
        }
        fields.put(VmcsField.IO_BITMAP_A, NestedLayout.PORTS);
        fields.put(VmcsField.IO_BITMAP_B, NestedLayout.PORTS + 0x1000);
        fields.put(VmcsField.MSR_BITMAP, NestedLayout.MSRS);
        fields.put(VmcsField.TSC_OFFSET, 0x123456L);
        long efer = shape.wide ? 0xd00 : 0x800;
        long cr4 = shape.cr4() | 0x2000;
        registers(fields, root, efer, cr4);
        fields.put(VmcsField.CR0_GUEST_HOST_MASK, cr0Mask[guest]);
        fields.put(VmcsField.CR0_READ_SHADOW, 0x80010031L);
        fields.put(VmcsField.CR4_GUEST_HOST_MASK, cr4Mask[guest]);
        fields.put(VmcsField.CR4_READ_SHADOW, shape.cr4());
        segments(fields);
        for (String segment : new String[] {"DS", "ES", "FS", "GS"}) {
            segment(fields, segment, 0x2b, 0xc0f3);
            fields.put(VmcsField.valueOf("HOST_" + segment + "_SELECTOR"), 0x10L);
        }
        segment(fields, "TR", 0x38 + 16L * guest, 0x8b);
        fields.put(VmcsField.GUEST_TR_BASE, Layout.TSS + 0x100L * guest);
        fields.put(VmcsField.GUEST_TR_LIMIT, 0x67L);
        segment(fields, "LDTR", 0, 0x10000);
        host(fields);
        return fields;
    }

    private void registers(Map<VmcsField, Long> fields, long root, long efer, long cr4) {
        fields.put(VmcsField.GUEST_CR0, 0x80010031L);
        fields.put(VmcsField.GUEST_CR3, root);
        fields.put(VmcsField.GUEST_CR4, cr4);
        fields.put(VmcsField.GUEST_IA32_EFER, efer);
        fields.put(VmcsField.GUEST_IA32_PAT, 0x0007040600070406L);
        fields.put(VmcsField.GUEST_DR7, 0x400L);
        fields.put(VmcsField.GUEST_GDTR_BASE, Layout.GDT);
        fields.put(VmcsField.GUEST_GDTR_LIMIT, 0xffL);
        fields.put(VmcsField.GUEST_IDTR_BASE, Layout.IDT);
        fields.put(VmcsField.GUEST_IDTR_LIMIT, 0xfffL);
    }

    private void host(Map<VmcsField, Long> fields) {
        fields.put(VmcsField.HOST_CR0, 0x80010031L);
        fields.put(VmcsField.HOST_CR3, NestedLayout.ROOT);
        fields.put(VmcsField.HOST_CR4, 0x2020L);
        fields.put(VmcsField.HOST_IA32_EFER, 0xd00L);
        fields.put(VmcsField.HOST_IA32_PAT, 0x0007040600070406L);
        fields.put(VmcsField.HOST_CS_SELECTOR, 0x18L);
        fields.put(VmcsField.HOST_SS_SELECTOR, 0x10L);
        fields.put(VmcsField.HOST_TR_SELECTOR, 0x38L);
        fields.put(VmcsField.HOST_TR_BASE, NestedLayout.GDT + 0x800);
        fields.put(VmcsField.HOST_GDTR_BASE, NestedLayout.GDT);
        fields.put(VmcsField.HOST_IDTR_BASE, NestedLayout.IDT);
        fields.put(VmcsField.HOST_IA32_SYSENTER_ESP, 0x1234L);
        fields.put(VmcsField.HOST_RSP, NestedLayout.STACK);
        fields.put(VmcsField.HOST_RIP, image.left());
    }

    private long eptp(int set) {
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
                        ? List.of()
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
                : List.of(NestedStep.l1(L1Op.INVVPID, chance(70) ? 1 : 2, vpid[guest]));
    }

    @Override
    List<NestedStep> flush(int guest, long page) {
        return vpid[guest] == 0 || chance(30)
                ? flush(guest)
                : List.of(NestedStep.l1(L1Op.INVVPID, 0, vpid[guest], page));
    }

    @Override
    List<NestedStep> flushStage(int set) {
        return List.of(NestedStep.l1(L1Op.INVEPT, chance(70) ? 1 : 2, eptp(set)));
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
            case 0, 1 -> probes.probe(guest);
            case 2 -> inject(guest);
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
                steps.add(NestedStep.l1(
                        L1Op.ENTRY, chance(70) ? INTERRUPT_FLAG : 2, 0, chance(30) && takesInterrupts(guest) ? 1 : 0));
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
        return with(
                List.of(NestedStep.l1(L1Op.INVVPID, 1, vpid[guest])),
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

package nestbox.testkit.differential;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import nestbox.core.Seed;
import nestbox.vmx.vmcs.VmcsField;

/**
 * Entries with a VMCS that is wrong, or right at a boundary: one field or two are changed, the guest stands at one instruction, and all
 * its gates lead there. Fields of the host state get values that no entry takes, since L1 lives by them.
 */
final class VmxProbes {
    private static final long MONITOR_TRAP = 1 << 27;
    private static final int PROBE_VPID = 9;
    private static final VmcsField[] CONTROLS = {
        VmcsField.PIN_BASED_VM_EXEC_CONTROL,
        VmcsField.CPU_BASED_VM_EXEC_CONTROL,
        VmcsField.SECONDARY_VM_EXEC_CONTROL,
        VmcsField.VM_EXIT_CONTROLS,
        VmcsField.VM_ENTRY_CONTROLS
    };
    private static final String[] SEGMENTS = {"ES", "CS", "SS", "DS", "FS", "GS", "LDTR", "TR"};
    private static final String[] HOST_SELECTORS = {"ES", "CS", "SS", "DS", "FS", "GS", "TR"};
    private static final VmcsField[] ADDRESSES = {
        VmcsField.IO_BITMAP_A,
        VmcsField.IO_BITMAP_B,
        VmcsField.MSR_BITMAP,
        VmcsField.VM_EXIT_MSR_STORE_ADDR,
        VmcsField.VM_EXIT_MSR_LOAD_ADDR,
        VmcsField.VM_ENTRY_MSR_LOAD_ADDR,
        VmcsField.VIRTUAL_APIC_PAGE_ADDR,
        VmcsField.EPT_POINTER,
        VmcsField.VMCS_LINK_POINTER
    };
    private static final VmcsField[] LINEAR = {
        VmcsField.GUEST_GDTR_BASE,
        VmcsField.GUEST_IDTR_BASE,
        VmcsField.GUEST_FS_BASE,
        VmcsField.GUEST_GS_BASE,
        VmcsField.GUEST_LDTR_BASE,
        VmcsField.GUEST_TR_BASE,
        VmcsField.GUEST_CS_BASE,
        VmcsField.GUEST_SS_BASE,
        VmcsField.GUEST_SYSENTER_ESP,
        VmcsField.GUEST_SYSENTER_EIP,
        VmcsField.GUEST_RIP
    };
    private static final VmcsField[] HOST_LINEAR = {
        VmcsField.HOST_FS_BASE,
        VmcsField.HOST_GS_BASE,
        VmcsField.HOST_TR_BASE,
        VmcsField.HOST_GDTR_BASE,
        VmcsField.HOST_IDTR_BASE,
        VmcsField.HOST_IA32_SYSENTER_ESP,
        VmcsField.HOST_IA32_SYSENTER_EIP,
        VmcsField.HOST_RIP
    };
    private static final long[] NOT_CANONICAL = {1L << 47, 1L << 48, 0x8000L << 32 | 5, 0xffff7fffffffffffL, 1L << 63};
    /** With 57 bits, too: a processor that has them takes such a host state whatever CR4.LA57 is. */
    private static final long[] NEVER_CANONICAL = {1L << 56, 1L << 57, 0x80L << 52 | 5, 0xfeffffffffffffffL, 1L << 63};

    private static final long[] CANONICAL = {0, 0xffff800000000000L, 0x7fffffffffffL, -8};

    private final Seed random;
    private final VmxControl control;

    VmxProbes(VmxControl control) {
        this.control = control;
        random = control.random;
    }

    /** What a probe saves and puts back, and "dump" sums: all that does not only tell of the last exit. */
    List<VmcsField> dumped() {
        List<VmcsField> fields = new ArrayList<>();
        for (VmcsField field : VmcsField.values()) {
            if (field.group() != VmcsField.Group.READ_ONLY) {
                fields.add(field);
            }
        }
        return fields;
    }

    /** What a probe changes in any case. */
    Map<VmcsField, Long> fields(NestedImage image) {
        Map<VmcsField, Long> fields = new LinkedHashMap<>();
        fields.put(VmcsField.GUEST_RIP, image.l2("probe"));
        fields.put(VmcsField.GUEST_RSP, Layout.STACKS);
        fields.put(VmcsField.GUEST_RFLAGS, 2L);
        fields.put(VmcsField.GUEST_INTERRUPTIBILITY_INFO, 0L);
        fields.put(VmcsField.GUEST_ACTIVITY_STATE, 0L);
        fields.put(VmcsField.GUEST_IDTR_BASE, NestedLayout.PROBE_IDT);
        fields.put(VmcsField.VIRTUAL_PROCESSOR_ID, (long) PROBE_VPID);
        return fields;
    }

    List<NestedStep> probe(int guest) {
        List<NestedStep> steps = new ArrayList<>();
        if (random.nextInt(10) < 7) {
            steps.add(flip(VmcsField.CPU_BASED_VM_EXEC_CONTROL, MONITOR_TRAP));
        }
        if (random.nextInt(5) == 0) {
            steps.add(set(VmcsField.GUEST_RIP, control.image.l2("probe_in")));
        }
        int count = random.nextInt(4) == 0 ? 2 : 1;
        for (int i = 0; i < count; i++) {
            steps.addAll(mutation());
        }
        steps.add(NestedStep.l1(L1Op.PROBE, guest));
        steps.add(NestedStep.l1(L1Op.INVVPID, 1, PROBE_VPID));
        return steps;
    }

    private List<NestedStep> mutation() {
        return switch (random.nextInt(14)) {
            case 0, 1 -> List.of(flip(CONTROLS[random.nextInt(CONTROLS.length)], 1L << random.nextInt(32)));
            case 2, 3 -> List.of(segment());
            case 4 -> List.of(address());
            case 5 ->
                List.of(set(
                        LINEAR[random.nextInt(LINEAR.length)],
                        pick(random.nextInt(3) == 0 ? CANONICAL : NOT_CANONICAL)));
            case 6 -> List.of(controlRegister());
            case 7 -> List.of(flip(VmcsField.GUEST_RFLAGS, 1L << random.nextInt(24)));
            case 8 -> blocking();
            case 9 -> event();
            case 10, 11 -> List.of(host());
            case 12 -> lists();
            default -> List.of(other());
        };
    }

    private long pick(long[] values) {
        return values[random.nextInt(values.length)];
    }

    private static NestedStep set(VmcsField field, long value) {
        return NestedStep.l1(L1Op.MUTATE, field.encoding(), value, 0);
    }

    private static NestedStep flip(VmcsField field, long bits) {
        return NestedStep.l1(L1Op.MUTATE, field.encoding(), bits, 1);
    }

    private NestedStep segment() {
        String name = "GUEST_" + SEGMENTS[random.nextInt(SEGMENTS.length)];
        return switch (random.nextInt(4)) {
            case 0 -> flip(VmcsField.valueOf(name + "_SELECTOR"), 1L << random.nextInt(16));
            case 1 -> set(VmcsField.valueOf(name + "_LIMIT"), pick(new long[] {0, 0xfffff, 0x100000, 0xffff, 0xfff}));
            default -> flip(VmcsField.valueOf(name + "_AR_BYTES"), 1L << random.nextInt(17));
        };
    }

    /** Not aligned, or beyond what a physical address has. */
    private NestedStep address() {
        VmcsField field = ADDRESSES[random.nextInt(ADDRESSES.length)];
        return flip(field, pick(new long[] {1, 1 << 3, 1 << 7, 1 << 11, 1L << 52, 1L << 63}));
    }

    private NestedStep controlRegister() {
        return switch (random.nextInt(6)) {
            case 0 ->
                flip(
                        VmcsField.GUEST_CR0,
                        pick(new long[] {1, 2, 4, 8, 1 << 5, 1 << 16, 1 << 18, 1 << 29, 1 << 30, 1L << 31, 1L << 32}));
            case 1 ->
                flip(
                        VmcsField.GUEST_CR4,
                        control.shape.besideAccessedFlags(1L << random.nextInt(32), Processor.CR4_PAE));
            case 2 -> flip(VmcsField.GUEST_CR3, pick(new long[] {1, 1 << 3, 1 << 11, 1L << 52, 1L << 63}));
            case 3 -> flip(VmcsField.GUEST_IA32_EFER, 1L << random.nextInt(17));
            case 4 -> flip(VmcsField.GUEST_DR7, 1L << random.nextInt(34));
            default -> set(VmcsField.GUEST_IA32_DEBUGCTL, 1L << random.nextInt(17));
        };
    }

    private List<NestedStep> blocking() {
        NestedStep flags = flip(VmcsField.GUEST_RFLAGS, 1 << 9);
        NestedStep state = set(
                VmcsField.GUEST_INTERRUPTIBILITY_INFO,
                random.nextInt(4) == 0 ? 1L << random.nextInt(6) : random.nextInt(16));
        NestedStep pending = set(
                VmcsField.GUEST_PENDING_DBG_EXCEPTIONS,
                pick(new long[] {0, 1, 1 << 14, 1 << 12, 0x400f, 1 << 11, 1 << 16}));
        return switch (random.nextInt(4)) {
            case 0 -> List.of(state);
            case 1 -> List.of(flags, state);
            case 2 -> List.of(pending, state);
            default -> List.of(pending);
        };
    }

    private List<NestedStep> event() {
        long info = (random.nextInt(8) == 0 ? 0 : 1L << 31)
                | random.nextInt(2) << 11
                | random.nextInt(8) << 8
                | (random.nextInt(3) == 0 ? random.nextInt(256) : random.nextInt(32));
        if (random.nextInt(20) == 0) {
            info |= 1L << 12 + random.nextInt(19);
        }
        List<NestedStep> steps = new ArrayList<>();
        steps.add(set(VmcsField.VM_ENTRY_INTR_INFO, info));
        steps.add(set(VmcsField.VM_ENTRY_EXCEPTION_ERROR_CODE, pick(new long[] {0, 0x7fff, 0x8000, 0x10000})));
        steps.add(set(VmcsField.VM_ENTRY_INSTRUCTION_LEN, random.nextInt(17)));
        if (random.nextInt(2) == 0) {
            steps.add(flip(VmcsField.GUEST_RFLAGS, 1 << 9));
        }
        return steps;
    }

    private NestedStep host() {
        return switch (random.nextInt(7)) {
            case 0 -> flip(VmcsField.HOST_CR0, pick(new long[] {1, 1 << 5, 1L << 31, 1L << 32}));
            case 1 -> flip(VmcsField.HOST_CR4, pick(new long[] {1 << 5, 1 << 13, 1L << 31, 1L << 40}));
            case 2 -> flip(VmcsField.HOST_CR3, pick(new long[] {1L << 52, 1L << 62}));
            case 3 -> {
                String name = HOST_SELECTORS[random.nextInt(HOST_SELECTORS.length)];
                yield flip(VmcsField.valueOf("HOST_" + name + "_SELECTOR"), random.nextInt(8));
            }
            case 4 -> set(HOST_LINEAR[random.nextInt(HOST_LINEAR.length)], pick(NEVER_CANONICAL));
            case 5 -> flip(VmcsField.HOST_IA32_EFER, pick(new long[] {2, 1 << 8, 1 << 10, 1 << 12, 1L << 32}));
            default -> set(VmcsField.HOST_IA32_PAT, 2 + random.nextInt(2));
        };
    }

    /** Areas of MSRs: one that does not exist, one that an entry does not load. */
    private List<NestedStep> lists() {
        VmcsField count =
                random.nextInt(2) == 0 ? VmcsField.VM_ENTRY_MSR_LOAD_COUNT : VmcsField.VM_EXIT_MSR_STORE_COUNT;
        VmcsField address = count == VmcsField.VM_ENTRY_MSR_LOAD_COUNT
                ? VmcsField.VM_ENTRY_MSR_LOAD_ADDR
                : VmcsField.VM_EXIT_MSR_STORE_ADDR;
        long area = NestedLayout.VIRTUAL_APIC + 0x800;
        // What cannot be stored ends in a VMX abort, and the processor's run.
        long msr = count == VmcsField.VM_EXIT_MSR_STORE_COUNT
                ? pick(new long[] {0x174, 0xc0000082L, 0xc0000100L})
                : pick(new long[] {0x174, 0xc0000082L, 0xc0000100L, 0xc0000080L, 0x12345, 0x8b, 0x800});
        return List.of(
                NestedStep.l1(L1Op.STORE8, area, msr),
                NestedStep.l1(L1Op.STORE8, area + 8, random.nextInt(1 << 20)),
                set(address, area),
                set(count, 1));
    }

    private NestedStep other() {
        return switch (random.nextInt(9)) {
            case 0 -> set(VmcsField.GUEST_ACTIVITY_STATE, pick(new long[] {2, 4, 1L << 31}));
            case 1 -> set(VmcsField.CR3_TARGET_COUNT, random.nextInt(7));
            case 2 -> set(VmcsField.VIRTUAL_PROCESSOR_ID, 0);
            case 3 -> set(VmcsField.TPR_THRESHOLD, pick(new long[] {0, 15, 16, 1L << 31}));
            case 4 -> set(VmcsField.GUEST_IA32_PAT, 2 + random.nextInt(2));
            case 5 -> set(VmcsField.GUEST_SYSENTER_CS, -1);
            case 6 -> set(VmcsField.GUEST_GDTR_LIMIT, pick(new long[] {0, 0xffff, 0x10000}));
            case 7 -> set(VmcsField.GUEST_IDTR_LIMIT, pick(new long[] {0, 0xffff, 0x10000}));
            default -> set(VmcsField.EXCEPTION_BITMAP, -1);
        };
    }
}

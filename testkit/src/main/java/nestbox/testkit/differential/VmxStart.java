package nestbox.testkit.differential;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import nestbox.vmx.vmcs.VmcsField;

/** The fields of both VMCSs at the start. */
final class VmxStart {
    private static final int PIN_DEFAULT = 0x16;
    private static final int PRIMARY_DEFAULT = 0x04006172;
    private static final int EXIT_DEFAULT = 0x36dfb;
    private static final int ENTRY_DEFAULT = 0x11fb;

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

    private final VmxControl control;
    private final VmxProbes probes;
    private final Shape shape;

    VmxStart(VmxControl control, VmxProbes probes) {
        this.control = control;
        this.probes = probes;
        shape = control.shape;
    }

    /** The guests' fields and what L1 reads of them, 8 bytes each, by address. */
    void fill(Map<Long, Long> words, long root) {
        for (int guest = 0; guest < NestedControl.GUESTS; guest++) {
            Map<VmcsField, Long> fields = fields(guest, root);
            pairs(words, NestedLayout.FIELDS + 0x1000L * guest, fields);
        }
        Map<VmcsField, Long> segments = new LinkedHashMap<>();
        segments(segments);
        pairs(words, NestedLayout.FIELDS + NestedLayout.CPL0_FIELDS, segments);
        list(words, NestedLayout.EXIT_FIELDS, List.of(EXIT_FIELDS));
        list(words, NestedLayout.DUMP_FIELDS, probes.dumped());
        pairs(words, NestedLayout.PROBE_FIELDS, probes.fields(control.image));
        if (control.takesEfer) {
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
        fields.put(VmcsField.PIN_BASED_VM_EXEC_CONTROL, PIN_DEFAULT | control.pin[guest]);
        fields.put(VmcsField.CPU_BASED_VM_EXEC_CONTROL, PRIMARY_DEFAULT | control.primary[guest]);
        fields.put(VmcsField.SECONDARY_VM_EXEC_CONTROL, control.secondary[guest]);
        fields.put(
                VmcsField.VM_EXIT_CONTROLS,
                EXIT_DEFAULT | 4 | 0x200 | (control.acknowledge ? 1L << 15 : 0) | 0xfL << 18);
        fields.put(VmcsField.VM_ENTRY_CONTROLS, ENTRY_DEFAULT | 4 | (shape.wide ? 0x200 : 0) | 3L << 14);
        fields.put(VmcsField.VIRTUAL_PROCESSOR_ID, (long) control.vpid[guest]);
        if (control.tdp) {
            fields.put(VmcsField.EPT_POINTER, control.eptp(control.sets[guest]));
        }
        fields.put(VmcsField.IO_BITMAP_A, NestedLayout.PORTS);
        fields.put(VmcsField.IO_BITMAP_B, NestedLayout.PORTS + 0x1000);
        fields.put(VmcsField.MSR_BITMAP, NestedLayout.MSRS);
        fields.put(VmcsField.TSC_OFFSET, 0x123456L);
        long efer = shape.wide ? 0xd00 : 0x800;
        long cr4 = shape.cr4() | 0x2000;
        registers(fields, root, efer, cr4);
        fields.put(VmcsField.CR0_GUEST_HOST_MASK, control.cr0Mask[guest]);
        fields.put(VmcsField.CR0_READ_SHADOW, 0x80010031L);
        fields.put(VmcsField.CR4_GUEST_HOST_MASK, control.cr4Mask[guest]);
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
        fields.put(VmcsField.HOST_RIP, control.image.left());
    }
}

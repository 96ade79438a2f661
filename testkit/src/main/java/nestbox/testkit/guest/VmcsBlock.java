package nestbox.testkit.guest;

import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Map;
import nestbox.vmx.capability.CapabilityWord;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.vmcs.VmcsField;

/**
 * A VMCS that L1 makes before its own code runs: L2 begins at label {@code l2} in L1's mode with L1's control registers and
 * descriptor tables and a stack of its own; an exit goes to {@link #onExit}. Controls are the true capability MSRs' least settings
 * and what {@link #enable} adds.
 */
public final class VmcsBlock {
    private static final Map<CapabilityWord, VmcsField> CONTROLS = new EnumMap<>(Map.of(
            CapabilityWord.PIN, VmcsField.PIN_BASED_VM_EXEC_CONTROL,
            CapabilityWord.PRIMARY, VmcsField.CPU_BASED_VM_EXEC_CONTROL,
            CapabilityWord.SECONDARY, VmcsField.SECONDARY_VM_EXEC_CONTROL,
            CapabilityWord.EXIT, VmcsField.VM_EXIT_CONTROLS,
            CapabilityWord.ENTRY, VmcsField.VM_ENTRY_CONTROLS));
    private static final String[] DATA_SEGMENTS = {"ES", "SS", "DS", "FS", "GS"};

    private final String name;
    private final GuestMode mode;
    private final Map<CapabilityWord, Long> controls = new EnumMap<>(CapabilityWord.class);
    private final Map<VmcsField, String> fields = new LinkedHashMap<>();

    VmcsBlock(String name, GuestMode mode) {
        this.name = name;
        this.mode = mode;
        CONTROLS.keySet().forEach(word -> controls.put(word, 0L));
        controls.remove(CapabilityWord.SECONDARY);
        if (mode == GuestMode.LONG) {
            enable(VmxFeature.HOST_ADDRESS_SPACE_SIZE, VmxFeature.IA32E_MODE_GUEST);
        }
        defaults();
    }

    private void defaults() {
        boolean wide = mode == GuestMode.LONG;
        int code = wide ? GuestMode.CODE64 : GuestMode.CODE32;
        set(VmcsField.VMCS_LINK_POINTER, -1);
        segment("CS", code, wide ? 0xa09b : 0xc09b);
        for (String segment : DATA_SEGMENTS) {
            segment(segment, GuestMode.DATA, 0xc093);
            set(VmcsField.valueOf("HOST_" + segment + "_SELECTOR"), GuestMode.DATA);
        }
        set(VmcsField.HOST_CS_SELECTOR, code);
        set(VmcsField.HOST_TR_SELECTOR, GuestMode.TASK);
        set(VmcsField.GUEST_LDTR_AR_BYTES, 0x10000);
        set(VmcsField.GUEST_TR_SELECTOR, GuestMode.TASK);
        set(VmcsField.GUEST_TR_LIMIT, 0x67);
        set(VmcsField.GUEST_TR_AR_BYTES, 0x8b);
        for (String state : new String[] {"GUEST", "HOST"}) {
            set(VmcsField.valueOf(state + "_TR_BASE"), "task_state");
            set(VmcsField.valueOf(state + "_GDTR_BASE"), "gdt");
            set(VmcsField.valueOf(state + "_IDTR_BASE"), "idt");
        }
        set(VmcsField.GUEST_GDTR_LIMIT, "gdt_end - gdt - 1");
        set(VmcsField.GUEST_IDTR_LIMIT, 0xfff);
        set(VmcsField.GUEST_DR7, 0x400);
        set(VmcsField.GUEST_RFLAGS, 2);
        set(VmcsField.GUEST_RIP, "l2");
        set(VmcsField.GUEST_RSP, "l2_stack");
        set(VmcsField.HOST_RIP, "vmx_exit");
        set(VmcsField.HOST_RSP, "l1_stack");
    }

    private void segment(String segment, int selector, int rights) {
        set(VmcsField.valueOf("GUEST_" + segment + "_SELECTOR"), selector);
        set(VmcsField.valueOf("GUEST_" + segment + "_LIMIT"), 0xffffffffL);
        set(VmcsField.valueOf("GUEST_" + segment + "_AR_BYTES"), rights);
    }

    /** Sets a field; of a 64-bit one in 32-bit code both halves. */
    public VmcsBlock set(VmcsField field, long value) {
        return set(field, Frames.hex(value));
    }

    /**
     * Sets a field to an expression of labels.
     *
     * @param value as the assembler takes it, such as {@code my_code + 2}
     */
    public VmcsBlock set(VmcsField field, String value) {
        fields.put(field, value);
        return this;
    }

    /** Sets controls to 1, and with a secondary one the primary control that activates them. */
    public VmcsBlock enable(VmxFeature... features) {
        for (VmxFeature feature : features) {
            if (!CONTROLS.containsKey(feature.word())) {
                throw new IllegalArgumentException(feature + " is no control");
            }
            controls.merge(feature.word(), feature.mask(), (a, b) -> a | b);
            if (feature.word() == CapabilityWord.SECONDARY) {
                controls.merge(CapabilityWord.PRIMARY, VmxFeature.SECONDARY_CONTROLS.mask(), (a, b) -> a | b);
            }
        }
        return this;
    }

    /** L2's physical addresses go through these tables ({@link Guest#ept}): write-back, four levels. */
    public VmcsBlock ept(String tables) {
        return enable(VmxFeature.ENABLE_EPT).set(VmcsField.EPT_POINTER, tables + " + 0x1e");
    }

    public VmcsBlock vpid(int id) {
        return enable(VmxFeature.ENABLE_VPID).set(VmcsField.VIRTUAL_PROCESSOR_ID, id);
    }

    /** Where L2 begins. */
    public VmcsBlock entry(String label) {
        return set(VmcsField.GUEST_RIP, label);
    }

    /** L2's CR3; L1's own where nothing is said. */
    public VmcsBlock cr3(String tables) {
        return set(VmcsField.GUEST_CR3, tables);
    }

    /** Where L1 goes on when L2 exits; by default reason and qualification are printed and the run ends. */
    public VmcsBlock onExit(String label) {
        return set(VmcsField.HOST_RIP, label);
    }

    /** The subroutine {@code make_NAME} and its tables. */
    String source() {
        boolean wide = mode == GuestMode.LONG;
        StringBuilder text = new StringBuilder();
        text.append("make_").append(name).append(": mov edi, p_").append(name).append('\n');
        text.append("        call vmx_current\n        call vmx_registers\n");
        text.append("        mov esi, ").append(name).append("_controls\n        call vmx_controls\n");
        text.append("        mov esi, ").append(name).append("_fields\n        jmp vmx_fields\n");
        text.append("        align 8\np_")
                .append(name)
                .append(": dq ")
                .append(name)
                .append('\n');
        text.append(name).append("_controls:\n");
        controls.forEach((word, bits) -> text.append("        dd ")
                .append(Frames.hex(CONTROLS.get(word).encoding()))
                .append(", ")
                .append(Frames.hex(word.trueMsr() < 0 ? word.msr() : word.trueMsr()))
                .append(", ")
                .append(Frames.hex(word.msr()))
                .append(", ")
                .append(Frames.hex(bits))
                .append('\n'));
        text.append("        dd -1\n        align 8\n").append(name).append("_fields:\n");
        fields.forEach((field, value) -> {
            String unit = wide ? "        dq " : "        dd ";
            text.append(unit)
                    .append(Frames.hex(field.encoding()))
                    .append(", ")
                    .append(value)
                    .append('\n');
            if (!wide && field.width() == VmcsField.Width.BITS_64) {
                text.append(unit)
                        .append(Frames.hex(field.encoding() + 1))
                        .append(", (")
                        .append(value)
                        .append(") >> 32\n");
            }
        });
        return text.append(wide ? "        dq -1\n" : "        dd -1\n").toString();
    }
}

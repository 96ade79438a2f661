package nestbox.testkit.guest;

import java.util.LinkedHashMap;
import java.util.Map;
import nestbox.svm.vmcb.ExitCode;
import nestbox.svm.vmcb.VmcbField;

/**
 * A VMCB that L1 makes before its own code runs: L2 begins at label {@code l2} in L1's mode with L1's control registers, EFER and
 * descriptor tables, and a stack of its own. VMRUN, VMMCALL and shutdown are intercepted. L1 runs it by {@code mov rax, NAME} and
 * {@code vmrun}.
 */
public final class VmcbBlock {
    private static final int SEGMENTS = 0x400;
    private static final int CS = 1;
    private static final int GDTR = 6;
    private static final int IDTR = 8;
    private static final int TR = 9;

    private final String name;
    private final GuestMode mode;
    private final Map<Integer, String> words = new LinkedHashMap<>();
    private final Map<VmcbField, String> fields = new LinkedHashMap<>();
    private final int[] intercepts = new int[6];

    VmcbBlock(String name, GuestMode mode) {
        this.name = name;
        this.mode = mode;
        intercept(ExitCode.VMRUN, ExitCode.VMMCALL, ExitCode.SHUTDOWN);
        boolean wide = mode == GuestMode.LONG;
        for (int i = 0; i < 6; i++) {
            segment(i, GuestMode.DATA, 0xc93, "0xffffffff", "0");
        }
        segment(CS, wide ? GuestMode.CODE64 : GuestMode.CODE32, wide ? 0xa9b : 0xc9b, "0xffffffff", "0");
        segment(GDTR, 0, 0, "gdt_end - gdt - 1", "gdt");
        segment(IDTR, 0, 0, "0xfff", "idt");
        segment(TR, GuestMode.TASK, 0x8b, "0x67", "task_state");
        set(VmcbField.GUEST_ASID, 1);
        set(VmcbField.DR6, 0xffff0ff0L);
        set(VmcbField.DR7, 0x400);
        set(VmcbField.RFLAGS, 2);
        set(VmcbField.RIP, "l2");
        set(VmcbField.RSP, "l2_stack");
        set(VmcbField.G_PAT, 0x0007040600070406L);
    }

    private void segment(int index, int selector, int attributes, String limit, String base) {
        words.put(SEGMENTS + 16 * index, "((" + limit + ") << 32) + " + Frames.hex((long) attributes << 16 | selector));
        words.put(SEGMENTS + 16 * index + 8, base);
    }

    public VmcbBlock set(VmcbField field, long value) {
        return set(field, Frames.hex(value));
    }

    /** Sets a field to an expression of labels. */
    public VmcbBlock set(VmcbField field, String value) {
        fields.put(field, value);
        return this;
    }

    /** Intercepts what leads to these exits; of a family its first. */
    public VmcbBlock intercept(ExitCode... codes) {
        for (ExitCode code : codes) {
            intercept((int) code.code());
        }
        return this;
    }

    /** Intercepts by the number of the exit code, such as 4Eh for page faults. */
    public VmcbBlock intercept(int code) {
        intercepts[code / 32] |= 1 << code % 32;
        return this;
    }

    /** L2's physical addresses go through these tables ({@link Guest#npt}). */
    public VmcbBlock npt(String tables) {
        return set(VmcbField.NESTED_CONTROL, 1).set(VmcbField.N_CR3, tables);
    }

    public VmcbBlock asid(int id) {
        return set(VmcbField.GUEST_ASID, id);
    }

    /** Where L2 begins. */
    public VmcbBlock entry(String label) {
        return set(VmcbField.RIP, label);
    }

    /** L2's CR3; L1's own where nothing is said. */
    public VmcbBlock cr3(String tables) {
        return set(VmcbField.CR3, tables);
    }

    void presets(Frames frames, long vmcb) {
        for (int i = 0; i < intercepts.length; i++) {
            frames.preset(vmcb + 4L * i, 4, Frames.hex(intercepts[i] & 0xffffffffL));
        }
        words.forEach((offset, value) -> frames.preset(vmcb + offset, 8, value));
        fields.forEach((field, value) -> frames.preset(vmcb + field.offset(), field.bytes() == 8 ? 8 : 4, value));
    }

    /** The subroutine {@code make_NAME}: what the processor has at run time. */
    String source() {
        String text = "make_" + name + ": mov edi, " + name + "\n";
        for (VmcbField register : new VmcbField[] {VmcbField.CR0, VmcbField.CR3, VmcbField.CR4}) {
            if (!fields.containsKey(register)) {
                text += "        mov @ax, " + register.name().toLowerCase(java.util.Locale.ROOT)
                        + "\n        mov [@di + " + register.offset() + "], @ax\n";
            }
        }
        if (!fields.containsKey(VmcbField.EFER)) {
            text += "        mov ecx, 0xc0000080\n        rdmsr\n        mov [@di + " + VmcbField.EFER.offset()
                    + "], eax\n";
        }
        return mode.wide(text + "        ret\n");
    }
}

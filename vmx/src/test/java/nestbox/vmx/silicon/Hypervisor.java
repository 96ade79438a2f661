package nestbox.vmx.silicon;

import java.util.List;
import java.util.Locale;
import nestbox.machine.Machine;
import nestbox.machine.MachineConfig;
import nestbox.machine.load.ImageFile;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.insn.Asm;
import nestbox.x86.model.CpuModel;

/**
 * An L1 hypervisor in real machine code, put together by a test: 32-bit protected mode with 4-MByte pages, identity-mapped. Its
 * L2 shares its address space and runs from label {@code l2}; exits come to label {@code exit}. Results lie at {@link #RESULTS}.
 */
final class Hypervisor {
    static final int RESULTS = 0x500000;
    /** The stack of L2 ends here. */
    static final int L2_STACK = 0x1e0000;

    static final int EPT_ROOT = 0x600000;
    /** The EPT PD: entry i maps guest-physical i * 2 MBytes. */
    static final int EPT_PD = 0x602000;

    static final int IDT = 0x700000;

    static final int LOAD = 0x100000;
    private static final int REVISION = 0x4e42_0001;

    private static final String HEADER = """
            dd 0x1BADB002, 0x10000, 0xE4514FFE
            dd 0x100000, 0x100000, 0, 0, start
            """;

    private static final String START = """
            start:
                mov esp, 0x1f0000
                lgdt [gdt_pointer]
                mov edi, 0x300000
                mov eax, 0x87
            fill:
                mov [edi], eax
                add eax, 0x400000
                add edi, 4
                cmp edi, 0x301000
                jne fill
                mov eax, 0x300000
                mov cr3, eax
                mov eax, 0x2010
                mov cr4, eax
                mov eax, cr0
                or eax, 0x80000021
                mov cr0, eax
                mov ecx, 0x3a
                xor edx, edx
                mov eax, 5
                wrmsr
                mov eax, %d
                mov [0x400000], eax
                mov [0x401000], eax
                vmxon [vmxon_pointer]
                vmclear [vmcs_pointer]
                vmptrld [vmcs_pointer]
            """;

    private static final String DATA = """
            align 8
            gdt: dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00008b0000000067
            gdt_pointer: dw 31
                dd gdt
            align 8
            vmxon_pointer: dq 0x400000
            vmcs_pointer: dq 0x401000
            invept_descriptor: dq %d, 0
            invvpid_descriptor: dq 1, 0
            """;

    private final StringBuilder code = new StringBuilder();
    private final boolean ept;
    private final boolean vpid;

    Hypervisor(boolean ept, boolean vpid) {
        this.ept = ept;
        this.vpid = vpid;
        code.append(String.format(Locale.ROOT, START, REVISION));
        if (ept) {
            tables();
        }
        controls();
        hostState();
        guestState();
    }

    private void tables() {
        code.append(String.format(
                Locale.ROOT, """
                    mov dword [%d], %d
                    mov dword [%d], %d
                    mov edi, %d
                    mov eax, 0xb7
                ept_fill:
                    mov [edi], eax
                    add eax, 0x200000
                    add edi, 8
                    cmp edi, %d
                    jne ept_fill
                """, EPT_ROOT, EPT_ROOT + 0x1007, EPT_ROOT + 0x1000, EPT_PD + 7, EPT_PD, EPT_PD + 0x100));
    }

    /** VMWRITE of the low half. */
    Hypervisor field(VmcsField field, String value) {
        code.append("mov eax, ").append(field.encoding()).append('\n');
        code.append("mov edx, ").append(value).append('\n');
        code.append("vmwrite eax, edx\n");
        return this;
    }

    Hypervisor field(VmcsField field, long value) {
        return field(field, Long.toString(value));
    }

    Hypervisor asm(String text) {
        code.append(text);
        return this;
    }

    /** Stores a field's low half as result {@code slot}. */
    Hypervisor result(VmcsField field, int slot) {
        code.append("mov eax, ").append(field.encoding()).append('\n');
        code.append("vmread edx, eax\n");
        code.append("mov [").append(RESULTS + 4 * slot).append("], edx\n");
        return this;
    }

    /** The pin-based controls: what must be 1, and {@code wanted}. */
    Hypervisor pin(long wanted) {
        control(VmcsField.PIN_BASED_VM_EXEC_CONTROL, 0x481, wanted);
        return this;
    }

    /** The primary controls with "activate secondary controls", and the secondary controls. */
    Hypervisor processor(long primary, long secondary) {
        control(VmcsField.CPU_BASED_VM_EXEC_CONTROL, 0x482, primary | 0x80000000L);
        return field(VmcsField.SECONDARY_VM_EXEC_CONTROL, secondary);
    }

    Hypervisor exitControls(long wanted) {
        control(VmcsField.VM_EXIT_CONTROLS, 0x483, wanted);
        return this;
    }

    Hypervisor entryControls(long wanted) {
        control(VmcsField.VM_ENTRY_CONTROLS, 0x484, wanted);
        return this;
    }

    /** L2 gets an IDT at {@link #IDT} of 256 gates, with {@code label} for one vector. */
    Hypervisor interruptGate(int vector, String label) {
        int gate = IDT + 8 * vector;
        asm("mov eax, " + label + "\nmov word [" + gate + "], ax\nmov word [" + (gate + 2) + "], 8\n" + "mov word ["
                + (gate + 4) + "], 0x8e00\nshr eax, 16\nmov word [" + (gate + 6) + "], ax\n");
        return field(VmcsField.GUEST_IDTR_BASE, IDT).field(VmcsField.GUEST_IDTR_LIMIT, 0x7ff);
    }

    /** A control word: what its capability MSR demands, and {@code wanted}. */
    private void control(VmcsField field, int msr, long wanted) {
        code.append("mov ecx, ")
                .append(msr)
                .append("\nrdmsr\nor eax, ")
                .append(wanted)
                .append("\nmov edx, eax\n");
        code.append("mov eax, ").append(field.encoding()).append("\nvmwrite eax, edx\n");
    }

    private void controls() {
        control(VmcsField.PIN_BASED_VM_EXEC_CONTROL, 0x481, 0);
        boolean secondary = ept || vpid;
        control(VmcsField.CPU_BASED_VM_EXEC_CONTROL, 0x482, secondary ? 0x80000000L : 0);
        control(VmcsField.VM_EXIT_CONTROLS, 0x483, 0);
        control(VmcsField.VM_ENTRY_CONTROLS, 0x484, 0);
        if (secondary) {
            field(VmcsField.SECONDARY_VM_EXEC_CONTROL, (ept ? 2 : 0) | (vpid ? 0x20 : 0));
        }
        if (ept) {
            field(VmcsField.EPT_POINTER, EPT_ROOT + 0x1e);
        }
        if (vpid) {
            field(VmcsField.VIRTUAL_PROCESSOR_ID, 1);
        }
        field(VmcsField.VMCS_LINK_POINTER, 0xffffffffL);
        code.append("mov eax, 0x2801\nmov edx, 0xffffffff\nvmwrite eax, edx\n");
    }

    private void fromRegister(VmcsField field, String register) {
        code.append("mov edx, ").append(register).append('\n');
        code.append("mov eax, ").append(field.encoding()).append("\nvmwrite eax, edx\n");
    }

    private void hostState() {
        fromRegister(VmcsField.HOST_CR0, "cr0");
        fromRegister(VmcsField.HOST_CR3, "cr3");
        fromRegister(VmcsField.HOST_CR4, "cr4");
        field(VmcsField.HOST_CS_SELECTOR, 8);
        for (VmcsField f : List.of(
                VmcsField.HOST_SS_SELECTOR,
                VmcsField.HOST_DS_SELECTOR,
                VmcsField.HOST_ES_SELECTOR,
                VmcsField.HOST_FS_SELECTOR,
                VmcsField.HOST_GS_SELECTOR)) {
            field(f, 16);
        }
        field(VmcsField.HOST_TR_SELECTOR, 24);
        field(VmcsField.HOST_GDTR_BASE, "gdt");
        field(VmcsField.HOST_RSP, 0x1f0000);
        field(VmcsField.HOST_RIP, "exit");
    }

    private void guestState() {
        fromRegister(VmcsField.GUEST_CR0, "cr0");
        fromRegister(VmcsField.GUEST_CR3, "cr3");
        fromRegister(VmcsField.GUEST_CR4, "cr4");
        for (int i = 0; i < 6; i++) {
            field(SegmentFields.SELECTOR[i], i == 1 ? 8 : 16);
            field(SegmentFields.LIMIT[i], 0xffffffffL);
            field(SegmentFields.RIGHTS[i], i == 1 ? 0xc09b : 0xc093);
        }
        field(SegmentFields.RIGHTS[6], 0x10000);
        field(SegmentFields.SELECTOR[7], 24);
        field(SegmentFields.LIMIT[7], 0x67);
        field(SegmentFields.RIGHTS[7], 0x8b);
        field(VmcsField.GUEST_GDTR_BASE, "gdt");
        field(VmcsField.GUEST_GDTR_LIMIT, 31);
        field(VmcsField.GUEST_DR7, 0x400);
        field(VmcsField.GUEST_RFLAGS, 2);
        field(VmcsField.GUEST_RSP, L2_STACK);
        field(VmcsField.GUEST_RIP, "l2");
    }

    /** The program ends with this: port F4h. */
    static final String END = "mov al, 1\nout 0xf4, al\nhlt\n";

    /** Goes on with L2 behind the instruction that caused the exit. */
    static final String RESUME_BEHIND = """
            mov eax, 0x440c
            vmread edx, eax
            mov eax, 0x681e
            vmread ecx, eax
            add ecx, edx
            vmwrite eax, ecx
            vmresume
            """;

    /** The program, for {@link #LOAD}. */
    String text() {
        return HEADER + code + String.format(Locale.ROOT, DATA, EPT_ROOT + 0x1e);
    }

    /** The machine with the program loaded; label {@code failed} is where VMLAUNCH and VMRESUME fall through to. */
    Machine machine(String model, String policy) {
        String text = text();
        MachineConfig config = MachineConfig.builder(CpuModel.parse(model))
                .memoryBytes(32 << 20)
                .tlbPolicy(policy)
                .virtualization(new VmxProvider())
                .build();
        Machine machine = new Machine(config);
        machine.load(new ImageFile("l1", Asm.assemble(32, LOAD, text)), "", List.of());
        return machine;
    }

    static int result(Machine machine, int slot) {
        return (int) machine.memory().read(RESULTS + 4L * slot, 4);
    }
}

package nestbox.fuzz;

import java.util.Arrays;
import java.util.List;
import nestbox.core.Seed;
import nestbox.machine.Machine;
import nestbox.machine.load.ImageFile;
import nestbox.mmu.memory.PhysicalMemory;
import nestbox.svm.vmcb.ExitCode;
import nestbox.testkit.guest.Guest;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.insn.Assembly;

/**
 * An L1 whose L2 runs slots of random code, one an entry, each with a few fields of a good VMCS or VMCB changed at random; some slots
 * L1 runs itself. Whatever comes back, an exit, a failed entry or a fault, leads to the next slot with a fresh VMCS or VMCB.
 */
final class RandomHypervisor {
    static final int MOST = 128;

    private static final int SLOTS = 0x800000;
    private static final int SLOT = 128;
    private static final int RECORDS = 0x900000;
    private static final int OWN = 0x910000;
    private static final int FIELDS = 4;
    private static final long INVERT = 1L << 31;

    private static final String TIMER = """
                    mov eax, 0xfee00000
                    mov dword [rax + 0xf0], 0x1ff
                    mov dword [rax + 0x3e0], 11
                    mov dword [rax + 0x320], 0x20030
                    mov dword [rax + 0x380], 3000
            """;
    private static final String TURN = """
                    mov rsp, l1_stack
                    sti
                    nop
                    cli
                    mov eax, [turn]
                    inc dword [turn]
                    cmp eax, [OWN + 0x1000]
                    jae finish
                    mov ebx, eax
                    shl ebx, 7
                    add ebx, SLOTS
                    cmp byte [rax + OWN], 0
                    je .enter
                    jmp rbx
            .enter: shl eax, 6
                    add eax, RECORDS
                    mov esi, eax
                    mov ebp, 4
            """;
    private static final String VMX = """
            next:   call make_vmcs
            """ + TURN + """
                    mov ecx, 0x681e
                    vmwrite rcx, rbx
            .field: mov rcx, [rsi]
                    mov rax, [rsi + 8]
                    btr rcx, 31
                    jnc .write
                    vmread rdx, rcx
                    xor rax, rdx
            .write: vmwrite rcx, rax
                    add esi, 16
                    dec ebp
                    jnz .field
                    vmlaunch
                    jmp next
            """;
    private static final String SVM = """
                    mov esi, vmcb
                    mov edi, good
                    mov ecx, 1024
                    rep movsd
            next:   cld
                    stgi
                    mov esi, good
                    mov edi, vmcb
                    mov ecx, 1024
                    rep movsd
            """ + TURN + """
                    mov [vmcb + 0x578], rbx
            .field: mov rcx, [rsi]
                    mov rax, [rsi + 8]
                    btr rcx, 31
                    jnc .write
                    xor rax, [rcx + vmcb]
            .write: mov [rcx + vmcb], rax
                    add esi, 16
                    dec ebp
                    jnz .field
                    mov eax, vmcb
                    vmrun
                    jmp next
            """;
    private static final String TICK = """
                    push rax
                    mov eax, 0xfee000b0
                    mov dword [rax], 0
                    pop rax
                    iretq
            """;

    private final Seed random;
    private final boolean intel;
    private final boolean tdp;
    private final Values values;

    /** @param tdp L1 uses EPT or nested paging */
    RandomHypervisor(Seed random, boolean intel, boolean tdp) {
        this.random = random;
        this.intel = intel;
        this.tdp = tdp;
        values = new Values(random);
    }

    private Guest guest() {
        Guest guest = Guest.longMode()
                .constant("SLOTS", SLOTS)
                .constant("RECORDS", RECORDS)
                .constant("OWN", OWN);
        guest.tables("tables", t -> t.identity(16 << 20).map(0xfee00000L, 0xfee00000L))
                .page("turn")
                .page("good");
        for (int vector = 0; vector < 32; vector++) {
            guest.handler(vector, "next");
        }
        guest.handler(0x30, "tick").label("tick", TICK).label("l2", "        hlt\n");
        if (!intel) {
            if (tdp) {
                guest.npt("stage", t -> t.identity(16 << 20));
            }
            return guest.vmcb("vmcb", v -> (tdp ? v.npt("stage") : v).intercept(ExitCode.INTR, ExitCode.HLT))
                    .body(TIMER + SVM);
        }
        if (tdp) {
            guest.ept("stage", t -> t.identity(16 << 20));
        }
        return guest.vmcs("vmcs", v -> {
                    v.onExit("next").enable(VmxFeature.EXTERNAL_INTERRUPT_EXITING, VmxFeature.HLT_EXITING);
                    return tdp ? v.ept("stage").vpid(1) : v;
                })
                .body(TIMER + VMX);
    }

    /** Loads L1 and {@code slots} slots; the machine is ready to run. */
    void load(Machine machine, int slots) {
        Assembly image = guest().assemble();
        machine.load(new ImageFile("random", image.bytes()), "", List.of());
        PhysicalMemory memory = machine.memory();
        memory.write(OWN + 0x1000, 4, slots);
        Slots maker = new Slots(random, 64);
        for (int i = 0; i < slots; i++) {
            byte[] code = maker.slot(random.nextInt(4) == 0);
            long at = SLOTS + (long) SLOT * i;
            int length = Math.min(code.length, SLOT - 8);
            memory.copyIn(at, Arrays.copyOf(code, length), 0, length);
            memory.write(at + length, 4, intel ? 0xe9c1010fL : 0xe9d9010fL);
            memory.write(at + length + 4, 4, image.address("next") - at - length - 8);
            memory.write(OWN + i, 1, random.nextInt(16) == 0 ? 1 : 0);
            for (int k = 0; k < FIELDS; k++) {
                record(memory, RECORDS + 64L * i + 16L * k, k);
            }
        }
    }

    /** A field that is overwritten, or a bit of one inverted; one that does not exist changes nothing. */
    private void record(PhysicalMemory memory, long at, int number) {
        boolean none = random.nextInt(1 + number) != 0;
        boolean invert = random.nextInt(2) == 0;
        long field = intel ? none ? 0x7ffe : vmcs() : none ? 0x800 : vmcb();
        memory.write(at, 8, field | (invert ? INVERT : 0));
        memory.write(at + 8, 8, invert ? 1L << random.nextInt(random.nextInt(4) == 0 ? 64 : 32) : values.any());
    }

    private long vmcs() {
        VmcsField[] fields = VmcsField.values();
        VmcsField field = fields[random.nextInt(fields.length)];
        return field.name().startsWith("HOST") && random.nextInt(8) != 0 ? 0x7ffe : field.encoding();
    }

    private long vmcb() {
        return switch (random.nextInt(4)) {
            case 0 -> random.nextInt(0x20);
            case 1 -> 0x58 + random.nextInt(0xa8);
            case 2 -> 0x400 + random.nextInt(0xc0);
            default -> 0x4c0 + random.nextInt(0x1e8);
        };
    }
}

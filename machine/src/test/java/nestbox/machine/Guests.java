package nestbox.machine;

import java.io.ByteArrayOutputStream;
import java.util.List;
import nestbox.machine.load.ImageFile;
import nestbox.x86.insn.Asm;
import nestbox.x86.model.CpuModel;

/** Guest programs for tests: assembled with a Multiboot header in front, started in 32-bit protected mode. */
final class Guests {
    static final int LOAD = 0x100000;
    private static final CpuModel MODEL = CpuModel.parse("max");

    /** The header with address fields; then the program from {@code start} on. */
    private static final String HEADER = """
            dd 0x1BADB002, 0x10000, 0xE4514FFE
            dd 0x100000, 0x100000, 0, 0, start
            """;

    /** Replies to {@code call idt_gate} (EAX vector, EDX handler) and {@code call idt_load}; gates lie at 200000h. */
    static final String IDT = """
            idt_gate:
                mov [0x200000 + eax * 8], dx
                mov word [0x200002 + eax * 8], 8
                mov word [0x200004 + eax * 8], 0x8e00
                shr edx, 16
                mov [0x200006 + eax * 8], dx
                ret
            idt_load:
                lgdt [gdt_pointer]
                lidt [idt_pointer]
                ret
            align 8
            gdt: dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
            gdt_pointer: dw 23
                dd gdt
            idt_pointer: dw 0x7ff
                dd 0x200000
            """;

    private Guests() {}

    static MachineConfig.Builder config() {
        return MachineConfig.builder(MODEL).memoryBytes(16 << 20);
    }

    static ImageFile image(String source) {
        return new ImageFile("guest", Asm.assemble(32, LOAD, HEADER + source));
    }

    static Machine machine(MachineConfig.Builder config, String source) {
        Machine machine = new Machine(config.build());
        machine.load(image(source), "", List.of());
        return machine;
    }

    /** Runs a program to its end and gives what it printed. */
    static String output(String source) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        machine(config().serial(out), source).run(10_000_000);
        return out.toString(java.nio.charset.StandardCharsets.ISO_8859_1);
    }
}

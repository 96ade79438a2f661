package nestbox.benchmarks;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import nestbox.core.Seed;
import nestbox.machine.load.ImageFile;
import nestbox.x86.insn.Asm;

/** The guests that are timed, assembled from source. */
final class Guests {
    private static final long LOAD_ADDRESS = 0x100000;
    private static final int FUNCTIONS = 256;
    private static final int SEGMENTS = 5;
    private static final String[] REGISTERS = {"ax", "cx", "dx", "si", "di"};

    private Guests() {}

    /** One hot loop of integer, memory, branch and call work. */
    static ImageFile mixed() {
        return image("mixed", read("mixed.asm"));
    }

    /** 256 functions of five segments each, with an unpredictable branch after each segment. */
    static ImageFile large() {
        Seed seed = new Seed(1);
        StringBuilder source = new StringBuilder("work:\n mov r12, 1000000\nagain:\n");
        for (int i = 0; i < FUNCTIONS; i++) {
            source.append(" call f").append(seed.nextInt(FUNCTIONS)).append('\n');
        }
        source.append(" dec r12\n jnz again\n jmp done\n");
        for (int i = 0; i < FUNCTIONS; i++) {
            source.append('f').append(i).append(":\n");
            for (int segment = 0; segment < SEGMENTS; segment++) {
                segment(source, seed, "f" + i + "_" + segment);
            }
            source.append(" ret\n");
        }
        return image("large", source.toString());
    }

    /** A processor that halts for good at once. */
    static ImageFile idle() {
        return image("idle", "work:\n cli\n hlt\n jmp done\n");
    }

    /** Writes an empty line to the serial port with its first instructions and ends. */
    static ImageFile first() {
        return new ImageFile("first", Asm.assemble(32, LOAD_ADDRESS, """
                    dd 0x1BADB002, 0x00010000, -(0x1BADB002 + 0x00010000)
                    dd 0x100000, 0x100000, 0, 0, start
                start:
                    mov dx, 0x3f8
                    mov al, 10
                    out dx, al
                    mov al, 0
                    out 0xf4, al
                """));
    }

    private static void segment(StringBuilder source, Seed seed, String label) {
        for (int i = 4 + seed.nextInt(6); i > 0; i--) {
            source.append(' ').append(instruction(seed)).append('\n');
        }
        source.append(" imul r8, r8, 1103515245\n add r8, 12345\n test r8d, ").append(1 << 16 + seed.nextInt(10));
        source.append("\n jz ")
                .append(label)
                .append("\n add rax, 40\n")
                .append(label)
                .append(":\n");
    }

    private static String instruction(Seed seed) {
        String a = "r" + REGISTERS[seed.nextInt(REGISTERS.length)];
        String b = "r" + REGISTERS[seed.nextInt(REGISTERS.length)];
        int offset = 8 * seed.nextInt(500);
        switch (seed.nextInt(10)) {
            case 0:
                return "add " + a + ", " + b;
            case 1:
                return "mov " + a + ", [rbx + " + offset + "]";
            case 2:
                return "mov [rbx + " + offset + "], " + a;
            case 3:
                return "lea " + a + ", [" + b + " + " + offset + "]";
            case 4:
                return "xor " + a + ", " + b;
            case 5:
                return "shr " + a + ", " + (1 + offset % 7);
            case 6:
                return "add " + a + ", " + offset;
            case 7:
                return "movzx e" + a.substring(1) + ", byte [rbx + " + offset + "]";
            case 8:
                return "sub " + a + ", " + b;
            default:
                return "and " + a + ", 0x7fffffff";
        }
    }

    static ImageFile image(String name, String work) {
        return new ImageFile(name, Asm.assemble(32, LOAD_ADDRESS, read("frame.asm") + work));
    }

    static String read(String resource) {
        try (InputStream in = Guests.class.getResourceAsStream(resource)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}

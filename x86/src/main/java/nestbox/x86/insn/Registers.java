package nestbox.x86.insn;

import java.util.HashMap;
import java.util.Map;

/** Names of registers, as assembler and disassembler write them. */
final class Registers {
    private static final String[] LEGACY = {"ax", "cx", "dx", "bx", "sp", "bp", "si", "di"};
    private static final String[] LOW = {"al", "cl", "dl", "bl", "ah", "ch", "dh", "bh"};
    private static final String[] LOW_REX = {"al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil"};
    private static final String[] SEGMENTS = {"es", "cs", "ss", "ds", "fs", "gs"};
    private static final Map<String, Arg.Register> BY_NAME = byName();

    private Registers() {}

    /** Name of general register {@code number}; {@code rex} tells SPL from AH. */
    static String general(int number, int bits, boolean rex) {
        if (number >= 8) {
            return "r" + number + (bits == 8 ? "b" : bits == 16 ? "w" : bits == 32 ? "d" : "");
        }
        return switch (bits) {
            case 8 -> rex ? LOW_REX[number] : LOW[number];
            case 16 -> LEGACY[number];
            case 32 -> "e" + LEGACY[number];
            default -> "r" + LEGACY[number];
        };
    }

    static String segment(int number) {
        return number < SEGMENTS.length ? SEGMENTS[number] : "?";
    }

    static String vector(int number, int bits) {
        return (bits == 256 ? "ymm" : "xmm") + number;
    }

    /** The register of that name in lower case, or null. */
    static Arg.Register find(String name) {
        return BY_NAME.get(name);
    }

    private static Map<String, Arg.Register> byName() {
        Map<String, Arg.Register> names = new HashMap<>();
        for (int n = 0; n < 16; n++) {
            for (int bits = 16; bits <= 64; bits *= 2) {
                put(names, general(n, bits, false), Arg.Type.GENERAL, n, bits);
            }
            put(names, general(n, 8, true), Arg.Type.GENERAL, n, 8);
            put(names, vector(n, 128), Arg.Type.VECTOR, n, 128);
            put(names, vector(n, 256), Arg.Type.VECTOR, n, 256);
            put(names, "cr" + n, Arg.Type.CONTROL, n, 0);
            put(names, "dr" + n, Arg.Type.DEBUG, n, 0);
        }
        for (int n = 0; n < 8; n++) {
            put(names, "mm" + n, Arg.Type.MMX, n, 64);
            put(names, "st" + n, Arg.Type.X87, n, 80);
            put(names, "st(" + n + ")", Arg.Type.X87, n, 80);
        }
        put(names, "st", Arg.Type.X87, 0, 80);
        for (int n = 4; n < 8; n++) {
            put(names, LOW[n], Arg.Type.HIGH_BYTE, n, 8);
        }
        for (int n = 0; n < SEGMENTS.length; n++) {
            put(names, SEGMENTS[n], Arg.Type.SEGMENT, n, 16);
        }
        return names;
    }

    private static void put(Map<String, Arg.Register> names, String name, Arg.Type type, int number, int bits) {
        names.put(name, new Arg.Register(name, type, number, bits));
    }
}

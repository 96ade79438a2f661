package nestbox.x86.insn;

import nestbox.x86.Reg;

/** The prefixes of one instruction (SDM Vol. 2A, "Instruction Prefixes"; the VEX, EVEX and XOP prefixes included). */
final class Prefixes {
    boolean operand;
    boolean address;
    boolean lock;
    /** The last of F2 and F3, or 0. */
    int repeat;
    /** Segment override, or -1. */
    int segment;
    /** REX byte, or the equivalent R, X, B of a vector prefix; 0 without. */
    int rex;

    boolean vectorW;
    /** 0 for 128 bits, 1 for 256, 2 for 512. */
    int vectorLength;

    int vectorMap;
    /** vvvv as a register number. */
    int vvvv;

    private int vectorPrefix;
    private boolean vector;

    /** Reads prefixes and the first opcode byte, which it returns; -1 if bytes are lacking. */
    int read(Bytes bytes, int codeSize) {
        operand = false;
        address = false;
        lock = false;
        repeat = 0;
        segment = -1;
        rex = 0;
        vector = false;
        while (true) {
            int b = bytes.next();
            switch (b) {
                case 0x26, 0x2e, 0x36, 0x3e -> segment = b >> 3 & 3;
                case 0x64 -> segment = Reg.FS;
                case 0x65 -> segment = Reg.GS;
                case 0x66 -> operand = true;
                case 0x67 -> address = true;
                case 0xf0 -> lock = true;
                case 0xf2, 0xf3 -> repeat = b;
                default -> {
                    if (codeSize == 64 && (b & 0xf0) == 0x40) {
                        rex = b;
                        continue;
                    }
                    return b;
                }
            }
            rex = 0;
        }
    }

    /** Whether C4, C5, 62 or 8F begins a vector prefix here, judged by the byte behind it. */
    static boolean isVector(int opcode, int next, int codeSize) {
        if (opcode == 0x8f) {
            return (next & 0x1f) >= 8 && (codeSize == 64 || next >= 0xc0);
        }
        return codeSize == 64 || next >= 0xc0;
    }

    /** Reads the rest of the vector prefix that begins with {@code first}; false if bytes are lacking. */
    boolean readVector(Bytes bytes, int first, int codeSize) {
        int one = bytes.next();
        int two = one;
        int three = 0;
        if (first != 0xc5) {
            two = bytes.next();
        }
        if (first == 0x62) {
            three = bytes.next();
        }
        if (two < 0 || three < 0) {
            return false;
        }
        vector = true;
        rex = 0x40 | (~one >> 5 & 4);
        vectorMap = 1;
        vectorW = false;
        if (first != 0xc5) {
            rex = 0x40 | ~one >> 5 & 7;
            vectorMap = first == 0x62 ? one & 7 : one & 0x1f;
            vectorW = (two & 0x80) != 0;
        }
        rex = codeSize == 64 ? rex : 0x40;
        vvvv = ~two >> 3 & 15;
        vectorPrefix = two & 3;
        vectorLength = first == 0x62 ? Math.min(three >> 5 & 3, 2) : two >> 2 & 1;
        return true;
    }

    /** Operand size by code size, 66h and W, before the rows' own rules. */
    int operandSize(int codeSize, boolean w) {
        boolean small = operand && !vector;
        if (codeSize == 64) {
            return w ? 64 : small ? 16 : 32;
        }
        return vector ? 32 : small ? 48 - codeSize : codeSize;
    }

    /** The mandatory prefix's bit of {@link Match}: F2 and F3 win over 66. */
    long match() {
        if (vector) {
            return Match.NO_PREFIX << vectorPrefix;
        }
        if (repeat != 0) {
            return repeat == 0xf3 ? Match.PREFIX_F3 : Match.PREFIX_F2;
        }
        return operand ? Match.PREFIX_66 : Match.NO_PREFIX;
    }
}

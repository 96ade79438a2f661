package nestbox.x86.insn;

import nestbox.x86.Reg;

/** Writes memory operands: width, segment override, address. */
final class MemoryText {
    private MemoryText() {}

    static void append(Insn in, Width width, int bits, long address, StringBuilder text) {
        if (width == Width.P) {
            text.append("far ").append(name(bits - 16));
        } else if (width != Width.S && width != Width.A) {
            text.append(name(bits));
        }
        text.append('[');
        if (overridden(in)) {
            text.append(Registers.segment(in.seg)).append(':');
        }
        if (in.base == Reg.BLOCK_RIP) {
            long target = address + in.length + in.disp;
            text.append(in.addressSize == 32 ? "rel dword " : "rel ");
            Disassembler.hex(text, in.addressSize == 32 ? target & 0xffffffffL : target);
        } else if (in.base == Reg.ZERO && in.index == Reg.ZERO && !vectorIndex(in)) {
            absolute(in, text);
        } else {
            registers(in, text);
        }
        text.append(']');
    }

    private static String name(int bits) {
        return switch (bits) {
            case 8 -> "byte ";
            case 16 -> "word ";
            case 32 -> "dword ";
            case 64 -> "qword ";
            case 80 -> "tword ";
            case 128 -> "oword ";
            case 256 -> "yword ";
            default -> "";
        };
    }

    private static boolean overridden(Insn in) {
        if (in.codeSize == 64) {
            return in.seg != Insn.FLAT;
        }
        boolean stack = in.base == Reg.RBP || in.base == Reg.RSP;
        return in.seg != (stack ? Reg.SS : Reg.DS);
    }

    private static void absolute(Insn in, StringBuilder text) {
        boolean offset = in.modrm == 0
                && in.form.shape().immediates() != null
                && in.addressSize == 64
                && in.form.shape().immediates()[0].kind() == Operand.Kind.OFFSET;
        if (offset) {
            text.append("qword ");
        } else if (in.addressSize != in.codeSize) {
            text.append(in.addressSize == 16 ? "word " : "dword ");
        }
        Disassembler.hex(text, in.addressSize == 64 ? in.disp : in.disp & (1L << in.addressSize) - 1);
    }

    private static boolean vectorIndex(Insn in) {
        return in.form.is(Attribute.VSIB) || in.form.is(Attribute.VSIBX);
    }

    private static void registers(Insn in, StringBuilder text) {
        String separator = "";
        if (in.base != Reg.ZERO) {
            text.append(Registers.general(in.base, in.addressSize, true));
            separator = "+";
        }
        if (vectorIndex(in)) {
            int number = in.index == Reg.ZERO ? 4 : in.index;
            text.append(separator).append(Registers.vector(number, in.form.is(Attribute.VSIB) ? in.vexLength : 128));
            text.append('*').append(1 << in.scale);
        } else if (in.index != Reg.ZERO) {
            text.append(separator).append(Registers.general(in.index, in.addressSize, true));
            if (in.addressSize != 16) {
                text.append('*').append(1 << in.scale);
            }
        }
        boolean bare = in.modrm >> 6 == 0 && in.base != Reg.ZERO;
        if (bare) {
            return;
        }
        text.append(in.disp < 0 ? '-' : '+');
        Disassembler.hex(text, Math.abs(in.disp));
    }
}

package nestbox.x86.insn;

import nestbox.x86.Reg;

/** Memory operands by ModRM and SIB (SDM Vol. 2A, "Addressing-Mode Encoding of ModR/M and SIB Bytes"). */
final class ModRm {
    private static final int[] BASE_16 = {Reg.RBX, Reg.RBX, Reg.RBP, Reg.RBP, Reg.RSI, Reg.RDI, Reg.RBP, Reg.RBX};
    private static final int[] INDEX_16 = {Reg.RSI, Reg.RDI, Reg.RSI, Reg.RDI, Reg.ZERO, Reg.ZERO, Reg.ZERO, Reg.ZERO};

    private ModRm() {}

    /** Decodes the memory operand of {@code in.modrm}; false if bytes are lacking. */
    static boolean memory(Insn in, Bytes bytes, Prefixes prefixes) {
        in.memory = true;
        boolean complete = in.addressSize == 16 ? memory16(in, bytes) : memory32(in, bytes, prefixes.rex);
        segment(in, prefixes, in.base == Reg.RSP || in.base == Reg.RBP);
        return complete;
    }

    /** Sets the segment of an operand without ModRM: DS or the override. */
    static void implicit(Insn in, Prefixes prefixes) {
        segment(in, prefixes, false);
    }

    private static void segment(Insn in, Prefixes prefixes, boolean stack) {
        int override = prefixes.segment;
        if (in.codeSize == 64) {
            boolean based = override == Reg.FS || override == Reg.GS;
            in.seg = based ? override : Insn.FLAT;
            in.stackSegment = stack && !based;
        } else {
            in.seg = override >= 0 ? override : stack ? Reg.SS : Reg.DS;
            in.stackSegment = in.seg == Reg.SS;
        }
    }

    private static boolean memory16(Insn in, Bytes bytes) {
        int mod = in.modrm >> 6;
        int rm = in.modrm & 7;
        if (mod == 0 && rm == 6) {
            return displacement(in, bytes, 2);
        }
        in.base = BASE_16[rm];
        in.index = INDEX_16[rm];
        return displacement(in, bytes, mod);
    }

    private static boolean memory32(Insn in, Bytes bytes, int rex) {
        int mod = in.modrm >> 6;
        int base = in.modrm & 7;
        if (base == 4) {
            int sib = bytes.next();
            if (sib < 0) {
                return false;
            }
            int index = sib >> 3 & 7 | (rex & 2) << 2;
            in.index = index == 4 ? Reg.ZERO : index;
            in.scale = sib >> 6;
            base = sib & 7;
            if (mod == 0 && base == 5) {
                return displacement(in, bytes, 4);
            }
        } else if (mod == 0 && base == 5) {
            in.base = in.codeSize == 64 ? Reg.BLOCK_RIP : Reg.ZERO;
            return displacement(in, bytes, 4);
        }
        in.base = base | (rex & 1) << 3;
        return displacement(in, bytes, mod == 2 ? 4 : mod);
    }

    private static boolean displacement(Insn in, Bytes bytes, int count) {
        if (!bytes.take(count)) {
            return false;
        }
        in.disp = count == 0 ? 0 : bytes.taken(count);
        return true;
    }
}

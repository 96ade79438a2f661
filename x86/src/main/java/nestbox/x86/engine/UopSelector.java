package nestbox.x86.engine;

import nestbox.x86.Reg;
import nestbox.x86.insn.Insn;
import nestbox.x86.op.Kinds;

/** Chooses the {@link Uop} of a decoded instruction; forms that are not hot keep {@link Uop#HANDLER}. */
final class UopSelector {
    private UopSelector() {}

    static void select(Insn in) {
        if (in.form == null || in.codeSize != 64 || in.lock || in.rep || in.repne) {
            return;
        }
        if (in.memory && in.addressSize != 64) {
            return;
        }
        in.faultSeg = in.stackSegment ? Reg.SS : in.seg;
        in.uop = choose(in);
    }

    private static int choose(Insn in) {
        switch (in.form.mnemonic()) {
            case "MOV":
                return mov(in);
            case "LEA":
                return lea(in);
            case "MOVZX":
                return movzx(in);
            case "MOVSX":
            case "MOVSXD":
                return movsx(in);
            case "NOP":
                return in.memory ? Uop.HANDLER : Uop.NOP;
            case "ADD":
                return alu(in, Uop.ADD64);
            case "SUB":
                return alu(in, Uop.SUB64);
            case "AND":
                return alu(in, Uop.AND64);
            case "OR":
                return alu(in, Uop.OR64);
            case "XOR":
                return alu(in, Uop.XOR64);
            case "CMP":
                return compare(in);
            case "TEST":
                return test(in);
            case "INC":
                return unary(in, Uop.INC64, Uop.INC32);
            case "DEC":
                return unary(in, Uop.DEC64, Uop.DEC32);
            case "SHL":
                return shift(in, Uop.SHL64, Uop.SHL32);
            case "SHR":
                return shift(in, Uop.SHR64, Uop.SHR32);
            case "SAR":
                return shift(in, Uop.SAR64, Uop.SAR32);
            case "IMUL":
                return imul(in);
            case "PUSH":
                return push(in);
            case "POP":
                return pop(in);
            case "CALL":
            case "JMP":
                return transfer(in);
            case "RET":
                return in.size == 64 && Kinds.count(in) == 0 ? Uop.RET : Uop.HANDLER;
            default:
                return conditional(in);
        }
    }

    /** 0 for 64-bit operands, 1 for 32-bit ones, -1 for others. */
    private static int width(Insn in) {
        return in.size == 64 ? 0 : in.size == 32 ? 1 : -1;
    }

    private static boolean legacyHigh(Insn in, int register) {
        return !in.rex && register >= 4 && register < 8;
    }

    /** Sets the source (a register or an immediate) of operand {@code i}; false if it is neither, or AH..BH. */
    private static boolean source(Insn in, int i) {
        if (Kinds.isImmediate(in, i)) {
            in.src = Reg.ZERO;
            return true;
        }
        int register = register(in, i);
        if (register < 0) {
            return false;
        }
        in.src = register;
        in.imm = 0;
        return true;
    }

    /** The general register that operand {@code i} is, or -1: memory, AH..BH, or something else. */
    private static int register(Insn in, int i) {
        int register;
        if (Kinds.isAccumulator(in, i)) {
            return Reg.RAX;
        } else if (Kinds.isReg(in, i)) {
            register = in.reg;
        } else if (Kinds.isRm(in, i) && !in.memory) {
            register = in.rm;
        } else {
            return -1;
        }
        return Kinds.bits(in, i) == 8 && legacyHigh(in, register) ? -1 : register;
    }

    private static boolean memory(Insn in, int i) {
        return in.memory && Kinds.isRm(in, i);
    }

    private static int mov(Insn in) {
        if (Kinds.count(in) != 2 || !(Kinds.isRm(in, 0) || Kinds.isReg(in, 0) || Kinds.isAccumulator(in, 0))) {
            return Uop.HANDLER;
        }
        if (memory(in, 0)) {
            return source(in, 1) ? bySize(in, Uop.STORE64, Uop.STORE32, Uop.STORE16, Uop.STORE8) : Uop.HANDLER;
        }
        int width = width(in);
        if (width < 0) {
            return Uop.HANDLER;
        }
        in.dst = register(in, 0);
        if (in.dst < 0) {
            return Uop.HANDLER;
        }
        if (memory(in, 1)) {
            return Uop.LOAD64 + width;
        }
        return source(in, 1) ? Uop.MOV64 + width : Uop.HANDLER;
    }

    private static int bySize(Insn in, int u64, int u32, int u16, int u8) {
        switch (in.size) {
            case 8:
                return u8;
            case 16:
                return u16;
            case 32:
                return u32;
            default:
                return u64;
        }
    }

    private static int lea(Insn in) {
        in.dst = in.reg;
        return width(in) < 0 ? Uop.HANDLER : Uop.LEA64 + width(in);
    }

    private static int movzx(Insn in) {
        if (width(in) < 0) {
            return Uop.HANDLER;
        }
        in.dst = in.reg;
        boolean fromByte = Kinds.bits(in, 1) == 8;
        if (in.memory) {
            return fromByte ? Uop.LOAD_ZX8 : Uop.LOAD_ZX16;
        }
        in.src = register(in, 1);
        if (in.src < 0) {
            return Uop.HANDLER;
        }
        return fromByte ? Uop.MOV_ZX8 : Uop.MOV_ZX16;
    }

    private static int movsx(Insn in) {
        int width = width(in);
        int from = Kinds.bits(in, 1);
        if (width < 0 || from == 16 || from == 32 && width != 0) {
            return Uop.HANDLER;
        }
        in.dst = in.reg;
        if (in.memory) {
            return from == 32 ? Uop.LOAD_SX32_64 : width == 0 ? Uop.LOAD_SX8_64 : Uop.LOAD_SX8_32;
        }
        in.src = register(in, 1);
        if (in.src < 0 || from == 8 && width == 0) {
            return Uop.HANDLER;
        }
        return from == 32 ? Uop.MOV_SX32_64 : Uop.MOV_SX8_32;
    }

    private static int alu(Insn in, int operation) {
        int width = width(in);
        if (width < 0) {
            return Uop.HANDLER;
        }
        in.aluOp = operation;
        if (memory(in, 0)) {
            return source(in, 1) ? Uop.ALU_STORE64 + width : Uop.HANDLER;
        }
        in.dst = register(in, 0);
        if (memory(in, 1)) {
            return Uop.ALU_LOAD64 + width;
        }
        return source(in, 1) ? operation + width * (Uop.ADD32 - Uop.ADD64) : Uop.HANDLER;
    }

    private static int compare(Insn in) {
        if (in.size == 16) {
            return Uop.HANDLER;
        }
        if (memory(in, 0)) {
            return source(in, 1) ? bySize(in, Uop.CMP_MEM64, Uop.CMP_MEM32, 0, Uop.CMP_MEM8) : Uop.HANDLER;
        }
        in.dst = register(in, 0);
        if (in.dst < 0) {
            return Uop.HANDLER;
        }
        if (memory(in, 1)) {
            return bySize(in, Uop.CMP_LOAD64, Uop.CMP_LOAD32, 0, Uop.HANDLER);
        }
        return source(in, 1) ? bySize(in, Uop.CMP64, Uop.CMP32, 0, Uop.CMP8) : Uop.HANDLER;
    }

    private static int test(Insn in) {
        if (in.size == 16) {
            return Uop.HANDLER;
        }
        if (memory(in, 0)) {
            return in.size == 8 && source(in, 1) ? Uop.TEST_MEM8 : Uop.HANDLER;
        }
        in.dst = register(in, 0);
        if (in.dst < 0 || !source(in, 1)) {
            return Uop.HANDLER;
        }
        return bySize(in, Uop.TEST64, Uop.TEST32, 0, Uop.TEST8);
    }

    private static int unary(Insn in, int u64, int u32) {
        if (width(in) < 0) {
            return Uop.HANDLER;
        }
        in.dst = register(in, 0);
        return in.dst < 0 ? Uop.HANDLER : width(in) == 0 ? u64 : u32;
    }

    /** Shifts of a register by a constant other than 0. */
    private static int shift(Insn in, int u64, int u32) {
        if (width(in) < 0 || in.memory || !Kinds.isImmediate(in, 1)) {
            return Uop.HANDLER;
        }
        in.dst = in.rm;
        return width(in) == 0 ? u64 : u32;
    }

    private static int imul(Insn in) {
        if (width(in) < 0 || in.memory || Kinds.count(in) != 2) {
            return Uop.HANDLER;
        }
        in.dst = in.reg;
        in.src = in.rm;
        return Uop.IMUL64 + width(in);
    }

    private static int push(Insn in) {
        return in.size == 64 && Kinds.count(in) == 1 && !in.memory && source(in, 0) ? Uop.PUSH64 : Uop.HANDLER;
    }

    private static int pop(Insn in) {
        if (in.size != 64 || in.memory || !(Kinds.isReg(in, 0) || Kinds.isRm(in, 0))) {
            return Uop.HANDLER;
        }
        in.dst = register(in, 0);
        return Uop.POP64;
    }

    private static int transfer(Insn in) {
        boolean call = in.form.mnemonic().equals("CALL");
        if (in.size != 64) {
            return Uop.HANDLER;
        }
        if (Kinds.isRelative(in, 0)) {
            return call ? Uop.CALL : Uop.JMP;
        }
        if (!in.memory && Kinds.isRm(in, 0)) {
            in.src = in.rm;
            return call ? Uop.CALL_REGISTER : Uop.JMP_REGISTER;
        }
        return Uop.HANDLER;
    }

    private static int conditional(Insn in) {
        String mnemonic = in.form.mnemonic();
        int condition = in.opcode & 0xf;
        if (mnemonic.startsWith("CMOV") && !in.memory && width(in) >= 0) {
            in.aluOp = condition;
            in.dst = in.reg;
            in.src = in.rm;
            return Uop.CMOV64 + width(in);
        }
        if (mnemonic.startsWith("SET") && !in.memory && !legacyHigh(in, in.rm)) {
            in.aluOp = condition;
            in.dst = in.rm;
            return Uop.SETCC;
        }
        if (mnemonic.charAt(0) == 'J' && Kinds.isRelative(in, 0) && in.size == 64 && isJcc(in)) {
            return Uop.JCC + condition;
        }
        return Uop.HANDLER;
    }

    /** JCXZ and its siblings are relative jumps, too, but not by a condition code. */
    private static boolean isJcc(Insn in) {
        return (in.opcode & 0xf0) == 0x70 || (in.opcode & 0xf0) == 0x80;
    }
}

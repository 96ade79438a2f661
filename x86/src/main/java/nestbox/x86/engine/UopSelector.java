package nestbox.x86.engine;

import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import nestbox.x86.insn.Insn;
import nestbox.x86.op.Kinds;

/** Chooses the {@link Uop} of a decoded instruction; forms that are not hot keep {@link Uop#HANDLER}. */
final class UopSelector {
    private UopSelector() {}

    static Op select(Insn in, int modeKey) {
        Op op = new Op(in);
        boolean plain = in.form != null
                && in.codeSize == 64
                && !in.lock
                && !in.rep
                && !in.repne
                && !(enforced(modeKey) && transfers(in));
        boolean narrow = fits(in.disp) && fits(in.imm) && fits(in.imm + in.next);
        boolean flat = !in.memory || in.addressSize == 64 && in.seg == Insn.FLAT;
        if (plain && narrow && flat) {
            op.uop = choose(op, in);
        }
        return op;
    }

    /** Control-flow enforcement is in force: the handlers know about it. */
    private static boolean enforced(int modeKey) {
        return (modeKey & (Cpu.KEY_SHADOW_STACK | Cpu.KEY_BRANCH_TRACKING)) != 0;
    }

    private static boolean transfers(Insn in) {
        String mnemonic = in.form.mnemonic();
        return mnemonic.equals("CALL") || mnemonic.equals("RET") || mnemonic.equals("JMP");
    }

    private static boolean fits(long value) {
        return value == (int) value;
    }

    private static int choose(Op op, Insn in) {
        switch (in.form.mnemonic()) {
            case "MOV":
                return mov(op, in);
            case "LEA":
                return lea(op, in);
            case "MOVZX":
                return movzx(op, in);
            case "MOVSX":
            case "MOVSXD":
                return movsx(op, in);
            case "NOP":
                return in.memory ? Uop.HANDLER : Uop.NOP;
            case "ADD":
                return alu(op, in, Uop.ADD64);
            case "SUB":
                return alu(op, in, Uop.SUB64);
            case "AND":
                return alu(op, in, Uop.AND64);
            case "OR":
                return alu(op, in, Uop.OR64);
            case "XOR":
                return alu(op, in, Uop.XOR64);
            case "CMP":
                return compare(op, in);
            case "TEST":
                return test(op, in);
            case "INC":
                return unary(op, in, Uop.INC64, Uop.INC32);
            case "DEC":
                return unary(op, in, Uop.DEC64, Uop.DEC32);
            case "SHL":
                return shift(op, in, Uop.SHL64, Uop.SHL32);
            case "SHR":
                return shift(op, in, Uop.SHR64, Uop.SHR32);
            case "SAR":
                return shift(op, in, Uop.SAR64, Uop.SAR32);
            case "IMUL":
                return imul(op, in);
            case "PUSH":
                return push(op, in);
            case "POP":
                return pop(op, in);
            case "CALL":
            case "JMP":
                return transfer(op, in);
            case "RET":
                return in.size == 64 && Kinds.count(in) == 0 ? Uop.RET : Uop.HANDLER;
            default:
                return conditional(op, in);
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
    private static boolean source(Op op, Insn in, int i) {
        if (Kinds.isImmediate(in, i)) {
            op.src = Reg.ZERO;
            return true;
        }
        int register = register(in, i);
        if (register < 0) {
            return false;
        }
        op.src = register;
        op.imm = 0;
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

    private static int mov(Op op, Insn in) {
        if (Kinds.count(in) != 2 || !(Kinds.isRm(in, 0) || Kinds.isReg(in, 0) || Kinds.isAccumulator(in, 0))) {
            return Uop.HANDLER;
        }
        if (memory(in, 0)) {
            return source(op, in, 1) ? bySize(in, Uop.STORE64, Uop.STORE32, Uop.STORE16, Uop.STORE8) : Uop.HANDLER;
        }
        int width = width(in);
        if (width < 0) {
            return Uop.HANDLER;
        }
        op.dst = register(in, 0);
        if (op.dst < 0) {
            return Uop.HANDLER;
        }
        if (memory(in, 1)) {
            return Uop.LOAD64 + width;
        }
        return source(op, in, 1) ? Uop.MOV64 + width : Uop.HANDLER;
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

    private static int lea(Op op, Insn in) {
        op.dst = in.reg;
        return width(in) < 0 ? Uop.HANDLER : Uop.LEA64 + width(in);
    }

    private static int movzx(Op op, Insn in) {
        if (width(in) < 0) {
            return Uop.HANDLER;
        }
        op.dst = in.reg;
        boolean fromByte = Kinds.bits(in, 1) == 8;
        if (in.memory) {
            return fromByte ? Uop.LOAD_ZX8 : Uop.LOAD_ZX16;
        }
        op.src = register(in, 1);
        if (op.src < 0) {
            return Uop.HANDLER;
        }
        return fromByte ? Uop.MOV_ZX8 : Uop.MOV_ZX16;
    }

    private static int movsx(Op op, Insn in) {
        int width = width(in);
        int from = Kinds.bits(in, 1);
        if (width < 0 || from == 16 || from == 32 && width != 0) {
            return Uop.HANDLER;
        }
        op.dst = in.reg;
        if (in.memory) {
            return from == 32 ? Uop.LOAD_SX32_64 : width == 0 ? Uop.LOAD_SX8_64 : Uop.LOAD_SX8_32;
        }
        op.src = register(in, 1);
        if (op.src < 0 || from == 8 && width == 0) {
            return Uop.HANDLER;
        }
        return from == 32 ? Uop.MOV_SX32_64 : Uop.MOV_SX8_32;
    }

    private static int alu(Op op, Insn in, int operation) {
        int width = width(in);
        if (width < 0) {
            return Uop.HANDLER;
        }
        if (memory(in, 0)) {
            op.dst = operation;
            return source(op, in, 1) ? Uop.ALU_STORE64 + width : Uop.HANDLER;
        }
        op.dst = register(in, 0);
        if (memory(in, 1)) {
            op.src = operation;
            return Uop.ALU_LOAD64 + width;
        }
        return source(op, in, 1) ? operation + width * (Uop.ADD32 - Uop.ADD64) : Uop.HANDLER;
    }

    private static int compare(Op op, Insn in) {
        if (in.size == 16) {
            return Uop.HANDLER;
        }
        if (memory(in, 0)) {
            return source(op, in, 1) ? bySize(in, Uop.CMP_MEM64, Uop.CMP_MEM32, 0, Uop.CMP_MEM8) : Uop.HANDLER;
        }
        op.dst = register(in, 0);
        if (op.dst < 0) {
            return Uop.HANDLER;
        }
        if (memory(in, 1)) {
            return bySize(in, Uop.CMP_LOAD64, Uop.CMP_LOAD32, 0, Uop.HANDLER);
        }
        return source(op, in, 1) ? bySize(in, Uop.CMP64, Uop.CMP32, 0, Uop.CMP8) : Uop.HANDLER;
    }

    private static int test(Op op, Insn in) {
        if (in.size == 16) {
            return Uop.HANDLER;
        }
        if (memory(in, 0)) {
            return in.size == 8 && source(op, in, 1) ? Uop.TEST_MEM8 : Uop.HANDLER;
        }
        op.dst = register(in, 0);
        if (op.dst < 0 || !source(op, in, 1)) {
            return Uop.HANDLER;
        }
        return bySize(in, Uop.TEST64, Uop.TEST32, 0, Uop.TEST8);
    }

    private static int unary(Op op, Insn in, int u64, int u32) {
        if (width(in) < 0) {
            return Uop.HANDLER;
        }
        op.dst = register(in, 0);
        return op.dst < 0 ? Uop.HANDLER : width(in) == 0 ? u64 : u32;
    }

    /** Shifts of a register by a constant other than 0. */
    private static int shift(Op op, Insn in, int u64, int u32) {
        if (width(in) < 0 || in.memory || !Kinds.isImmediate(in, 1)) {
            return Uop.HANDLER;
        }
        if (Kinds.isOne(in, 1)) {
            op.imm = 1;
        }
        op.dst = in.rm;
        return width(in) == 0 ? u64 : u32;
    }

    private static int imul(Op op, Insn in) {
        if (width(in) < 0 || in.memory || Kinds.count(in) < 2) {
            return Uop.HANDLER;
        }
        op.dst = in.reg;
        op.src = in.rm;
        return (Kinds.count(in) == 2 ? Uop.IMUL64 : Uop.IMUL_IMM64) + width(in);
    }

    private static int push(Op op, Insn in) {
        return in.size == 64 && Kinds.count(in) == 1 && !in.memory && source(op, in, 0) ? Uop.PUSH64 : Uop.HANDLER;
    }

    private static int pop(Op op, Insn in) {
        if (in.size != 64 || in.memory || !(Kinds.isReg(in, 0) || Kinds.isRm(in, 0))) {
            return Uop.HANDLER;
        }
        op.dst = register(in, 0);
        return Uop.POP64;
    }

    private static int transfer(Op op, Insn in) {
        boolean call = in.form.mnemonic().equals("CALL");
        if (in.size != 64) {
            return Uop.HANDLER;
        }
        if (Kinds.isRelative(in, 0)) {
            op.imm += in.next;
            return call ? Uop.CALL : Uop.JMP;
        }
        if (!in.memory && Kinds.isRm(in, 0)) {
            op.src = in.rm;
            return call ? Uop.CALL_REGISTER : Uop.JMP_REGISTER;
        }
        return Uop.HANDLER;
    }

    private static int conditional(Op op, Insn in) {
        String mnemonic = in.form.mnemonic();
        int condition = in.opcode & 0xf;
        if (mnemonic.startsWith("CMOV") && !in.memory && width(in) >= 0) {
            op.base = condition;
            op.dst = in.reg;
            op.src = in.rm;
            return Uop.CMOV64 + width(in);
        }
        if (mnemonic.startsWith("SET") && !in.memory && !legacyHigh(in, in.rm)) {
            op.base = condition;
            op.dst = in.rm;
            return Uop.SETCC;
        }
        if (mnemonic.charAt(0) == 'J' && Kinds.isRelative(in, 0) && in.size == 64 && isJcc(in)) {
            op.imm += in.next;
            return Uop.JCC + condition;
        }
        return Uop.HANDLER;
    }

    /** JCXZ and its siblings are relative jumps, too, but not by a condition code. */
    private static boolean isJcc(Insn in) {
        return (in.opcode & 0xf0) == 0x70 || (in.opcode & 0xf0) == 0x80;
    }
}

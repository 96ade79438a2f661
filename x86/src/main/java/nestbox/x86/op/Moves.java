package nestbox.x86.op;

import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Reg;
import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;

/** Moves between general registers, memory and immediates. */
final class Moves {
    private Moves() {}

    static Handler bind(Insn in) {
        switch (in.form.mnemonic()) {
            case "MOV":
                return mov(in);
            case "MOVNTI":
            case "MOVDIRI":
                return Moves::store;
            case "MOVZX":
                return movzx(Kinds.bits(in, 1));
            case "MOVSX":
            case "MOVSXD":
                return movsx(Math.min(in.size, Kinds.bits(in, 1)));
            case "LEA":
                return Moves::lea;
            case "XCHG":
                return xchg(in);
            case "MOVBE":
                return Kinds.isReg(in, 0) ? Moves::movbeLoad : Moves::movbeStore;
            case "BSWAP":
                return Moves::bswap;
            case "XLAT":
            case "XLATB":
                return Moves::xlat;
            case "CBW":
            case "CWDE":
            case "CDQE":
                return Moves::extendAccumulator;
            case "CWD":
            case "CDQ":
            case "CQO":
                return Moves::signIntoRdx;
            case "LAHF":
                return Moves::lahf;
            case "SAHF":
                return Moves::sahf;
            case "SALC":
                return (c, i) -> Operands.setReg(c, i, Reg.RAX, 8, Flags.cf(c) ? 0xff : 0);
            default:
                return conditional(in);
        }
    }

    private static Handler conditional(Insn in) {
        String mnemonic = in.form.mnemonic();
        if (mnemonic.startsWith("CMOV")) {
            int cc = Conditions.number(in, 4);
            return cc < 0 ? null : (c, i) -> cmov(c, i, cc);
        }
        if (mnemonic.startsWith("SET")) {
            int cc = Conditions.number(in, 3);
            return cc < 0 ? null : (c, i) -> Operands.setRm(c, i, 8, Flags.condition(c, cc) ? 1 : 0);
        }
        return null;
    }

    private static Handler mov(Insn in) {
        if (Kinds.isRm(in, 0)) {
            if (Kinds.isImmediate(in, 1)) {
                return (c, i) -> Operands.setRm(c, i, i.size, i.imm);
            }
            if (Kinds.isReg(in, 1)) {
                return movStore(in);
            }
            return Kinds.isAccumulator(in, 1)
                    ? (c, i) -> Operands.setRm(c, i, i.size, Operands.reg(c, i, Reg.RAX, i.size))
                    : null;
        }
        if (Kinds.isReg(in, 0)) {
            if (Kinds.isImmediate(in, 1)) {
                return (c, i) -> Operands.setReg(c, i, i.reg, i.size, i.imm);
            }
            return Kinds.isRm(in, 1) ? movLoad(in) : null;
        }
        return Kinds.isAccumulator(in, 0) && Kinds.isRm(in, 1)
                ? (c, i) -> Operands.setReg(c, i, Reg.RAX, i.size, Operands.rm(c, i, i.size))
                : null;
    }

    private static Handler movLoad(Insn in) {
        if (in.size == 64) {
            return in.memory
                    ? (c, i) -> c.r[i.reg] = c.mem.load64(Operands.linear(c, i, 8, false), Operands.faultSegment(i))
                    : (c, i) -> c.r[i.reg] = c.r[i.rm];
        }
        if (in.size == 32) {
            return in.memory
                    ? (c, i) -> c.r[i.reg] = c.mem.load32(Operands.linear(c, i, 4, false), Operands.faultSegment(i))
                    : (c, i) -> c.r[i.reg] = c.r[i.rm] & 0xffffffffL;
        }
        return (c, i) -> Operands.setReg(c, i, i.reg, i.size, Operands.rm(c, i, i.size));
    }

    private static Handler movStore(Insn in) {
        if (in.size == 64) {
            return in.memory
                    ? (c, i) -> c.mem.store64(Operands.linear(c, i, 8, true), Operands.faultSegment(i), c.r[i.reg])
                    : (c, i) -> c.r[i.rm] = c.r[i.reg];
        }
        if (in.size == 32) {
            return in.memory
                    ? (c, i) -> c.mem.store32(Operands.linear(c, i, 4, true), Operands.faultSegment(i), c.r[i.reg])
                    : (c, i) -> c.r[i.rm] = c.r[i.reg] & 0xffffffffL;
        }
        return Moves::store;
    }

    private static void store(Cpu c, Insn in) {
        Operands.setRm(c, in, in.size, Operands.reg(c, in, in.reg, in.size));
    }

    private static Handler movzx(int from) {
        return from == 8
                ? (c, i) -> Operands.setReg(c, i, i.reg, i.size, Operands.rm(c, i, 8))
                : (c, i) -> Operands.setReg(c, i, i.reg, i.size, Operands.rm(c, i, 16));
    }

    private static Handler movsx(int from) {
        switch (from) {
            case 8:
                return (c, i) -> Operands.setReg(c, i, i.reg, i.size, (byte) Operands.rm(c, i, 8));
            case 16:
                return (c, i) -> Operands.setReg(c, i, i.reg, i.size, (short) Operands.rm(c, i, 16));
            default:
                return (c, i) -> Operands.setReg(c, i, i.reg, i.size, (int) Operands.rm(c, i, 32));
        }
    }

    private static void lea(Cpu c, Insn in) {
        Operands.setReg(c, in, in.reg, in.size, Operands.offset(c, in));
    }

    private static void cmov(Cpu c, Insn in, int cc) {
        // The source is read, and a 32-bit destination zero-extended, whatever the condition.
        long source = Operands.rm(c, in, in.size);
        long value = Flags.condition(c, cc) ? source : Operands.reg(c, in, in.reg, in.size);
        Operands.setReg(c, in, in.reg, in.size, value);
    }

    private static Handler xchg(Insn in) {
        boolean accumulator = Kinds.isAccumulator(in, 0) || Kinds.isAccumulator(in, 1);
        if (accumulator) {
            return (c, i) -> exchange(c, i, Reg.RAX, i.reg);
        }
        return in.memory ? Moves::exchangeMemory : (c, i) -> exchange(c, i, i.rm, i.reg);
    }

    private static void exchange(Cpu c, Insn in, int first, int second) {
        long a = Operands.reg(c, in, first, in.size);
        long b = Operands.reg(c, in, second, in.size);
        Operands.setReg(c, in, first, in.size, b);
        Operands.setReg(c, in, second, in.size, a);
    }

    private static void exchangeMemory(Cpu c, Insn in) {
        long linear = Operands.linear(c, in, in.size >> 3, true);
        int seg = Operands.faultSegment(in);
        long old = c.mem.loadForWrite(in.size, linear, seg);
        c.mem.store(in.size, linear, seg, Operands.reg(c, in, in.reg, in.size));
        Operands.setReg(c, in, in.reg, in.size, old);
    }

    private static long reverse(long value, int bits) {
        return Long.reverseBytes(value) >>> (64 - bits);
    }

    private static void movbeLoad(Cpu c, Insn in) {
        Operands.setReg(c, in, in.reg, in.size, reverse(Operands.rm(c, in, in.size), in.size));
    }

    private static void movbeStore(Cpu c, Insn in) {
        Operands.setRm(c, in, in.size, reverse(Operands.reg(c, in, in.reg, in.size), in.size));
    }

    /** With a 16-bit operand the result is undefined; processors clear it. */
    private static void bswap(Cpu c, Insn in) {
        long value = in.size == 16 ? 0 : reverse(Operands.reg(c, in, in.reg, in.size), in.size);
        Operands.setReg(c, in, in.reg, in.size, value);
    }

    /** AL = seg:[rBX + AL]. */
    private static void xlat(Cpu c, Insn in) {
        long offset = Operands.zeroExtend(c.r[Reg.RBX] + (c.r[Reg.RAX] & 0xff), in.addressSize);
        long linear = Operands.linearAt(c, in, in.seg, offset, 1, false);
        Operands.setReg(c, in, Reg.RAX, 8, c.mem.load8(linear, in.seg));
    }

    private static void extendAccumulator(Cpu c, Insn in) {
        Operands.setReg(c, in, Reg.RAX, in.size, Operands.signExtend(c.r[Reg.RAX], in.size >> 1));
    }

    private static void signIntoRdx(Cpu c, Insn in) {
        Operands.setReg(c, in, Reg.RDX, in.size, Operands.signExtend(c.r[Reg.RAX], in.size) >> 63);
    }

    private static void lahf(Cpu c, Insn in) {
        long flags = (Flags.arithmetic(c) & 0xff) | Flags.FIXED;
        c.r[Reg.RAX] = (c.r[Reg.RAX] & ~0xff00L) | flags << 8;
    }

    private static void sahf(Cpu c, Insn in) {
        Flags.update(c, Flags.SF | Flags.ZF | Flags.AF | Flags.PF | Flags.CF, c.r[Reg.RAX] >>> 8);
    }
}

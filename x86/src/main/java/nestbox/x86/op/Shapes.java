package nestbox.x86.op;

import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;

/**
 * Composes operations with the places of their operands. Every memory operand of a read-modify-write is loaded for
 * writing, so that its store cannot fault after the flags have changed.
 */
final class Shapes {
    private Shapes() {}

    /** {@code destination = op(destination, source)}. */
    static Handler binary(Insn in, Alu.Binary op) {
        if (Kinds.isAccumulator(in, 0)) {
            return (c, i) -> Operands.setReg(
                    c, i, Reg.RAX, i.size, op.apply(c, Operands.reg(c, i, Reg.RAX, i.size), i.imm, i.size));
        }
        if (Kinds.isReg(in, 0)) {
            return (c, i) -> {
                long b = Operands.rm(c, i, i.size);
                Operands.setReg(c, i, i.reg, i.size, op.apply(c, Operands.reg(c, i, i.reg, i.size), b, i.size));
            };
        }
        boolean immediate = Kinds.isImmediate(in, 1);
        if (!in.memory) {
            return immediate
                    ? (c, i) -> Operands.setReg(
                            c, i, i.rm, i.size, op.apply(c, Operands.reg(c, i, i.rm, i.size), i.imm, i.size))
                    : (c, i) -> {
                        long b = Operands.reg(c, i, i.reg, i.size);
                        Operands.setReg(c, i, i.rm, i.size, op.apply(c, Operands.reg(c, i, i.rm, i.size), b, i.size));
                    };
        }
        return immediate
                ? (c, i) -> modify(c, i, op, i.imm)
                : (c, i) -> modify(c, i, op, Operands.reg(c, i, i.reg, i.size));
    }

    private static void modify(Cpu c, Insn in, Alu.Binary op, long b) {
        long linear = Operands.linear(c, in, in.size >> 3, true);
        int seg = Operands.faultSegment(in);
        long a = c.mem.loadForWrite(in.size, linear, seg);
        c.mem.store(in.size, linear, seg, op.apply(c, a, b, in.size));
    }

    /** {@code op(first, second)} for its flags alone: CMP and TEST. */
    static Handler compare(Insn in, Alu.Binary op) {
        if (Kinds.isAccumulator(in, 0)) {
            return (c, i) -> op.apply(c, Operands.reg(c, i, Reg.RAX, i.size), i.imm, i.size);
        }
        if (Kinds.isReg(in, 0)) {
            return (c, i) -> {
                long b = Operands.rm(c, i, i.size);
                op.apply(c, Operands.reg(c, i, i.reg, i.size), b, i.size);
            };
        }
        if (Kinds.isImmediate(in, 1)) {
            return (c, i) -> op.apply(c, Operands.rm(c, i, i.size), i.imm, i.size);
        }
        return (c, i) -> {
            long a = Operands.rm(c, i, i.size);
            op.apply(c, a, Operands.reg(c, i, i.reg, i.size), i.size);
        };
    }

    /** {@code destination = op(destination)}; the destination is the r/m operand or the register in the opcode. */
    static Handler unary(Insn in, Alu.Unary op) {
        if (Kinds.isReg(in, 0)) {
            return (c, i) ->
                    Operands.setReg(c, i, i.reg, i.size, op.apply(c, Operands.reg(c, i, i.reg, i.size), i.size));
        }
        if (!in.memory) {
            return (c, i) -> Operands.setReg(c, i, i.rm, i.size, op.apply(c, Operands.reg(c, i, i.rm, i.size), i.size));
        }
        return (c, i) -> {
            long linear = Operands.linear(c, i, i.size >> 3, true);
            int seg = Operands.faultSegment(i);
            long a = c.mem.loadForWrite(i.size, linear, seg);
            c.mem.store(i.size, linear, seg, op.apply(c, a, i.size));
        };
    }

    /** A shift or rotate of the r/m operand by 1, CL or an immediate. */
    static Handler shift(Insn in, Alu.Binary op) {
        switch (Kinds.kind(in, 1)) {
            case "1":
                return in.memory
                        ? (c, i) -> modify(c, i, op, 1)
                        : (c, i) -> Operands.setReg(
                                c, i, i.rm, i.size, op.apply(c, Operands.reg(c, i, i.rm, i.size), 1, i.size));
            case "CL":
                return in.memory
                        ? (c, i) -> modify(c, i, op, c.r[Reg.RCX])
                        : (c, i) -> Operands.setReg(
                                c,
                                i,
                                i.rm,
                                i.size,
                                op.apply(c, Operands.reg(c, i, i.rm, i.size), c.r[Reg.RCX], i.size));
            default:
                return binary(in, op);
        }
    }

    /** {@code op(destination, source, count)}. */
    @FunctionalInterface
    interface Ternary {
        long apply(Cpu c, long a, long b, long count, int bits);
    }

    /** SHLD and SHRD: the count is CL or an immediate. */
    static Handler doubleShift(Insn in, Ternary op) {
        if (Kinds.kind(in, 2).equals("CL")) {
            return (c, i) -> doubleShift(c, i, op, c.r[Reg.RCX]);
        }
        return (c, i) -> doubleShift(c, i, op, i.imm);
    }

    private static void doubleShift(Cpu c, Insn in, Ternary op, long count) {
        if (!in.memory) {
            long a = Operands.reg(c, in, in.rm, in.size);
            Operands.setReg(
                    c, in, in.rm, in.size, op.apply(c, a, Operands.reg(c, in, in.reg, in.size), count, in.size));
            return;
        }
        long linear = Operands.linear(c, in, in.size >> 3, true);
        int seg = Operands.faultSegment(in);
        long a = c.mem.loadForWrite(in.size, linear, seg);
        c.mem.store(in.size, linear, seg, op.apply(c, a, Operands.reg(c, in, in.reg, in.size), count, in.size));
    }

    /** BSF and BSR: a source of 0 leaves the whole destination register. */
    static Handler scan(Alu.Binary op) {
        return (c, i) -> {
            long source = Operands.rm(c, i, i.size);
            long result = op.apply(c, c.r[i.reg], source, i.size);
            if (source != 0) {
                Operands.setReg(c, i, i.reg, i.size, result);
            }
        };
    }

    /** {@code reg = op(VEX.vvvv, r/m)}. */
    static Handler vexBetween(Alu.Binary op) {
        return (c, i) -> {
            long b = Operands.rm(c, i, i.size);
            Operands.setReg(c, i, i.reg, i.size, op.apply(c, Operands.reg(c, i, i.vvvv, i.size), b, i.size));
        };
    }

    /** {@code reg = op(r/m, VEX.vvvv)}. */
    static Handler vexLast(Alu.Binary op) {
        return (c, i) -> {
            long a = Operands.rm(c, i, i.size);
            Operands.setReg(c, i, i.reg, i.size, op.apply(c, a, Operands.reg(c, i, i.vvvv, i.size), i.size));
        };
    }

    /** {@code VEX.vvvv = op(r/m)}. */
    static Handler vexUnary(Alu.Unary op) {
        return (c, i) -> Operands.setReg(c, i, i.vvvv, i.size, op.apply(c, Operands.rm(c, i, i.size), i.size));
    }
}

package nestbox.x86.op;

import nestbox.x86.Cpu;
import nestbox.x86.GuestFault;
import nestbox.x86.Reg;
import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;

/** PUSH, POP, PUSHA, POPA, ENTER and LEAVE. PUSH and POP of segment registers are the system family's. */
final class StackOps {
    private static final int NESTING = 0x1f;

    private StackOps() {}

    static Handler push(Insn in) {
        if (Kinds.isImmediate(in, 0)) {
            return (c, i) -> Stack.push(c, i.size, i.imm);
        }
        if (Kinds.isReg(in, 0)) {
            return (c, i) -> Stack.push(c, i.size, c.r[i.reg]);
        }
        return Kinds.isRm(in, 0) ? (c, i) -> Stack.push(c, i.size, Operands.rm(c, i, i.size)) : null;
    }

    static Handler pop(Insn in) {
        if (Kinds.isReg(in, 0)) {
            return (c, i) -> Operands.setReg(c, i, i.reg, i.size, Stack.pop(c, i.size));
        }
        return Kinds.isRm(in, 0) ? StackOps::popRm : null;
    }

    /** The destination's address is computed after the stack pointer has moved. */
    private static void popRm(Cpu c, Insn in) {
        long old = c.r[Reg.RSP];
        long value = Stack.pop(c, in.size);
        try {
            Operands.setRm(c, in, in.size, value);
        } catch (GuestFault fault) {
            c.r[Reg.RSP] = old;
            throw fault;
        }
    }

    /** The eight registers in encoding order; SP as it was before. */
    static void pushAll(Cpu c, Insn in) {
        int bytes = in.size >> 3;
        for (int i = 1; i <= 8; i++) {
            c.mem.probeWrite(Stack.linear(c, c.r[Reg.RSP] - i * bytes, bytes, true), bytes, Reg.SS);
        }
        for (int i = 1; i <= 8; i++) {
            c.mem.store(in.size, Stack.linear(c, c.r[Reg.RSP] - i * bytes, bytes, true), Reg.SS, c.r[i - 1]);
        }
        Stack.drop(c, -8L * bytes);
    }

    /** The image of SP is skipped. */
    static void popAll(Cpu c, Insn in) {
        int bytes = in.size >> 3;
        for (int i = 0; i < 8; i++) {
            c.mem.probeRead(Stack.linear(c, c.r[Reg.RSP] + i * bytes, bytes, false), bytes, Reg.SS);
        }
        for (int i = 0; i < 8; i++) {
            int register = 7 - i;
            if (register != Reg.RSP) {
                Operands.setReg(c, in, register, in.size, Stack.peek(c, in.size, (long) i * bytes));
            }
        }
        Stack.drop(c, 8L * bytes);
    }

    /** SDM Vol. 1, "Procedure Calls for Block-Structured Languages"; Vol. 2, "ENTER". */
    static void enter(Cpu c, Insn in) {
        int bits = in.size;
        int bytes = bits >> 3;
        int level = (int) in.imm2 & NESTING;
        long top = c.r[Reg.RSP];
        long frame = top - bytes;
        long newTop = frame - (long) level * bytes - (in.imm & 0xffff);
        // Every store, and the access that the pseudo-code makes at the final stack pointer, is checked before the
        // first.
        for (int i = 0; i <= level; i++) {
            c.mem.probeWrite(Stack.linear(c, frame - (long) i * bytes, bytes, true), bytes, Reg.SS);
        }
        for (int i = 1; i < level; i++) {
            c.mem.probeRead(Stack.linear(c, c.r[Reg.RBP] - (long) i * bytes, bytes, false), bytes, Reg.SS);
        }
        c.mem.probeWrite(Stack.linear(c, newTop, bytes, true), bytes, Reg.SS);
        c.mem.store(bits, Stack.linear(c, frame, bytes, true), Reg.SS, c.r[Reg.RBP]);
        for (int i = 1; i < level; i++) {
            long pointer = c.mem.load(bits, Stack.linear(c, c.r[Reg.RBP] - (long) i * bytes, bytes, false), Reg.SS);
            c.mem.store(bits, Stack.linear(c, frame - (long) i * bytes, bytes, true), Reg.SS, pointer);
        }
        if (level > 0) {
            long at = frame - (long) level * bytes;
            c.mem.store(bits, Stack.linear(c, at, bytes, true), Reg.SS, Stack.merge(c, top, frame));
        }
        c.r[Reg.RBP] = Stack.merge(c, c.r[Reg.RBP], frame);
        Stack.setPointer(c, newTop);
    }

    /** The stack pointer takes the frame's address, as wide as the stack; the popped frame is as wide as the operand size. */
    static void leave(Cpu c, Insn in) {
        int bytes = in.size >> 3;
        long frame = c.r[Reg.RBP];
        long value = c.mem.load(in.size, Stack.linear(c, frame, bytes, false), Reg.SS);
        Stack.setPointer(c, frame + bytes);
        Operands.setReg(c, in, Reg.RBP, in.size, value);
    }
}

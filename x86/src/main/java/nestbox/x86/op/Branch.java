package nestbox.x86.op;

import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Reg;
import nestbox.x86.Vector;
import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;
import nestbox.x86.system.Cet;
import nestbox.x86.system.ShadowStack;

/** Near transfers (SDM Vol. 2, "JMP", "CALL", "RET", "Jcc", "LOOP"). The target is checked before anything changes. */
public final class Branch {
    private Branch() {}

    /** {@code target} as the next instruction's address; raises #GP(0) if it is not canonical or beyond CS's limit. */
    public static long check(Cpu c, long target) {
        if (c.codeSize == 64 ? !c.canonical(target) : target > c.limit[Reg.CS]) {
            throw c.raise(Vector.GP, 0);
        }
        return target;
    }

    /** Target of a relative branch: RIP of the next instruction plus displacement, as wide as the operand size. */
    static long relative(Cpu c, Insn in) {
        return check(c, Operands.zeroExtend(c.rip + in.imm, in.size));
    }

    public static void jump(Cpu c, Insn in) {
        c.rip = relative(c, in);
    }

    static void jumpIndirect(Cpu c, Insn in) {
        c.rip = check(c, Operands.rm(c, in, in.size));
        Cet.trackNear(c, in);
    }

    /** A CALL of the next instruction pushes its address for other ends and leaves the shadow stack alone. */
    public static void call(Cpu c, Insn in) {
        long target = relative(c, in);
        push(c, in, Cet.shadowStack(c) && in.imm != 0);
        c.rip = target;
    }

    private static void push(Cpu c, Insn in, boolean shadow) {
        if (!shadow) {
            Stack.push(c, in.size, c.rip);
            return;
        }
        int bytes = in.size >> 3;
        c.mem.probeWrite(Stack.linear(c, c.r[Reg.RSP] - bytes, bytes, true), bytes, Reg.SS);
        ShadowStack.push(c, in.size, c.rip);
        Stack.push(c, in.size, c.rip);
        ShadowStack.pushed(c, in.size);
    }

    static void callIndirect(Cpu c, Insn in) {
        long target = check(c, Operands.rm(c, in, in.size));
        push(c, in, Cet.shadowStack(c));
        c.rip = target;
        Cet.trackNear(c, in);
    }

    public static void ret(Cpu c, Insn in) {
        pop(c, in);
        Stack.drop(c, in.size >> 3);
    }

    private static void pop(Cpu c, Insn in) {
        long target = Stack.peek(c, in.size);
        boolean shadow = Cet.shadowStack(c);
        if (shadow) {
            ShadowStack.check(c, in.size, target);
        }
        c.rip = check(c, target);
        if (shadow) {
            ShadowStack.popped(c, in.size);
        }
    }

    /** RET imm16: releases the caller's arguments as well. */
    static void retImmediate(Cpu c, Insn in) {
        pop(c, in);
        Stack.drop(c, (in.size >> 3) + (in.imm & 0xffff));
    }

    static Handler conditional(int cc) {
        switch (cc) {
            case 0x2:
                return (c, in) -> {
                    if (Flags.cf(c)) {
                        jump(c, in);
                    }
                };
            case 0x3:
                return (c, in) -> {
                    if (!Flags.cf(c)) {
                        jump(c, in);
                    }
                };
            case 0x4:
                return (c, in) -> {
                    if (Flags.zf(c)) {
                        jump(c, in);
                    }
                };
            case 0x5:
                return (c, in) -> {
                    if (!Flags.zf(c)) {
                        jump(c, in);
                    }
                };
            default:
                return (c, in) -> {
                    if (Flags.condition(c, cc)) {
                        jump(c, in);
                    }
                };
        }
    }

    /** JCXZ, JECXZ, JRCXZ: the counter is as wide as the address size. */
    static void jumpIfCounterZero(Cpu c, Insn in) {
        if (Operands.zeroExtend(c.r[Reg.RCX], in.addressSize) == 0) {
            jump(c, in);
        }
    }

    static void loop(Cpu c, Insn in) {
        loopWhile(c, in, true);
    }

    static void loopEqual(Cpu c, Insn in) {
        loopWhile(c, in, Flags.zf(c));
    }

    static void loopNotEqual(Cpu c, Insn in) {
        loopWhile(c, in, !Flags.zf(c));
    }

    private static void loopWhile(Cpu c, Insn in, boolean condition) {
        long count = Operands.zeroExtend(c.r[Reg.RCX] - 1, in.addressSize);
        if (count != 0 && condition) {
            jump(c, in);
        }
        Operands.setReg(c, in, Reg.RCX, in.addressSize, count);
    }
}

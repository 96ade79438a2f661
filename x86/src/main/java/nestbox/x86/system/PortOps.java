package nestbox.x86.system;

import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Intercept;
import nestbox.x86.Reg;
import nestbox.x86.Vector;
import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;
import nestbox.x86.op.Operands;
import nestbox.x86.op.Repeat;

/** IN, OUT, INS and OUTS with IOPL and the I/O permission bitmap (SDM Vol. 1, "I/O Port Addressing", "Protected-Mode I/O"). */
final class PortOps {
    private static final int MAP_BASE = 0x66;
    private static final long IN_BIT = 1 << 24;
    private static final long STRING_BIT = 1 << 25;
    private static final long REP_BIT = 1 << 26;

    private PortOps() {}

    static Handler bind(Insn in) {
        switch (in.form.mnemonic()) {
            case "IN":
                return second(in).startsWith("I") ? (c, i) -> in(c, i, (int) i.imm & 0xff) : (c, i) -> in(c, i, dx(c));
            case "OUT":
                return in.form.operands().get(0).startsWith("I")
                        ? (c, i) -> out(c, i, (int) i.imm & 0xff)
                        : (c, i) -> out(c, i, dx(c));
            case "INS":
                return string(in, 0, IN_BIT, Repeat.bind(in, PortOps::ins, null));
            case "OUTS":
                return string(in, 1, 0, Repeat.bind(in, PortOps::outs, null));
            default:
                return null;
        }
    }

    private static String second(Insn in) {
        return in.form.operands().get(1);
    }

    private static int dx(Cpu c) {
        return (int) c.r[Reg.RDX] & 0xffff;
    }

    /** #GP(0) unless IOPL or the bitmap of the TSS permits every port of the access. */
    private static void check(Cpu c, int port, int bytes) {
        if (!c.protectedMode() || (!c.virtual8086() && c.cpl <= Guard.iopl(c))) {
            return;
        }
        int rights = c.rights[Reg.TR];
        long limit = c.limit[Reg.TR];
        if ((rights & Cpu.RIGHTS_UNUSABLE) != 0 || (rights & 8) == 0 || limit < MAP_BASE + 1) {
            throw c.raise(Vector.GP, 0);
        }
        long tss = c.base[Reg.TR];
        long at = c.mem.loadSystem(2, Descriptor.linear(c, tss + MAP_BASE)) + (port >> 3);
        // Two bytes are read, whatever the port: the map ends with a byte of ones for that.
        if (at + 1 > limit) {
            throw c.raise(Vector.GP, 0);
        }
        long bits = c.mem.loadSystem(2, Descriptor.linear(c, tss + at));
        if ((bits >>> (port & 7) & (1 << bytes) - 1) != 0) {
            throw c.raise(Vector.GP, 0);
        }
    }

    private static void in(Cpu c, Insn in, int port) {
        int bits = bits(in, 0);
        check(c, port, bits >> 3);
        if (!Guard.taken(c, Intercept.IO, in, port | bits >> 3 << 16 | IN_BIT, 0)) {
            DebugRegisters.io(c, port, bits >> 3);
            Operands.setReg(c, in, Reg.RAX, bits, c.platform.portIn(port, bits >> 3));
        }
    }

    private static void out(Cpu c, Insn in, int port) {
        int bits = bits(in, 1);
        check(c, port, bits >> 3);
        if (!Guard.taken(c, Intercept.IO, in, port | bits >> 3 << 16, 0)) {
            DebugRegisters.io(c, port, bits >> 3);
            c.platform.portOut(port, bits >> 3, Operands.reg(c, in, Reg.RAX, bits));
        }
    }

    /** Width of the data operand: 8, or the operand size with 64 counted as 32. */
    private static int bits(Insn in, int operand) {
        String kind = in.form.operands().get(operand);
        return kind.endsWith("b") || kind.equals("AL") ? 8 : in.size == 16 ? 16 : 32;
    }

    private static long step(Cpu c, int bits) {
        return (c.systemFlags & Flags.DF) != 0 ? -(bits >> 3) : bits >> 3;
    }

    private static int ins(Cpu c, Insn in, int most) {
        int bits = bits(in, 0);
        int bytes = bits >> 3;
        int port = dx(c);
        check(c, port, bytes);
        int seg = in.codeSize == 64 ? Insn.FLAT : Reg.ES;
        long offset = Operands.zeroExtend(c.r[Reg.RDI], in.addressSize);
        long linear = Operands.linearAt(c, in, seg, offset, bytes, true);
        c.mem.probeWrite(linear, bytes, seg);
        DebugRegisters.io(c, port, bytes);
        c.mem.store(bits, linear, seg, c.platform.portIn(port, bytes));
        Operands.setReg(c, in, Reg.RDI, in.addressSize, c.r[Reg.RDI] + step(c, bits));
        return 1;
    }

    private static int outs(Cpu c, Insn in, int most) {
        int bits = bits(in, 1);
        int bytes = bits >> 3;
        int port = dx(c);
        check(c, port, bytes);
        long offset = Operands.zeroExtend(c.r[Reg.RSI], in.addressSize);
        long linear = Operands.linearAt(c, in, in.seg, offset, bytes, false);
        long value = c.mem.load(bits, linear, in.seg);
        DebugRegisters.io(c, port, bytes);
        c.platform.portOut(port, bytes, value);
        Operands.setReg(c, in, Reg.RSI, in.addressSize, c.r[Reg.RSI] + step(c, bits));
        return 1;
    }

    /** Puts the intercept, which counts once a dispatch, before the iterations. */
    private static Handler string(Insn in, int operand, long direction, Handler plain) {
        int bytes = bits(in, operand) >> 3;
        boolean repeats = in.rep || in.repne;
        long what = (long) bytes << 16 | STRING_BIT | direction | (repeats ? REP_BIT : 0);
        return (c, i) -> {
            if (c.extension != null && !(repeats && Operands.zeroExtend(c.r[Reg.RCX], i.addressSize) == 0)) {
                int port = dx(c);
                check(c, port, bytes);
                if (c.extension.intercept(c, Intercept.IO, i, port | what, linear(c, i, direction != 0))) {
                    return;
                }
            }
            plain.execute(c, i);
        };
    }

    private static long linear(Cpu c, Insn in, boolean input) {
        int index = input ? Reg.RDI : Reg.RSI;
        int seg = !input ? in.seg : in.codeSize == 64 ? Insn.FLAT : Reg.ES;
        return Descriptor.linear(c, c.base[seg] + Operands.zeroExtend(c.r[index], in.addressSize));
    }
}

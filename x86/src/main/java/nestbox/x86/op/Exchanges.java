package nestbox.x86.op;

import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Reg;
import nestbox.x86.Vector;
import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;

/** CMPXCHG, CMPXCHG8B, CMPXCHG16B and XADD (SDM Vol. 2). The destination is written whatever the comparison says. */
final class Exchanges {
    private Exchanges() {}

    static Handler bind(Insn in) {
        switch (in.form.mnemonic()) {
            case "CMPXCHG":
                return in.memory ? Exchanges::compareMemory : Exchanges::compareRegister;
            case "CMPXCHG8B":
                return Exchanges::compare8;
            case "CMPXCHG16B":
                return Exchanges::compare16;
            case "XADD":
                return in.memory ? Exchanges::addMemory : Exchanges::addRegister;
            default:
                return null;
        }
    }

    private static void compareRegister(Cpu c, Insn in) {
        long destination = Operands.reg(c, in, in.rm, in.size);
        long source = Operands.reg(c, in, in.reg, in.size);
        Alu.sub(c, Operands.reg(c, in, Reg.RAX, in.size), destination, in.size);
        if (Flags.zf(c)) {
            Operands.setReg(c, in, in.rm, in.size, source);
        } else {
            Operands.setReg(c, in, Reg.RAX, in.size, destination);
        }
    }

    private static void compareMemory(Cpu c, Insn in) {
        long linear = Operands.linear(c, in, in.size >> 3, true);
        int seg = Operands.faultSegment(in);
        long destination = c.mem.loadForWrite(in.size, linear, seg);
        Alu.sub(c, Operands.reg(c, in, Reg.RAX, in.size), destination, in.size);
        boolean equal = Flags.zf(c);
        c.mem.store(in.size, linear, seg, equal ? Operands.reg(c, in, in.reg, in.size) : destination);
        if (!equal) {
            Operands.setReg(c, in, Reg.RAX, in.size, destination);
        }
    }

    private static void compare8(Cpu c, Insn in) {
        long linear = Operands.linear(c, in, 8, true);
        int seg = Operands.faultSegment(in);
        long old = c.mem.loadForWrite(64, linear, seg);
        long expected = pair32(c.r[Reg.RDX], c.r[Reg.RAX]);
        boolean equal = old == expected;
        c.mem.store64(linear, seg, equal ? pair32(c.r[Reg.RCX], c.r[Reg.RBX]) : old);
        if (!equal) {
            c.r[Reg.RAX] = old & 0xffffffffL;
            c.r[Reg.RDX] = old >>> 32;
        }
        Flags.update(c, Flags.ZF, equal ? Flags.ZF : 0);
    }

    private static long pair32(long high, long low) {
        return high << 32 | (low & 0xffffffffL);
    }

    private static void compare16(Cpu c, Insn in) {
        long linear = Operands.linear(c, in, 16, true);
        int seg = Operands.faultSegment(in);
        if ((linear & 15) != 0) {
            throw c.raise(Vector.GP, 0);
        }
        c.mem.probeWrite(linear, 16, seg);
        long low = c.mem.loadForWrite(64, linear, seg);
        long high = c.mem.loadForWrite(64, linear + 8, seg);
        boolean equal = low == c.r[Reg.RAX] && high == c.r[Reg.RDX];
        c.mem.store64(linear, seg, equal ? c.r[Reg.RBX] : low);
        c.mem.store64(linear + 8, seg, equal ? c.r[Reg.RCX] : high);
        if (!equal) {
            c.r[Reg.RAX] = low;
            c.r[Reg.RDX] = high;
        }
        Flags.update(c, Flags.ZF, equal ? Flags.ZF : 0);
    }

    private static void addRegister(Cpu c, Insn in) {
        long destination = Operands.reg(c, in, in.rm, in.size);
        long sum = Alu.add(c, destination, Operands.reg(c, in, in.reg, in.size), in.size);
        // The sum is written last: it stays if both operands are the same register.
        Operands.setReg(c, in, in.reg, in.size, destination);
        Operands.setReg(c, in, in.rm, in.size, sum);
    }

    private static void addMemory(Cpu c, Insn in) {
        long linear = Operands.linear(c, in, in.size >> 3, true);
        int seg = Operands.faultSegment(in);
        long destination = c.mem.loadForWrite(in.size, linear, seg);
        long sum = Alu.add(c, destination, Operands.reg(c, in, in.reg, in.size), in.size);
        c.mem.store(in.size, linear, seg, sum);
        Operands.setReg(c, in, in.reg, in.size, destination);
    }
}

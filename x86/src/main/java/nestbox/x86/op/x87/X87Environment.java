package nestbox.x86.op.x87;

import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import nestbox.x86.fp.X87;
import nestbox.x86.insn.Insn;
import nestbox.x86.op.Operands;

/**
 * FLDCW, FLDENV, FRSTOR and the storing counterparts, in the four layouts of SDM Vol. 1, "Saving the x87 FPU's State with
 * FSTENV/FNSTENV and FSAVE/FNSAVE": 16 or 32 bits, real (and virtual-8086) or protected mode.
 */
final class X87Environment {
    private static final int REGISTERS = 80;

    private X87Environment() {}

    private static boolean wide(Insn in) {
        return in.size != 16;
    }

    private static int environmentSize(Insn in) {
        return wide(in) ? 28 : 14;
    }

    private static boolean linearPointers(Cpu c) {
        return !c.protectedMode() || c.virtual8086();
    }

    static void loadControl(Cpu c, Insn in) {
        int value = (int) c.mem.load16(Operands.linear(c, in, 2, false), Operands.faultSegment(in));
        c.fpu.setControl(value);
    }

    static void storeControl(Cpu c, Insn in) {
        c.mem.store16(Operands.linear(c, in, 2, true), Operands.faultSegment(in), c.fpu.control);
    }

    static void storeStatus(Cpu c, Insn in) {
        c.mem.store16(Operands.linear(c, in, 2, true), Operands.faultSegment(in), c.fpu.statusWord());
    }

    private static long probe(Cpu c, Insn in, int bytes, boolean write) {
        long linear = Operands.linear(c, in, bytes, write);
        int seg = Operands.faultSegment(in);
        if (write) {
            c.mem.probeWrite(linear, bytes, seg);
        } else {
            c.mem.probeRead(linear, bytes, seg);
        }
        return linear;
    }

    static void storeEnvironment(Cpu c, Insn in) {
        store(c, in, probe(c, in, environmentSize(in), true));
        X87 f = c.fpu;
        f.setControl(f.control | 0x3f);
    }

    static void loadEnvironment(Cpu c, Insn in) {
        load(c, in, probe(c, in, environmentSize(in), false));
    }

    static void save(Cpu c, Insn in) {
        int size = environmentSize(in);
        long linear = probe(c, in, size + REGISTERS, true);
        int seg = Operands.faultSegment(in);
        store(c, in, linear);
        X87 f = c.fpu;
        for (int i = 0; i < 8; i++) {
            int p = f.physical(i);
            c.mem.store64(X87Memory.advance(in, linear, size + 10 * i), seg, f.mant[p]);
            c.mem.store16(X87Memory.advance(in, linear, size + 10 * i + 8), seg, f.se[p]);
        }
        f.init();
    }

    static void restore(Cpu c, Insn in) {
        int size = environmentSize(in);
        long linear = probe(c, in, size + REGISTERS, false);
        int seg = Operands.faultSegment(in);
        load(c, in, linear);
        X87 f = c.fpu;
        for (int i = 0; i < 8; i++) {
            int p = f.physical(i);
            f.mant[p] = c.mem.load64(X87Memory.advance(in, linear, size + 10 * i), seg);
            f.se[p] = (int) c.mem.load16(X87Memory.advance(in, linear, size + 10 * i + 8), seg);
        }
    }

    private static void put(Cpu c, Insn in, long linear, int field, long value) {
        int seg = Operands.faultSegment(in);
        if (wide(in)) {
            c.mem.store32(X87Memory.advance(in, linear, 4 * field), seg, value);
        } else {
            c.mem.store16(X87Memory.advance(in, linear, 2 * field), seg, value);
        }
    }

    private static long get(Cpu c, Insn in, long linear, int field) {
        int seg = Operands.faultSegment(in);
        return wide(in)
                ? c.mem.load32(X87Memory.advance(in, linear, 4 * field), seg)
                : c.mem.load16(X87Memory.advance(in, linear, 2 * field), seg);
    }

    private static void store(Cpu c, Insn in, long linear) {
        X87 f = c.fpu;
        long ones = 0xffff0000L;
        put(c, in, linear, 0, ones | f.control);
        put(c, in, linear, 1, ones | f.statusWord());
        put(c, in, linear, 2, ones | f.tagWord());
        if (linearPointers(c)) {
            long ip = f.lastIp + ((long) f.lastCs << 4);
            long dp = f.lastDp + ((long) f.lastDs << 4);
            put(c, in, linear, 3, wide(in) ? ones | ip & 0xffff : ip);
            put(c, in, linear, 4, ip >>> 16 << 12 & 0x0ffff000L | f.opcode & 0x7ff);
            put(c, in, linear, 5, wide(in) ? ones | dp & 0xffff : dp);
            put(c, in, linear, 6, dp >>> 16 << 12 & 0x0ffff000L);
        } else {
            put(c, in, linear, 3, f.lastIp);
            put(c, in, linear, 4, wide(in) ? (long) (f.opcode & 0x7ff) << 16 | f.lastCs : f.lastCs);
            put(c, in, linear, 5, f.lastDp);
            put(c, in, linear, 6, ones | f.lastDs);
        }
    }

    private static void load(Cpu c, Insn in, long linear) {
        X87 f = c.fpu;
        f.control = (int) get(c, in, linear, 0) & 0x1f7f | 0x40;
        f.setStatusWord((int) get(c, in, linear, 1));
        f.setTagWord((int) get(c, in, linear, 2));
        long ip = get(c, in, linear, 3);
        long code = get(c, in, linear, 4);
        long dp = get(c, in, linear, 5);
        long data = get(c, in, linear, 6);
        if (linearPointers(c)) {
            f.lastIp = ip & 0xffff | (code >>> 12 & 0xffff) << 16;
            f.lastCs = 0;
            f.opcode = (int) code & 0x7ff;
            f.lastDp = dp & 0xffff | (data >>> 12 & 0xffff) << 16;
            f.lastDs = 0;
        } else {
            f.lastIp = ip;
            f.lastCs = (int) code & 0xffff;
            f.opcode = wide(in) ? (int) (code >>> 16) & 0x7ff : f.opcode;
            f.lastDp = dp;
            f.lastDs = (int) data & 0xffff;
        }
    }

    /** FNSTSW AX. */
    static void statusToAx(Cpu c, Insn in) {
        c.r[Reg.RAX] = c.r[Reg.RAX] & ~0xffffL | c.fpu.statusWord();
    }
}

package nestbox.x86.op.x87;

import nestbox.x86.Cpu;
import nestbox.x86.fp.Extended;
import nestbox.x86.fp.FpUnit;
import nestbox.x86.fp.X87;
import nestbox.x86.fp.X87Ops;
import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;
import nestbox.x86.op.Operands;

/** x87 instructions with a numeric memory operand: loads, stores, arithmetic and comparisons. */
final class X87Memory {
    private X87Memory() {}

    /** Brings the operand in memory into the unit's result, after {@link X87#begin}. */
    @FunctionalInterface
    interface Source {
        void fetch(Cpu c, Insn in);
    }

    private static long load(Cpu c, Insn in, int bits) {
        long value = c.mem.load(bits, Operands.linear(c, in, bits >> 3, false), Operands.faultSegment(in));
        X87Access.noteMemory(c, in, Operands.offset(c, in));
        return value;
    }

    static void single(Cpu c, Insn in) {
        long value = load(c, in, 32);
        Extended.fromSingle(c.fpu.begin(), (int) value);
    }

    static void real(Cpu c, Insn in) {
        long value = load(c, in, 64);
        Extended.fromDouble(c.fpu.begin(), value);
    }

    static void word(Cpu c, Insn in) {
        long value = load(c, in, 16);
        Extended.fromInteger(c.fpu.begin(), (short) value);
    }

    static void doubleword(Cpu c, Insn in) {
        long value = load(c, in, 32);
        Extended.fromInteger(c.fpu.begin(), (int) value);
    }

    static void quadword(Cpu c, Insn in) {
        long value = load(c, in, 64);
        Extended.fromInteger(c.fpu.begin(), value);
    }

    static void extended(Cpu c, Insn in) {
        long linear = Operands.linear(c, in, 10, false);
        int seg = Operands.faultSegment(in);
        c.mem.probeRead(linear, 10, seg);
        long m = c.mem.load64(linear, seg);
        int se = (int) c.mem.load16(advance(in, linear, 8), seg);
        X87Access.noteMemory(c, in, Operands.offset(c, in));
        FpUnit u = c.fpu.begin();
        u.se = se;
        u.mant = m;
    }

    /** {@code linear + by}, wrapping where linear addresses have 32 bits. */
    static long advance(Insn in, long linear, int by) {
        return in.codeSize == 64 ? linear + by : linear + by & 0xffffffffL;
    }

    static Handler push(Source source) {
        return X87Access.computeMemory((c, in) -> {
            source.fetch(c, in);
            c.fpu.load();
        });
    }

    /** Operation {@code op} of the D8 group between ST(0) and the operand. */
    static Handler arithmetic(Source source, int op) {
        switch (op) {
            case X87Ops.COM:
            case X87Ops.COMP:
                return X87Access.computeMemory((c, in) -> {
                    source.fetch(c, in);
                    X87Ops.compareMemory(c.fpu, op == X87Ops.COMP);
                });
            default:
                return X87Access.computeMemory((c, in) -> {
                    source.fetch(c, in);
                    X87Ops.arithmeticMemory(c.fpu, op);
                });
        }
    }

    /** Converts ST(0) to what is stored, with the unit's flags. */
    @FunctionalInterface
    interface Conversion {
        long convert(FpUnit u, int se, long m);
    }

    /** FST, FSTP, FIST, FISTP, FISTTP. */
    static Handler store(int bits, long indefinite, Conversion conversion, boolean pop) {
        return X87Access.computeMemory((c, in) -> {
            long linear = Operands.linear(c, in, bits >> 3, true);
            int seg = Operands.faultSegment(in);
            c.mem.probeWrite(linear, bits >> 3, seg);
            X87Access.noteMemory(c, in, Operands.offset(c, in));
            X87 f = c.fpu;
            FpUnit u = f.begin();
            long value = indefinite;
            boolean stored;
            if (f.empty(0)) {
                stored = f.stackFault(false);
            } else {
                value = conversion.convert(u, f.se[f.top], f.mant[f.top]);
                // An unmasked overflow or underflow keeps a memory destination and the stack as they are.
                boolean outOfRange = (u.flags & u.unmasked & (FpUnit.OE | FpUnit.UE)) != 0;
                if (outOfRange) {
                    u.flags &= ~FpUnit.PE;
                }
                stored = f.finish() && !outOfRange;
            }
            if (stored) {
                c.mem.store(bits, linear, seg, value);
                if (pop) {
                    f.pop();
                }
            }
        });
    }

    /** FSTP m80fp. */
    static void storeExtended(Cpu c, Insn in) {
        long linear = Operands.linear(c, in, 10, true);
        int seg = Operands.faultSegment(in);
        c.mem.probeWrite(linear, 10, seg);
        X87Access.noteMemory(c, in, Operands.offset(c, in));
        X87 f = c.fpu;
        FpUnit u = f.begin();
        if (f.empty(0)) {
            if (!f.stackFault(false)) {
                return;
            }
        } else {
            u.se = f.se[f.top];
            u.mant = f.mant[f.top];
        }
        c.mem.store64(linear, seg, u.mant);
        c.mem.store16(advance(in, linear, 8), seg, u.se);
        f.pop();
    }

    /** FBLD. */
    static void loadDecimal(Cpu c, Insn in) {
        long linear = Operands.linear(c, in, 10, false);
        int seg = Operands.faultSegment(in);
        c.mem.probeRead(linear, 10, seg);
        long low = c.mem.load64(linear, seg);
        int high = (int) c.mem.load16(advance(in, linear, 8), seg);
        X87Access.noteMemory(c, in, Operands.offset(c, in));
        long value = 10 * (high >>> 4 & 15) + (high & 15);
        for (int i = 15; i >= 0; i--) {
            value = 10 * value + (low >>> 4 * i & 15);
        }
        FpUnit u = c.fpu.begin();
        Extended.fromInteger(u, value);
        u.se |= high & 0x8000;
        c.fpu.load();
    }

    /** FBSTP. */
    static void storeDecimal(Cpu c, Insn in) {
        long linear = Operands.linear(c, in, 10, true);
        int seg = Operands.faultSegment(in);
        c.mem.probeWrite(linear, 10, seg);
        X87Access.noteMemory(c, in, Operands.offset(c, in));
        X87 f = c.fpu;
        FpUnit u = f.begin();
        long magnitude = -1;
        boolean stored;
        if (f.empty(0)) {
            stored = f.stackFault(false);
        } else {
            magnitude = Extended.toDecimal(u, f.se[f.top], f.mant[f.top]);
            stored = f.finish();
        }
        if (!stored) {
            return;
        }
        long low = 0xc000000000000000L;
        long high = 0xffff;
        if (magnitude >= 0) {
            low = 0;
            for (int i = 0; i < 16; i++) {
                low |= magnitude % 10 << 4 * i;
                magnitude /= 10;
            }
            high = f.se[f.top] & 0x8000 | magnitude / 10 << 4 | magnitude % 10;
        }
        c.mem.store64(linear, seg, low);
        c.mem.store16(advance(in, linear, 8), seg, high);
        f.pop();
    }
}

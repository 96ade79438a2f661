package nestbox.x86.op;

import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Reg;
import nestbox.x86.Vector;
import nestbox.x86.insn.Insn;

/** Decimal adjustments (SDM Vol. 2, "DAA", "DAS", "AAA", "AAS", "AAM", "AAD"). Undefined flags as AMD's Zen 3 has them. */
final class Bcd {
    private Bcd() {}

    private static int al(Cpu c) {
        return (int) c.r[Reg.RAX] & 0xff;
    }

    private static void setAl(Cpu c, long al) {
        c.r[Reg.RAX] = (c.r[Reg.RAX] & ~0xffL) | (al & 0xff);
    }

    static void daa(Cpu c, Insn in) {
        adjust(c, 1);
    }

    static void das(Cpu c, Insn in) {
        adjust(c, -1);
    }

    /** OF is that of adding the whole correction. */
    private static void adjust(Cpu c, int sign) {
        int old = al(c);
        boolean low = (old & 0xf) > 9 || Flags.af(c);
        boolean high = old > 0x99 || Flags.cf(c);
        int correction = (low ? 6 : 0) + (high ? 0x60 : 0);
        boolean borrow = sign < 0 && low && old < 6;
        long result = sign > 0 ? Alu.add(c, old, correction, 8) : Alu.sub(c, old, correction, 8);
        setAl(c, result);
        Flags.set(c, result, high || borrow ? 1 : 0, Flags.of(c) ? 1 : 0, low ? 1 : 0);
    }

    static void aaa(Cpu c, Insn in) {
        unpack(c, 0x106);
    }

    static void aas(Cpu c, Insn in) {
        unpack(c, -0x106);
    }

    /** SF, ZF and PF are those of AX before AL's upper half is cleared. */
    private static void unpack(Cpu c, int correction) {
        boolean carry = (al(c) & 0xf) > 9 || Flags.af(c);
        long ax = c.r[Reg.RAX] + (carry ? correction : 0);
        long flag = carry ? 1 : 0;
        Flags.set(c, (short) ax, flag, 0, flag);
        c.r[Reg.RAX] = (c.r[Reg.RAX] & ~0xffffL) | (ax & 0xff0f);
    }

    static void aam(Cpu c, Insn in) {
        int base = (int) in.imm & 0xff;
        if (base == 0) {
            throw c.raise(Vector.DE);
        }
        int al = al(c);
        c.r[Reg.RAX] = (c.r[Reg.RAX] & ~0xff00L) | (long) (al / base) << 8;
        setAl(c, al % base);
        Flags.set(c, (byte) (al % base), 0, 0, 0);
    }

    /** The flags are those of the addition. */
    static void aad(Cpu c, Insn in) {
        long ah = c.r[Reg.RAX] >>> 8 & 0xff;
        long sum = Alu.add(c, al(c), ah * in.imm & 0xff, 8);
        c.r[Reg.RAX] &= ~0xff00L;
        setAl(c, sum);
    }
}

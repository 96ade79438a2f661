package nestbox.x86.op;

import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Reg;
import nestbox.x86.Vector;
import nestbox.x86.insn.Insn;

/** Decimal adjustments (SDM Vol. 2, "DAA", "DAS", "AAA", "AAS", "AAM", "AAD"). OF, which is undefined, is cleared. */
final class Bcd {
    private Bcd() {}

    private static int al(Cpu c) {
        return (int) c.r[Reg.RAX] & 0xff;
    }

    private static void set(Cpu c, int al, boolean cf, boolean af) {
        c.r[Reg.RAX] = (c.r[Reg.RAX] & ~0xffL) | (al & 0xff);
        Flags.set(c, (byte) al, cf ? 1 : 0, 0, af ? 1 : 0);
    }

    static void daa(Cpu c, Insn in) {
        adjust(c, 1);
    }

    static void das(Cpu c, Insn in) {
        adjust(c, -1);
    }

    private static void adjust(Cpu c, int sign) {
        int old = al(c);
        boolean oldCf = Flags.cf(c);
        boolean low = (old & 0xf) > 9 || Flags.af(c);
        boolean high = old > 0x99 || oldCf;
        int lowered = low ? old + 6 * sign : old;
        boolean borrow = sign < 0 && low && lowered < 0;
        set(c, high ? lowered + 0x60 * sign : lowered, high || borrow, low);
    }

    static void aaa(Cpu c, Insn in) {
        unpack(c, 0x106);
    }

    static void aas(Cpu c, Insn in) {
        unpack(c, -0x106);
    }

    private static void unpack(Cpu c, int correction) {
        boolean carry = (al(c) & 0xf) > 9 || Flags.af(c);
        long ax = c.r[Reg.RAX] + (carry ? correction : 0);
        c.r[Reg.RAX] = (c.r[Reg.RAX] & ~0xffffL) | (ax & 0xff00);
        set(c, (int) ax & 0xf, carry, carry);
    }

    static void aam(Cpu c, Insn in) {
        int base = (int) in.imm & 0xff;
        if (base == 0) {
            throw c.raise(Vector.DE);
        }
        int al = al(c);
        c.r[Reg.RAX] = (c.r[Reg.RAX] & ~0xff00L) | (long) (al / base) << 8;
        set(c, al % base, false, false);
    }

    static void aad(Cpu c, Insn in) {
        int ah = (int) (c.r[Reg.RAX] >>> 8) & 0xff;
        int sum = al(c) + ah * ((int) in.imm & 0xff);
        c.r[Reg.RAX] &= ~0xff00L;
        set(c, sum, false, false);
    }
}

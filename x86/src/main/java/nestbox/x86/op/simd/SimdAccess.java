package nestbox.x86.op.simd;

import nestbox.x86.Cpu;
import nestbox.x86.Vector;
import nestbox.x86.fp.FpUnit;
import nestbox.x86.insn.Insn;
import nestbox.x86.op.Operands;

/** Availability, operands and exceptions that MMX and SSE instructions share. */
final class SimdAccess {
    /** Lane index of the memory operand in {@link Cpu#v}. */
    static final int MEMORY = 16 * 4;

    /** MXCSR.MM: AMD's misaligned exception mask. */
    private static final int MXCSR_MM = 1 << 17;

    private SimdAccess() {}

    /** #UD with CR0.EM or without CR4.OSFXSR, #NM with CR0.TS (SDM Vol. 3, "Control Registers"). */
    static void checkSse(Cpu c) {
        if ((c.cr0 & (Cpu.CR0_EM | Cpu.CR0_TS)) != 0 || (c.cr4 & Cpu.CR4_OSFXSR) == 0) {
            boolean undefined = (c.cr0 & Cpu.CR0_EM) != 0 || (c.cr4 & Cpu.CR4_OSFXSR) == 0;
            throw c.raise(undefined ? Vector.UD : Vector.NM);
        }
    }

    /** #UD with CR0.EM, #NM with CR0.TS, then pending x87 exceptions. */
    static void checkMmx(Cpu c) {
        if ((c.cr0 & (Cpu.CR0_EM | Cpu.CR0_TS)) != 0) {
            throw c.raise((c.cr0 & Cpu.CR0_EM) != 0 ? Vector.UD : Vector.NM);
        }
        checkPending(c);
    }

    /**
     * #MF for a pending x87 exception. Without CR0.NE the board's FERR# path reports it at the next x87 instruction, and MMX
     * goes on.
     */
    static void checkPending(Cpu c) {
        if (c.fpu.pending() && (c.cr0 & Cpu.CR0_NE) != 0) {
            throw c.raise(Vector.MF);
        }
    }

    /** Every MMX instruction but EMMS makes all registers valid and TOP 0. */
    static void enterMmx(Cpu c) {
        c.fpu.top = 0;
        c.fpu.used = 0xff;
    }

    static void setMmx(Cpu c, int n, long value) {
        enterMmx(c);
        c.fpu.mant[n] = value;
        c.fpu.se[n] = 0xffff;
    }

    /** The MMX or memory source of {@code bits} = 32 or 64. */
    static long mmxSource(Cpu c, Insn in, int bits) {
        if (!in.memory) {
            return c.fpu.mant[in.rm & 7];
        }
        return c.mem.load(bits, Operands.linear(c, in, bits >> 3, false), Operands.faultSegment(in));
    }

    static long advance(Insn in, long linear, int by) {
        return in.codeSize == 64 ? linear + by : linear + by & 0xffffffffL;
    }

    /** Linear address of a 16-byte operand; #GP(0) if {@code aligned} is demanded and it is not. */
    static long linear128(Cpu c, Insn in, boolean write, boolean aligned) {
        long linear = Operands.linear(c, in, 16, write);
        if (aligned && (linear & 15) != 0) {
            throw c.raise(Vector.GP, 0);
        }
        return linear;
    }

    /** Lane index of the 128-bit register or memory source; memory must be aligned unless MXCSR.MM says otherwise. */
    static int source128(Cpu c, Insn in) {
        return in.memory ? load128(c, in, (c.mxcsr & MXCSR_MM) == 0) : in.rm << 2;
    }

    static int load128(Cpu c, Insn in, boolean aligned) {
        long linear = linear128(c, in, false, aligned);
        int seg = Operands.faultSegment(in);
        c.mem.probeRead(linear, 16, seg);
        long low = c.mem.load64(linear, seg);
        c.v[MEMORY + 1] = c.mem.load64(advance(in, linear, 8), seg);
        c.v[MEMORY] = low;
        return MEMORY;
    }

    static void store128(Cpu c, Insn in, boolean aligned, long low, long high) {
        long linear = linear128(c, in, true, aligned);
        int seg = Operands.faultSegment(in);
        c.mem.probeWrite(linear, 16, seg);
        c.mem.store64(linear, seg, low);
        c.mem.store64(advance(in, linear, 8), seg, high);
    }

    /** The low {@code bits} = 32 or 64 of the register or memory source (a register's upper bits may be there too). */
    static long sourceScalar(Cpu c, Insn in, int bits) {
        if (!in.memory) {
            return c.v[in.rm << 2];
        }
        return c.mem.load(bits, Operands.linear(c, in, bits >> 3, false), Operands.faultSegment(in));
    }

    /** The unit, set up by MXCSR. */
    static FpUnit begin(Cpu c) {
        FpUnit u = c.fpu.unit;
        u.beginSse(c.mxcsr);
        return u;
    }

    /**
     * Records the unit's exceptions in MXCSR; an unmasked one raises #XM, or #UD without CR4.OSXMMEXCPT. Called before the
     * destination is written (SDM Vol. 1, "SSE and SSE2 SIMD Floating-Point Exceptions").
     */
    static void finish(Cpu c, FpUnit u) {
        int raised = u.flags;
        if (raised == 0) {
            return;
        }
        int unmasked = raised & u.unmasked;
        if (unmasked != 0) {
            c.mxcsr |= (unmasked & FpUnit.BEFORE) != 0 ? raised & FpUnit.BEFORE : raised;
            throw c.raise((c.cr4 & Cpu.CR4_OSXMMEXCPT) != 0 ? Vector.XM : Vector.UD);
        }
        c.mxcsr |= raised;
    }
}

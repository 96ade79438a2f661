package nestbox.x86.op;

import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Intercept;
import nestbox.x86.Reg;
import nestbox.x86.Vector;
import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;

/** Random numbers, protection keys, segment bases, cache lines, hints and what is undefined on purpose. */
final class Miscellany {
    private static final int TSC_AUX = 0xc0000103;
    private static final int LINE = 64;

    private Miscellany() {}

    static Handler bind(Insn in) {
        Handler handler = memory(in);
        if (handler != null) {
            return handler;
        }
        switch (in.form.mnemonic()) {
            case "RDRAND":
            case "RDSEED":
                return Miscellany::random;
            case "RDPID":
                return Miscellany::rdpid;
            case "RDPKRU":
                return Miscellany::rdpkru;
            case "WRPKRU":
                return Miscellany::wrpkru;
            case "RDFSBASE":
                return (c, i) -> readBase(c, i, Reg.FS);
            case "RDGSBASE":
                return (c, i) -> readBase(c, i, Reg.GS);
            case "WRFSBASE":
                return (c, i) -> writeBase(c, i, Reg.FS);
            case "WRGSBASE":
                return (c, i) -> writeBase(c, i, Reg.GS);
            case "UD0":
            case "UD1":
            case "UD2":
                return (c, i) -> {
                    throw c.raise(Vector.UD);
                };
            case "BOUND":
                return Miscellany::bound;
            default:
                return hint(in.form.mnemonic());
        }
    }

    private static Handler memory(Insn in) {
        switch (in.form.mnemonic()) {
            case "CLFLUSH":
            case "CLFLUSHOPT":
            case "CLWB":
                return (c, i) -> c.mem.probeRead(Operands.linear(c, i, 1, false), 1, Operands.faultSegment(i));
            case "CLZERO":
                return Miscellany::clzero;
            case "MOVDIR64B":
                return Miscellany::movdir64b;
            default:
                return null;
        }
    }

    private static Handler hint(String mnemonic) {
        switch (mnemonic) {
            case "NOP":
            case "PREFETCH":
            case "PREFETCHW":
            case "PREFETCHWT1":
            case "PREFETCHNTA":
            case "PREFETCHT0":
            case "PREFETCHT1":
            case "PREFETCHT2":
            case "CLDEMOTE":
            case "LFENCE":
            case "MFENCE":
            case "SFENCE":
            case "SERIALIZE":
                return Miscellany::nothing;
            default:
                return null;
        }
    }

    private static void nothing(Cpu c, Insn in) {
        // Hints, padding and orderings that one host thread has anyway change nothing.
    }

    private static void rdpid(Cpu c, Insn in) {
        if (c.extension == null || !c.extension.intercept(c, Intercept.RDPID, in, 0, 0)) {
            c.r[in.rm] = c.msrs.read(TSC_AUX) & 0xffffffffL;
        }
    }

    private static void random(Cpu c, Insn in) {
        Intercept what = in.form.mnemonic().equals("RDRAND") ? Intercept.RDRAND : Intercept.RDSEED;
        if (c.extension != null && c.extension.intercept(c, what, in, 0, 0)) {
            return;
        }
        Operands.setReg(c, in, in.rm, in.size, c.random.nextLong());
        Flags.setArithmetic(c, Flags.CF);
    }

    /** #UD without CR4.PKE, #GP(0) unless ECX is 0. */
    private static void checkPkru(Cpu c) {
        if ((c.cr4 & Cpu.CR4_PKE) == 0) {
            throw c.raise(Vector.UD);
        }
        if ((int) c.r[Reg.RCX] != 0) {
            throw c.raise(Vector.GP, 0);
        }
    }

    private static void rdpkru(Cpu c, Insn in) {
        checkPkru(c);
        c.r[Reg.RAX] = c.pkru & 0xffffffffL;
        c.r[Reg.RDX] = 0;
    }

    private static void wrpkru(Cpu c, Insn in) {
        checkPkru(c);
        if ((int) c.r[Reg.RDX] != 0) {
            throw c.raise(Vector.GP, 0);
        }
        c.pkru = c.r[Reg.RAX] & 0xffffffffL;
        c.mem.port().contextChanged();
    }

    private static void checkBases(Cpu c) {
        if ((c.cr4 & Cpu.CR4_FSGSBASE) == 0) {
            throw c.raise(Vector.UD);
        }
    }

    private static void readBase(Cpu c, Insn in, int seg) {
        checkBases(c);
        Operands.setReg(c, in, in.rm, in.size, c.base[seg]);
    }

    private static void writeBase(Cpu c, Insn in, int seg) {
        checkBases(c);
        long base = Operands.reg(c, in, in.rm, in.size);
        if (!c.canonicalBase(base)) {
            throw c.raise(Vector.GP, 0);
        }
        c.base[seg] = base;
    }

    /** Zeroes the cache line at rAX (APM Vol. 3, "CLZERO"). */
    private static void clzero(Cpu c, Insn in) {
        long offset = Operands.zeroExtend(c.r[Reg.RAX], in.addressSize) & -LINE;
        long linear = Operands.linearAt(c, in, in.seg, offset, LINE, true);
        c.mem.probeWrite(linear, LINE, in.seg);
        for (int i = 0; i < LINE; i += 8) {
            c.mem.store64(linear + i, in.seg, 0);
        }
    }

    /** Copies 64 bytes to the aligned address ES:reg. */
    private static void movdir64b(Cpu c, Insn in) {
        long source = Operands.linear(c, in, LINE, false);
        int sourceSeg = Operands.faultSegment(in);
        long offset = Operands.zeroExtend(c.r[in.reg], in.addressSize);
        int seg = in.codeSize == 64 ? Insn.FLAT : Reg.ES;
        long target = Operands.linearAt(c, in, seg, offset, LINE, true);
        if ((target & (LINE - 1)) != 0) {
            throw c.raise(Vector.GP, 0);
        }
        c.mem.probeRead(source, LINE, sourceSeg);
        c.mem.probeWrite(target, LINE, seg);
        // All of the source is read first, for it may overlap the target.
        long q0 = c.mem.load64(source, sourceSeg);
        long q1 = c.mem.load64(source + 8, sourceSeg);
        long q2 = c.mem.load64(source + 16, sourceSeg);
        long q3 = c.mem.load64(source + 24, sourceSeg);
        long q4 = c.mem.load64(source + 32, sourceSeg);
        long q5 = c.mem.load64(source + 40, sourceSeg);
        long q6 = c.mem.load64(source + 48, sourceSeg);
        long q7 = c.mem.load64(source + 56, sourceSeg);
        c.mem.store64(target, seg, q0);
        c.mem.store64(target + 8, seg, q1);
        c.mem.store64(target + 16, seg, q2);
        c.mem.store64(target + 24, seg, q3);
        c.mem.store64(target + 32, seg, q4);
        c.mem.store64(target + 40, seg, q5);
        c.mem.store64(target + 48, seg, q6);
        c.mem.store64(target + 56, seg, q7);
    }

    /** #BR unless the signed index lies between the two bounds in memory. */
    private static void bound(Cpu c, Insn in) {
        int bytes = in.size >> 3;
        long linear = Operands.linear(c, in, 2 * bytes, false);
        int seg = Operands.faultSegment(in);
        long lower = Operands.signExtend(c.mem.load(in.size, linear, seg), in.size);
        long upper = Operands.signExtend(c.mem.load(in.size, linear + bytes, seg), in.size);
        long index = Operands.signExtend(c.r[in.reg], in.size);
        if (index < lower || index > upper) {
            throw c.raise(Vector.BR);
        }
    }
}

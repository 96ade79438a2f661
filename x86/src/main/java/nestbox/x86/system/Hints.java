package nestbox.x86.system;

import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.GuestFault;
import nestbox.x86.Intercept;
import nestbox.x86.Reg;
import nestbox.x86.Vector;
import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;
import nestbox.x86.mem.TranslationControl;
import nestbox.x86.model.Feature;
import nestbox.x86.op.Operands;
import nestbox.x86.op.simd.ExtendedState;

/** Cache and translation invalidation, time, counters, MSRs, XCR0, RSM (SDM Vol. 2). */
final class Hints {
    /** Caches of some megabytes take a tenth of a millisecond and more to be written back. */
    private static final long WRITE_BACK_TICKS = 100_000;

    private static final long TSC_LIMIT = 0xffffffffL;

    private Hints() {}

    static Handler bind(Insn in) {
        switch (in.form.mnemonic()) {
            case "CPUID":
                return Cpuid::execute;
            case "RDMSR":
                return Hints::rdmsr;
            case "WRMSR":
            case "WRMSRNS":
                return Hints::wrmsr;
            case "RDTSC":
                return (c, i) -> rdtsc(c, i, Intercept.RDTSC);
            case "RDTSCP":
                return Hints::rdtscp;
            case "RDPMC":
                return Hints::rdpmc;
            case "RDPRU":
                return Hints::rdpru;
            case "XGETBV":
                return Hints::xgetbv;
            case "XSETBV":
                return Hints::xsetbv;
            default:
                return invalidation(in);
        }
    }

    private static Handler invalidation(Insn in) {
        switch (in.form.mnemonic()) {
            case "INVLPG":
                return Hints::invlpg;
            case "INVPCID":
                return Hints::invpcid;
            case "INVLPGB":
                return BroadcastInvalidation::invlpgb;
            case "TLBSYNC":
                return BroadcastInvalidation::tlbsync;
            case "INVD":
                return (c, i) -> caches(c, i, Intercept.INVD);
            case "WBINVD":
            case "WBNOINVD":
                return (c, i) -> caches(c, i, Intercept.WBINVD);
            case "RSM":
                return ManagementMode::resume;
            default:
                return null;
        }
    }

    private static void pair(Cpu c, long value) {
        c.r[Reg.RAX] = value & 0xffffffffL;
        c.r[Reg.RDX] = value >>> 32;
    }

    private static long pair(Cpu c) {
        return c.r[Reg.RDX] << 32 | c.r[Reg.RAX] & 0xffffffffL;
    }

    private static void rdmsr(Cpu c, Insn in) {
        Guard.privileged(c);
        int index = (int) c.r[Reg.RCX];
        if (!Guard.taken(c, Intercept.RDMSR, in, index, 0)) {
            try {
                long value = c.msrs.read(index);
                Tracing.msrRead(c, index, value);
                pair(c, value);
            } catch (GuestFault fault) {
                Tracing.msrFault(c, fault, false, index, 0);
                throw fault;
            }
        }
    }

    private static void wrmsr(Cpu c, Insn in) {
        Guard.privileged(c);
        int index = (int) c.r[Reg.RCX];
        if (!Guard.taken(c, Intercept.WRMSR, in, index, pair(c))) {
            try {
                c.msrs.write(index, pair(c));
            } catch (GuestFault fault) {
                Tracing.msrFault(c, fault, true, index, pair(c));
                throw fault;
            }
        }
    }

    static void checkTsc(Cpu c) {
        if ((c.cr4 & Cpu.CR4_TSD) != 0 && c.cpl > 0) {
            throw c.raise(Vector.GP, 0);
        }
    }

    private static boolean rdtsc(Cpu c, Insn in, Intercept what) {
        checkTsc(c);
        if (Guard.taken(c, what, in)) {
            return false;
        }
        pair(c, tscSeen(c, 0));
        return true;
    }

    /** The time-stamp counter as the program sees it, {@code ahead} ticks from now. */
    static long tscSeen(Cpu c, long ahead) {
        long tsc = c.tsc() + ahead;
        return c.extension == null ? tsc : c.extension.tsc(c, tsc);
    }

    private static void rdtscp(Cpu c, Insn in) {
        if (rdtsc(c, in, Intercept.RDTSCP)) {
            c.r[Reg.RCX] = c.tscAux & TSC_LIMIT;
        }
    }

    private static void rdpmc(Cpu c, Insn in) {
        if ((c.cr4 & Cpu.CR4_PCE) == 0 && c.cpl > 0) {
            throw c.raise(Vector.GP, 0);
        }
        if (!Guard.taken(c, Intercept.RDPMC, in)) {
            pair(c, c.counters.read((int) c.r[Reg.RCX]));
        }
    }

    /** Register 0 is MPERF, 1 APERF; other numbers give 0 (APM Vol. 3, "RDPRU"). */
    private static void rdpru(Cpu c, Insn in) {
        checkTsc(c);
        if (Guard.taken(c, Intercept.RDPRU, in)) {
            return;
        }
        int number = (int) c.r[Reg.RCX];
        int highest = c.features.cpuid(0x80000008, 0)[3] >>> 16;
        boolean known = number >= 0 && number <= Math.min(highest, 1);
        pair(c, known ? c.counters.clock(number) : 0);
        Flags.setArithmetic(c, known ? Flags.CF : 0);
    }

    private static void checkXsave(Cpu c) {
        if ((c.cr4 & Cpu.CR4_OSXSAVE) == 0) {
            throw c.raise(Vector.UD);
        }
    }

    private static void xgetbv(Cpu c, Insn in) {
        checkXsave(c);
        int number = (int) c.r[Reg.RCX];
        if (number == 0) {
            pair(c, c.xcr0);
        } else if (number == 1 && c.features.has(Feature.XGETBV1)) {
            pair(c, c.xcr0 & ExtendedState.inUse(c));
        } else {
            throw c.raise(Vector.GP, 0);
        }
    }

    private static void xsetbv(Cpu c, Insn in) {
        checkXsave(c);
        Guard.privileged(c);
        if (Guard.taken(c, Intercept.XSETBV, in)) {
            return;
        }
        long value = pair(c);
        int[] leaf = c.features.cpuid(0xd, 0);
        long supported = (long) leaf[3] << 32 | leaf[0] & 0xffffffffL;
        boolean avxWithoutSse = (value & 6) == 4;
        if ((int) c.r[Reg.RCX] != 0 || (value & ~supported) != 0 || (value & 1) == 0 || avxWithoutSse) {
            throw c.raise(Vector.GP, 0);
        }
        c.xcr0 = value;
    }

    private static void invlpg(Cpu c, Insn in) {
        Guard.privileged(c);
        long linear = Descriptor.linear(c, c.base[in.seg] + Operands.offset(c, in));
        if (!Guard.taken(c, Intercept.INVLPG, in, linear, 0)) {
            c.mem.port().control().invalidatePage(linear);
        }
    }

    private static void invpcid(Cpu c, Insn in) {
        Guard.privileged(c);
        if (Guard.taken(c, Intercept.INVPCID, in)) {
            return;
        }
        long type = Operands.reg(c, in, in.reg, in.codeSize == 64 ? 64 : 32);
        long at = Operands.linear(c, in, 16, false);
        int blame = Operands.faultSegment(in);
        long pcid = c.mem.load64(at, blame);
        long linear = c.mem.load64(Descriptor.linear(c, at + 8), blame);
        boolean address = type == TranslationControl.INDIVIDUAL_ADDRESS;
        boolean named = address || type == TranslationControl.SINGLE_CONTEXT;
        boolean pcids = (c.cr4 & Cpu.CR4_PCIDE) != 0;
        boolean bad = type >>> 2 != 0
                || pcid >>> 12 != 0
                || (named && !pcids && pcid != 0)
                || (address && !c.canonicalBase(linear));
        if (bad) {
            throw c.raise(Vector.GP, 0);
        }
        c.mem.port().control().invalidatePcid((int) type, (int) pcid, linear);
    }

    /** Caches are not modelled: memory is always coherent. */
    private static void caches(Cpu c, Insn in, Intercept what) {
        Guard.privileged(c);
        if (!Guard.taken(c, what, in) && what == Intercept.WBINVD) {
            c.letPass(WRITE_BACK_TICKS - 1);
        }
    }
}

package nestbox.x86.system;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import nestbox.core.UnsupportedFeatureException;
import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import nestbox.x86.Vector;
import nestbox.x86.model.CpuFeatures;
import nestbox.x86.model.Feature;
import nestbox.x86.model.Vendor;

/** The model-specific registers (SDM Vol. 4, "Architectural MSRs"; APM Vol. 2, "MSR Cross-Reference"). */
public final class MsrTable {
    /** Banks that IA32_MCG_CAP announces. */
    static final int BANKS = 10;

    public static final int HWCR = 0xc0010015;
    private static final int MISC_ENABLE = 0x1a0;
    private static final long LOW32 = 0xffffffffL;
    private static final long MISC_WRITABLE = 1 | 1 << 3 | 1 << 16 | 1 << 18 | 1 << 22 | 1 << 23 | 1L << 34;
    /** Performance monitoring available, BTS and PEBS unavailable: read-only. */
    private static final long MISC_READ_ONLY = 1 << 7 | 1 << 11 | 1 << 12;

    private static final long BTF = 2;
    private static final long EVENT_SELECT = 0x30fffdfffffL;
    private static final long COUNTER = (1L << 48) - 1;
    /** HWCR.SMMLOCK, which only RESET clears. */
    public static final long HWCR_SMM_LOCK = 1;

    private static final long HWCR_STATUS_WRITABLE = 1 << 18;
    private static final long HWCR_TSC_FREQ_SEL = 1 << 24;
    /** TlbCacheDis, FFDIS, IgnneEm: what firmware and kernels of the K8 write. */
    private static final long HWCR_DROPPED = 1 << 3 | 1 << 6 | 1 << 8;

    /** TMTypeDram, AMTypeDram, TMTypeIoWc, AMTypeIoWc. */
    private static final long SMMMASK_TYPES = 7 << 12 | 7 << 8 | 3 << 4;
    /** TClose, AClose, TValid, AValid. */
    private static final long SMMMASK_CONTROLS = 0xf;

    private static final Predicate<CpuFeatures> INTEL = f -> f.vendor() == Vendor.INTEL;
    private static final Predicate<CpuFeatures> AMD = f -> f.vendor() == Vendor.AMD;

    private static final Msr.Rule CANONICAL = Cpu::canonicalBase;
    private static final Msr.Rule SYSENTER = (c, v) -> c.features.vendor() == Vendor.AMD || c.canonicalBase(v);
    private static final Msr.Rule UNLOCKED = (c, v) -> (c.msrs.stored(HWCR) & HWCR_SMM_LOCK) == 0;
    private static final Msr.Rule ZERO_OR_ONES = (c, v) -> v == 0 || v == -1;

    private MsrTable() {}

    private static Predicate<CpuFeatures> has(Feature... any) {
        return f -> {
            for (Feature feature : any) {
                if (f.has(feature)) {
                    return true;
                }
            }
            return false;
        };
    }

    private static Msr row(int index, String name, Predicate<CpuFeatures> present) {
        return Msr.of(index, name, present);
    }

    /** All rows, for {@link nestbox.x86.Msrs#register}. */
    public static List<Msr> rows() {
        List<Msr> rows = new ArrayList<>();
        time(rows);
        calls(rows);
        machineCheck(rows);
        MemoryTypes.rows(rows);
        speculation(rows);
        intel(rows);
        amd(rows);
        rows.add(row(0x1d9, "DEBUGCTL", f -> true)
                .writable(BTF | Cpu.DEBUGCTL_LBR)
                .at((c, s) -> c.debugCtl, MsrTable::writeDebugControl));
        rows.add(row(Msr.XSS, "IA32_XSS", has(Feature.XSAVES)).writable(f -> {
            int[] leaf = f.cpuid(0xd, 1);
            return (long) leaf[3] << 32 | leaf[2] & LOW32;
        }));
        enforcement(rows);
        rows.add(row(0x6e1, "IA32_PKRS", has(Feature.PKS)).writable(LOW32).at((c, s) -> c.pkrs, MsrTable::writePkrs));
        return List.copyOf(rows);
    }

    /** Control-flow enforcement (SDM Vol. 1, same chapter). */
    private static void enforcement(List<Msr> rows) {
        rows.add(row(0x6a0, "IA32_U_CET", has(Feature.SHSTK, Feature.IBT))
                .writable(MsrTable::cetBits)
                .rule(Cet::legal)
                .at((c, s) -> c.userCet, Cet::writeUser));
        rows.add(row(0x6a2, "IA32_S_CET", has(Feature.SHSTK, Feature.IBT))
                .writable(MsrTable::cetBits)
                .rule(Cet::legal)
                .at((c, s) -> c.supervisorCet, Cet::writeSupervisor));
        for (int level = 0; level < 4; level++) {
            int n = level;
            rows.add(row(0x6a4 + n, "IA32_PL" + n + "_SSP", has(Feature.SHSTK))
                    .writable(~3L)
                    .rule(CANONICAL)
                    .at((c, s) -> c.levelSsp[n], (c, v) -> {
                        c.levelSsp[n] = v;
                        return 0;
                    }));
        }
        rows.add(row(0x6a8, "IA32_INTERRUPT_SSP_TABLE_ADDR", f -> f.has(Feature.SHSTK) && f.has(Feature.LM))
                .writable(-1)
                .rule(CANONICAL)
                .at((c, s) -> c.interruptSspTable, (c, v) -> {
                    c.interruptSspTable = v;
                    return 0;
                }));
    }

    /** The bits that IA32_U_CET and IA32_S_CET have. */
    public static long cetBits(CpuFeatures f) {
        return (f.has(Feature.SHSTK) ? Cet.SH_STK_EN | Cet.WR_SHSTK_EN : 0)
                | (f.has(Feature.IBT)
                        ? Cet.ENDBR_EN
                                | Cet.LEG_IW_EN
                                | Cet.NO_TRACK_EN
                                | Cet.SUPPRESS_DIS
                                | Cet.SUPPRESS
                                | Cet.TRACKER
                                | Cet.BITMAP_BASE
                        : 0);
    }

    private static long writePkrs(Cpu c, long value) {
        c.pkrs = value;
        c.mem.port().contextChanged();
        return 0;
    }

    private static void time(List<Msr> rows) {
        rows.add(row(0x10, "IA32_TIME_STAMP_COUNTER", has(Feature.TSC))
                .writable(-1)
                .at(MsrTable::readTsc, MsrTable::writeTsc));
        rows.add(row(0x3b, "IA32_TSC_ADJUST", has(Feature.TSC_ADJUST))
                .writable(-1)
                .at(null, MsrTable::writeTscAdjust));
        rows.add(row(0xe1, "IA32_UMWAIT_CONTROL", has(Feature.WAITPKG)).writable(LOW32 & ~2L));
        rows.add(row(0xe7, "IA32_MPERF", MsrTable::effectiveFrequency)
                .writable(-1)
                .at(
                        (c, s) -> c.counters.clock(PerformanceCounters.MPERF),
                        (c, v) -> setClock(c, PerformanceCounters.MPERF, v)));
        rows.add(row(0xe8, "IA32_APERF", MsrTable::effectiveFrequency)
                .writable(-1)
                .at(
                        (c, s) -> c.counters.clock(PerformanceCounters.APERF),
                        (c, v) -> setClock(c, PerformanceCounters.APERF, v)));
        rows.add(row(0x6e0, "IA32_TSC_DEADLINE", has(Feature.TSC_DEADLINE))
                .writable(-1)
                .at((c, s) -> c.apic.tscDeadline(), (c, v) -> {
                    c.apic.setTscDeadline(v);
                    return 0;
                }));
        rows.add(row(0xc0000103, "TSC_AUX", has(Feature.RDTSCP, Feature.RDPID))
                .writable(LOW32)
                .at((c, s) -> c.tscAux, (c, v) -> c.tscAux = v));
    }

    private static long setClock(Cpu c, int number, long value) {
        c.counters.setClock(number, value);
        return 0;
    }

    private static boolean effectiveFrequency(CpuFeatures f) {
        int[] leaf = f.cpuid(6, 0);
        return leaf != null && (leaf[2] & 1) != 0;
    }

    private static long readTsc(Cpu c, long stored) {
        long tsc = c.tsc();
        return c.extension == null ? tsc : c.extension.tsc(c, tsc);
    }

    /** A write of the counter moves IA32_TSC_ADJUST by as much. */
    private static long writeTsc(Cpu c, long value) {
        long delta = value - c.tsc();
        c.tscOffset += delta;
        c.msrs.addStored(0x3b, delta);
        timeStampChanged(c);
        return 0;
    }

    private static long writeTscAdjust(Cpu c, long value) {
        c.tscOffset += value - c.msrs.stored(0x3b);
        timeStampChanged(c);
        return value;
    }

    private static void timeStampChanged(Cpu c) {
        if (c.apic != null) {
            c.apic.timeStampChanged();
        }
    }

    private static void calls(List<Msr> rows) {
        // AMD has SYSENTER outside IA-32e mode alone: its upper halves are reserved and not kept.
        rows.add(row(0x174, "SYSENTER_CS", has(Feature.SEP))
                .writable(LOW32)
                .dropped(-1L << 32)
                .at((c, s) -> c.sysenterCs, (c, v) -> c.sysenterCs = v));
        rows.add(row(0x175, "SYSENTER_ESP", has(Feature.SEP))
                .writable(MsrTable::sysenterBits)
                .dropped(-1)
                .rule(SYSENTER)
                .at((c, s) -> c.sysenterEsp, (c, v) -> c.sysenterEsp = v));
        rows.add(row(0x176, "SYSENTER_EIP", has(Feature.SEP))
                .writable(MsrTable::sysenterBits)
                .dropped(-1)
                .rule(SYSENTER)
                .at((c, s) -> c.sysenterEip, (c, v) -> c.sysenterEip = v));
        Predicate<CpuFeatures> syscall = has(Feature.SYSCALL);
        rows.add(row(0xc0000080, "EFER", has(Feature.SYSCALL, Feature.LM, Feature.NX))
                .writable(-1)
                .at((c, s) -> c.efer, MsrTable::writeEfer));
        rows.add(row(0xc0000081, "STAR", syscall).writable(-1).at((c, s) -> c.star, (c, v) -> c.star = v));
        Predicate<CpuFeatures> longMode = has(Feature.LM);
        rows.add(row(0xc0000082, "LSTAR", longMode)
                .writable(-1)
                .rule(CANONICAL)
                .at((c, s) -> c.lstar, (c, v) -> c.lstar = v));
        rows.add(row(0xc0000083, "CSTAR", longMode)
                .writable(-1)
                .rule(CANONICAL)
                .at((c, s) -> c.cstar, (c, v) -> c.cstar = v));
        rows.add(row(0xc0000084, "FMASK", longMode).writable(LOW32).at((c, s) -> c.fmask, (c, v) -> c.fmask = v));
        rows.add(row(0xc0000100, "FS_BASE", longMode)
                .writable(-1)
                .rule(CANONICAL)
                .at((c, s) -> c.base[Reg.FS], (c, v) -> c.base[Reg.FS] = v));
        rows.add(row(0xc0000101, "GS_BASE", longMode)
                .writable(-1)
                .rule(CANONICAL)
                .at((c, s) -> c.base[Reg.GS], (c, v) -> c.base[Reg.GS] = v));
        rows.add(row(0xc0000102, "KERNEL_GS_BASE", longMode)
                .writable(-1)
                .rule(CANONICAL)
                .at((c, s) -> c.kernelGsBase, (c, v) -> c.kernelGsBase = v));
    }

    private static long sysenterBits(CpuFeatures f) {
        return f.vendor() == Vendor.AMD || !f.has(Feature.LM) ? LOW32 : -1;
    }

    private static long writeEfer(Cpu c, long value) {
        ControlRegisters.writeEfer(c, value);
        return 0;
    }

    private static void machineCheck(List<Msr> rows) {
        Predicate<CpuFeatures> mca = has(Feature.MCA);
        rows.add(row(0x0, "IA32_P5_MC_ADDR", INTEL));
        rows.add(row(0x1, "IA32_P5_MC_TYPE", INTEL));
        rows.add(row(0x179, "MCG_CAP", mca).reset(BANKS | 1 << 8));
        rows.add(row(0x17a, "MCG_STATUS", mca).writable(7));
        rows.add(row(0x17b, "MCG_CTL", mca).writable(-1).rule(ZERO_OR_ONES));
        for (int i = 0; i < BANKS; i++) {
            int base = 0x400 + 4 * i;
            rows.add(row(base, "MC" + i + "_CTL", mca).writable(-1).rule(ZERO_OR_ONES));
            rows.add(row(base + 1, "MC" + i + "_STATUS", mca).writable(-1).rule(MsrTable::statusPermits));
            rows.add(row(base + 2, "MC" + i + "_ADDR", mca).writable(-1));
            rows.add(row(base + 3, "MC" + i + "_MISC", mca).writable(-1));
        }
    }

    /** Only zero, unless AMD's HWCR.McStatusWrEn permits simulated errors. */
    private static boolean statusPermits(Cpu c, long value) {
        return value == 0 || (c.msrs.stored(HWCR) & HWCR_STATUS_WRITABLE) != 0;
    }

    private static void speculation(List<Msr> rows) {
        Predicate<CpuFeatures> control = has(
                Feature.SPEC_CTRL,
                Feature.STIBP,
                Feature.SSBD,
                Feature.AMD_IBRS,
                Feature.AMD_STIBP,
                Feature.AMD_SSBD,
                Feature.AMD_PSFD);
        rows.add(row(0x48, "SPEC_CTRL", control)
                .writable(f -> bit(f, 0, Feature.SPEC_CTRL, Feature.AMD_IBRS)
                        | bit(f, 1, Feature.STIBP, Feature.AMD_STIBP)
                        | bit(f, 2, Feature.SSBD, Feature.AMD_SSBD)
                        | bit(f, 7, Feature.AMD_PSFD, Feature.AMD_PSFD)));
        rows.add(row(0x49, "PRED_CMD", has(Feature.SPEC_CTRL, Feature.IBPB))
                .writable(1)
                .at(MsrTable::unreadable, (c, v) -> 0));
        rows.add(row(0x10a, "ARCH_CAPABILITIES", has(Feature.ARCH_CAPABILITIES)));
        rows.add(row(0x10b, "FLUSH_CMD", has(Feature.FLUSH_L1D)).writable(1).at(MsrTable::unreadable, (c, v) -> 0));
        rows.add(row(0xc001011f, "VIRT_SPEC_CTRL", has(Feature.VIRT_SSBD)).writable(4));
    }

    private static long bit(CpuFeatures f, int bit, Feature one, Feature other) {
        return f.has(one) || f.has(other) ? 1L << bit : 0;
    }

    private static long unreadable(Cpu c, long stored) {
        throw c.raise(Vector.GP, 0);
    }

    private static void intel(List<Msr> rows) {
        rows.add(row(0x17, "PLATFORM_ID", INTEL));
        rows.add(row(0x3a, "FEATURE_CONTROL", has(Feature.VMX, Feature.SMX).and(INTEL))
                .writable(f -> 1 | bit(f, 1, Feature.SMX, Feature.SMX) | bit(f, 2, Feature.VMX, Feature.VMX))
                .rule((c, v) -> (c.msrs.stored(0x3a) & 1) == 0));
        rows.add(row(0x8b, "BIOS_SIGN_ID", INTEL).writable(0).dropped(-1).reset(1L << 32));
        rows.add(row(0xce, "PLATFORM_INFO", INTEL));
        rows.add(row(MISC_ENABLE, "MISC_ENABLE", INTEL)
                .writable(MISC_WRITABLE)
                .dropped(MISC_READ_ONLY)
                .reset(f -> 1
                        | 1 << 11
                        | 1 << 12
                        | bit(f, 16, Feature.EST, Feature.EST)
                        | bit(f, 18, Feature.MONITOR, Feature.MONITOR)));
        rows.add(row(0x345, "PERF_CAPABILITIES", has(Feature.PDCM).and(INTEL)));
    }

    private static long writeDebugControl(Cpu c, long value) {
        c.debugCtl = value;
        c.updatePending();
        return value;
    }

    private static void amd(List<Msr> rows) {
        rows.add(row(0x1db, "LAST_BRANCH_FROM_IP", AMD).read((c, s) -> c.lastBranch[0]));
        rows.add(row(0x1dc, "LAST_BRANCH_TO_IP", AMD).read((c, s) -> c.lastBranch[1]));
        rows.add(row(0x1dd, "LAST_INT_FROM_IP", AMD).read((c, s) -> c.lastBranch[2]));
        rows.add(row(0x1de, "LAST_INT_TO_IP", AMD).read((c, s) -> c.lastBranch[3]));
        rows.add(row(0x8b, "PATCH_LEVEL", AMD).reset(0x01000065));
        rows.add(row(0xc0010010, "SYSCFG", AMD).writable(0x1fL << 18));
        rows.add(row(HWCR, "HWCR", AMD)
                .writable(HWCR_SMM_LOCK | HWCR_STATUS_WRITABLE | HWCR_TSC_FREQ_SEL)
                .dropped(HWCR_DROPPED)
                .reset(HWCR_TSC_FREQ_SEL)
                .at(null, (c, v) -> v | c.msrs.stored(HWCR) & HWCR_SMM_LOCK));
        managementMode(rows);
        rows.add(row(0xc001001a, "TOP_MEM", AMD).writable(MsrTable::topOfMemory));
        rows.add(row(0xc001001d, "TOP_MEM2", AMD).writable(MsrTable::topOfMemory));
        rows.add(row(0xc001001f, "NB_CFG", AMD).writable(-1));
        rows.add(row(0xc0010055, "INT_PENDING", AMD));
        rows.add(row(0xc0010140, "OSVW_ID_LENGTH", has(Feature.OSVW).and(AMD)).writable(0xffff));
        rows.add(row(0xc0010141, "OSVW_STATUS", has(Feature.OSVW).and(AMD)).writable(-1));
        counters(rows);
        rows.add(row(0xc0011029, "DE_CFG", AMD)
                .writable(2)
                .reset(f -> bit(f, 1, Feature.LFENCE_ALWAYS_SERIALIZING, Feature.LFENCE_ALWAYS_SERIALIZING)));
    }

    /**
     * Where SMM lies and what protects it (APM Vol. 2, "SMM Resources"; that a locked register raises #GP and that the lock leaves
     * SMM_BASE alone is unverified).
     */
    private static void managementMode(List<Msr> rows) {
        rows.add(row(0xc0010111, "SMM_BASE", AMD)
                .writable(LOW32)
                .at((c, s) -> c.smbase & LOW32, (c, v) -> c.smbase = (int) v));
        rows.add(row(0xc0010112, "SMMADDR", AMD).writable(MsrTable::segmentBits).rule(UNLOCKED));
        rows.add(row(0xc0010113, "SMMMASK", AMD)
                .writable(f -> segmentBits(f) | SMMMASK_TYPES | SMMMASK_CONTROLS)
                .rule(UNLOCKED)
                .at(null, MsrTable::protectManagementMode));
    }

    private static long segmentBits(CpuFeatures f) {
        return (1L << f.physicalBits()) - 1 & -(1L << 17);
    }

    private static long protectManagementMode(Cpu c, long value) {
        if ((value & SMMMASK_CONTROLS) != 0) {
            throw new UnsupportedFeatureException(
                    String.format("SMMMASK = %x", value),
                    "SMM memory hidden by the processor (AValid, TValid, AClose, TClose) instead of the chipset's SMRAM register");
        }
        return value;
    }

    /** The four counters of every AMD processor and the six of PERFCTR_CORE, whose first four are the same. */
    private static void counters(List<Msr> rows) {
        for (int i = 0; i < PerformanceCounters.LEGACY; i++) {
            counter(rows, i, 0xc0010000 + i, 0xc0010004 + i, "LEGACY_", AMD);
        }
        for (int i = 0; i < PerformanceCounters.CORE; i++) {
            counter(
                    rows,
                    i,
                    0xc0010200 + 2 * i,
                    0xc0010201 + 2 * i,
                    "",
                    has(Feature.PERFCTR_CORE).and(AMD));
        }
    }

    private static void counter(
            List<Msr> rows, int number, int control, int value, String kind, Predicate<CpuFeatures> present) {
        rows.add(row(control, "PERF_" + kind + "CTL" + number, present)
                .writable(EVENT_SELECT)
                .at((c, s) -> c.counters.select(number), (c, v) -> {
                    c.counters.setSelect(number, v);
                    return 0;
                }));
        rows.add(row(value, "PERF_" + kind + "CTR" + number, present)
                .writable(COUNTER)
                .dropped(~COUNTER)
                .at((c, s) -> c.counters.value(number), (c, v) -> {
                    c.counters.setValue(number, v);
                    return 0;
                }));
    }

    private static long topOfMemory(CpuFeatures f) {
        return (1L << f.physicalBits()) - 1 & -(1L << 23);
    }
}

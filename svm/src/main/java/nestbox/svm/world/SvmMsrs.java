package nestbox.svm.world;

import java.util.List;
import java.util.function.Predicate;
import nestbox.x86.Cpu;
import nestbox.x86.model.CpuFeatures;
import nestbox.x86.model.Feature;
import nestbox.x86.system.Msr;

/** SVM's model-specific registers (APM Vol. 2, "SVM Related MSRs"). */
public final class SvmMsrs {
    public static final int TSC_RATIO = 0xc0000104;
    public static final int VM_CR = 0xc0010114;
    public static final int VM_HSAVE_PA = 0xc0010117;
    static final int SVM_KEY = 0xc0010118;

    public static final long VM_CR_R_INIT = 1 << 1;
    public static final long VM_CR_DIS_A20M = 1 << 2;
    static final long VM_CR_LOCK = 1 << 3;
    static final long VM_CR_SVMDIS = 1 << 4;
    public static final long RATIO_ONE = 1L << 32;

    private static final long VM_CR_BITS = 0x1f;
    private static final long RATIO_BITS = (1L << 40) - 1;

    private SvmMsrs() {}

    private static Msr row(
            int index,
            String name,
            Predicate<CpuFeatures> present,
            long reset,
            Msr.Rule rule,
            Msr.Reader reader,
            Msr.Writer writer) {
        return new Msr(index, name, present, f -> -1, f -> 0, rule, f -> reset, reader, writer);
    }

    /** Rows for a processor with SVM. */
    public static List<Msr> rows() {
        Predicate<CpuFeatures> svm = f -> f.has(Feature.SVM);
        return List.of(
                row(
                        TSC_RATIO,
                        "TSC_RATIO",
                        f -> f.has(Feature.TSC_SCALE),
                        RATIO_ONE,
                        (c, v) -> (v & ~RATIO_BITS) == 0,
                        null,
                        null),
                row(VM_CR, "VM_CR", svm, 0, SvmMsrs::vmCrPermits, null, SvmMsrs::writeVmCr),
                row(
                        VM_HSAVE_PA,
                        "VM_HSAVE_PA",
                        svm,
                        0,
                        (c, v) -> (v & 0xfff) == 0 && v >>> c.features.physicalBits() == 0,
                        null,
                        null),
                row(
                        SVM_KEY,
                        "SVM_KEY",
                        f -> f.has(Feature.SVM_LOCK),
                        0,
                        (c, v) -> true,
                        (c, s) -> 0,
                        SvmMsrs::writeKey));
    }

    /** A count times a TSC ratio, a fixed-point number of 8 and 32 bits. */
    public static long scaled(long value, long ratio) {
        return ratio == RATIO_ONE ? value : Math.multiplyHigh(value, ratio) << 32 | value * ratio >>> 32;
    }

    /** SVM cannot be disabled while EFER.SVME is set. */
    private static boolean vmCrPermits(Cpu c, long value) {
        boolean disables = (value & VM_CR_SVMDIS) != 0;
        return (value & ~VM_CR_BITS) == 0 && !(disables && (c.efer & Cpu.EFER_SVME) != 0);
    }

    /** LOCK makes itself and SVMDIS read-only. DPD has nothing to disable: there is no debug port. */
    private static long writeVmCr(Cpu c, long value) {
        long old = c.msrs.stored(VM_CR);
        long kept = (old & VM_CR_LOCK) != 0 ? VM_CR_LOCK | VM_CR_SVMDIS : 0;
        c.mem.port().control().ignoreA20((value & VM_CR_DIS_A20M) != 0);
        return value & ~kept | old & kept;
    }

    /** Without a lock the key is set; with one, the same key opens it, unless it is 0. */
    private static long writeKey(Cpu c, long value) {
        long key = c.msrs.stored(SVM_KEY);
        if ((c.msrs.stored(VM_CR) & VM_CR_LOCK) == 0) {
            return value;
        }
        if (value == key && key != 0) {
            c.msrs.addStored(VM_CR, -VM_CR_LOCK);
        }
        return key;
    }

    /** What INIT and reset do: SVMDIS does not outlive them without the lock. */
    public static void init(Cpu c) {
        long value = c.msrs.stored(VM_CR);
        if ((value & (VM_CR_LOCK | VM_CR_SVMDIS)) == VM_CR_SVMDIS) {
            c.msrs.addStored(VM_CR, -VM_CR_SVMDIS);
        }
    }
}

package nestbox.machine.apic;

import nestbox.x86.model.CpuFeatures;
import nestbox.x86.model.Feature;

/**
 * IA32_APIC_BASE and the x2APIC MSRs 800h to 8FFh in front of a {@link LocalApic} (SDM Vol. 3, "Extended XAPIC (x2APIC)"):
 * which registers exist, which bits are reserved, which changes of mode are refused. Every refusal is a #GP(0), which the
 * caller raises.
 */
public final class X2Apic {
    public static final int APIC_BASE = 0x1b;
    public static final int FIRST = 0x800;
    public static final int LAST = 0x8ff;
    private static final long REFUSED = Long.MIN_VALUE;

    private final LocalApic apic;
    private final CpuFeatures features;

    public X2Apic(LocalApic apic, CpuFeatures features) {
        this.apic = apic;
        this.features = features;
    }

    /** Whether the MSR may be read now. */
    public boolean readable(int index) {
        return index == APIC_BASE || (apic.x2apic() && exists(register(index)));
    }

    /** Value of an MSR that is {@link #readable}. */
    public long read(int index) {
        if (index == APIC_BASE) {
            return apic.base();
        }
        int register = register(index);
        return register == ApicReg.ICR ? apic.icr() : apic.readRegister(register);
    }

    private static int register(int index) {
        return (index - FIRST) << 4;
    }

    private static boolean exists(int register) {
        switch (register) {
            case ApicReg.ID:
            case ApicReg.VERSION:
            case ApicReg.TPR:
            case ApicReg.PPR:
            case ApicReg.LDR:
            case ApicReg.SVR:
            case ApicReg.ICR:
            case ApicReg.INITIAL_COUNT:
            case ApicReg.CURRENT_COUNT:
            case ApicReg.DIVIDE:
                return true;
            default:
                return (register >= ApicReg.ISR && register <= ApicReg.ESR)
                        || (register >= ApicReg.LVT_TIMER && register <= ApicReg.LVT_ERROR);
        }
    }

    /** Performs a write and says whether it was allowed. */
    public boolean write(int index, long value) {
        if (index == APIC_BASE) {
            return writeBase(value);
        }
        int register = register(index);
        long writable = apic.x2apic() ? writable(register) : REFUSED;
        if (writable == REFUSED || (value & ~writable) != 0) {
            return false;
        }
        if (register == ApicReg.ICR) {
            apic.writeIcr(value);
        } else if (register == ApicReg.SELF_IPI) {
            apic.selfIpi((int) value);
        } else {
            apic.writeRegister(register, value);
        }
        return true;
    }

    /** Bits that may be 1 in a write, or {@link #REFUSED} for a register that cannot be written. */
    private static long writable(int register) {
        if (register >= ApicReg.LVT_TIMER && register <= ApicReg.LVT_ERROR) {
            int entry = (register - ApicReg.LVT_TIMER) >>> 4;
            return ApicReg.lvtWritable(entry) | ApicReg.LVT_PENDING | ApicReg.LVT_REMOTE_IRR;
        }
        switch (register) {
            case ApicReg.TPR:
            case ApicReg.SELF_IPI:
                return 0xff;
            case ApicReg.EOI:
            case ApicReg.ESR:
                return 0;
            case ApicReg.SVR:
                return 0x3ff | ApicReg.SVR_SUPPRESS_EOI_BROADCAST;
            case ApicReg.ICR:
                return 0xffffffff00000000L | ApicReg.ICR_WRITABLE;
            case ApicReg.INITIAL_COUNT:
                return 0xffffffffL;
            case ApicReg.DIVIDE:
                return 0xb;
            default:
                return REFUSED;
        }
    }

    private boolean writeBase(long value) {
        long address = (1L << features.physicalBits()) - 1 & ~0xfffL;
        boolean hasX2apic = features.has(Feature.X2APIC);
        long allowed = address | LocalApic.BASE_BSP | LocalApic.BASE_ENABLED | (hasX2apic ? LocalApic.BASE_X2APIC : 0);
        if ((value & ~allowed) != 0) {
            return false;
        }
        boolean enable = (value & LocalApic.BASE_ENABLED) != 0;
        boolean extend = (value & LocalApic.BASE_X2APIC) != 0;
        boolean badTarget = extend && !enable;
        boolean leavesX2apicOnly = apic.x2apic() && enable && !extend;
        boolean skipsXapic = !apic.enabled() && extend;
        if (badTarget || leavesX2apicOnly || skipsXapic) {
            return false;
        }
        apic.setBase(value);
        return true;
    }
}

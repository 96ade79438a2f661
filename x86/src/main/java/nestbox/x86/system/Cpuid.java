package nestbox.x86.system;

import nestbox.x86.Cpu;
import nestbox.x86.Intercept;
import nestbox.x86.Reg;
import nestbox.x86.insn.Insn;
import nestbox.x86.model.Feature;
import nestbox.x86.model.Vendor;

/** CPUID: the model's answer with the bits that follow the processor's state (SDM Vol. 2, "CPUID"; APM Vol. 3, "CPUID"). */
public final class Cpuid {
    private static final int OSXSAVE = 1 << 27;
    private static final int APIC = 1 << 9;
    private static final int OSPKE = 1 << 4;
    private static final int APIC_BASE = 0x1b;
    private static final int APIC_ENABLED = 1 << 11;
    private static final int MONITOR = 1 << 3;
    private static final int NX = 1 << 20;
    private static final int MISC_ENABLE = 0x1a0;
    private static final long MISC_MONITOR = 1 << 18;
    private static final long MISC_LIMIT_CPUID = 1 << 22;
    private static final long MISC_DISABLE_XD = 1L << 34;
    private static final int EXTENDED = 0x80000000;
    private static final int LEGACY_AREA = 576;
    /** Highest four bits of the leaves that processors leave to hypervisors. */
    private static final int HYPERVISOR_LEAVES = 4;

    private Cpuid() {}

    static void execute(Cpu c, Insn in) {
        if (Guard.taken(c, Intercept.CPUID, in)) {
            return;
        }
        int[] answer = answer(c, (int) c.r[Reg.RAX], (int) c.r[Reg.RCX]);
        c.r[Reg.RAX] = answer[0] & 0xffffffffL;
        c.r[Reg.RBX] = answer[1] & 0xffffffffL;
        c.r[Reg.RCX] = answer[2] & 0xffffffffL;
        c.r[Reg.RDX] = answer[3] & 0xffffffffL;
    }

    /** EAX, EBX, ECX, EDX as CPUID gives them now. */
    public static int[] answer(Cpu c, int requested, int subleaf) {
        int leaf = known(c, requested);
        int[] out = leaf == -1 ? new int[4] : c.features.cpuid(leaf, subleaf).clone();
        switch (leaf) {
            case 1:
                out[1] = out[1] & 0xffffff | apicId(c) << 24;
                out[2] = with(out[2], OSXSAVE, (c.cr4 & Cpu.CR4_OSXSAVE) != 0);
                out[3] = apicBit(c, out[3]);
                if (!monitorEnabled(c)) {
                    out[2] &= ~MONITOR;
                }
                break;
            case 7:
                if (subleaf == 0) {
                    out[2] = with(out[2], OSPKE, (c.cr4 & Cpu.CR4_PKE) != 0);
                }
                break;
            case 0xb:
            case 0x1f:
                out[3] = apicId(c);
                break;
            case 0xd:
                xsaveSizes(c, subleaf, out);
                break;
            case 0x80000001:
                if (c.features.vendor() == Vendor.AMD) {
                    out[3] = apicBit(c, out[3]);
                }
                if (executeDisableRefused(c)) {
                    out[3] &= ~NX;
                }
                break;
            case 0x8000001e:
                out[0] = apicId(c);
                break;
            default:
                break;
        }
        return out;
    }

    /** Whether MONITOR and MWAIT exist: Intel's IA32_MISC_ENABLE can take them away. */
    static boolean monitorEnabled(Cpu c) {
        return c.features.vendor() != Vendor.INTEL || (c.msrs.stored(MISC_ENABLE) & MISC_MONITOR) != 0;
    }

    /** IA32_MISC_ENABLE takes the execute-disable feature away. */
    static boolean executeDisableRefused(Cpu c) {
        return (c.msrs.stored(MISC_ENABLE) & MISC_DISABLE_XD) != 0;
    }

    /** Beyond the highest leaf Intel answers with the highest basic one, AMD with zeros (-1 here). */
    private static int known(Cpu c, int leaf) {
        if (leaf >>> 28 == HYPERVISOR_LEAVES && c.features.has(Feature.HYPERVISOR)) {
            return leaf;
        }
        boolean extended = leaf < 0;
        int highest = c.features.cpuid(extended ? EXTENDED : 0, 0)[0];
        boolean limited = !extended && (c.msrs.stored(MISC_ENABLE) & MISC_LIMIT_CPUID) != 0;
        if (limited) {
            highest = Math.min(highest, 3);
        }
        boolean known = extended ? (leaf & 0xffff0000) == EXTENDED && leaf <= highest : leaf <= highest;
        if (known) {
            return leaf;
        }
        return c.features.vendor() == Vendor.INTEL ? limited ? 3 : c.features.cpuid(0, 0)[0] : -1;
    }

    private static int with(int value, int bit, boolean on) {
        return on ? value | bit : value & ~bit;
    }

    private static int apicId(Cpu c) {
        return c.apic == null ? c.id : c.apic.apicId();
    }

    private static int apicBit(Cpu c, int edx) {
        boolean enabled = c.apic == null || (c.apic.readMsr(APIC_BASE) & APIC_ENABLED) != 0;
        return enabled ? edx : edx & ~APIC;
    }

    /** EBX: the size of the XSAVE area for the components enabled now, standard (0) or compacted format (1). */
    private static void xsaveSizes(Cpu c, int subleaf, int[] out) {
        if (subleaf == 0) {
            out[1] = size(c, c.xcr0, false);
        } else if (subleaf == 1 && (c.features.has(Feature.XSAVEC) || c.features.has(Feature.XSAVES))) {
            out[1] = size(c, c.xcr0 | c.msrs.stored(Msr.XSS), true);
        }
    }

    /** Size of an XSAVE area for the components of {@code mask} (SDM Vol. 1, "XSAVE Area"). */
    public static int size(Cpu c, long mask, boolean compacted) {
        int size = LEGACY_AREA;
        for (int i = 2; i < 63; i++) {
            if ((mask >>> i & 1) != 0) {
                int[] component = c.features.cpuid(0xd, i);
                int start = !compacted ? component[1] : (component[2] & 2) != 0 ? size + 63 & -64 : size;
                size = compacted ? start + component[0] : Math.max(size, start + component[0]);
            }
        }
        return size;
    }
}

package nestbox.l0;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.LongFunction;
import nestbox.core.trace.TraceEventType;
import nestbox.core.trace.TraceEvents;
import nestbox.core.trace.TraceText;
import nestbox.mmu.core.MmuText;

/**
 * A trace of a guest of L0 as ftrace prints one of KVM (Linux, arch/x86/kvm/trace.h and include/trace/events/kvm.h: names, order and bases
 * of what is printed). What the guest's processor and its board tell of accesses are KVM's events of MMIO, ports and registers.
 */
public final class KvmText implements TraceText {
    private static final long APIC = 0xfee0_0000L;
    private static final long PAGE = ~0xfffL;
    private static final long X2APIC = 0x800;
    private static final String[] EXCEPTIONS = {
        "#DE", "#DB", null, "#BP", "#OF", "#BR", "#UD", "#NM", "#DF", null, "#TS", "#NP", "#SS", "#GP", "#PF", null,
        "#MF", "#AC", "#MC"
    };
    /** By PE, VM, CS.D and CS.L. */
    private static final Map<Integer, String> MODES =
            Map.of(0, "real", 1, "prot16", 1 | 2, "vm16", 1 | 4, "prot32", 1 | 8, "prot64");

    private static final String[] DELIVERY = {"Fixed", "LowPrio", "SMI", "Res3", "NMI", "INIT", "SIPI", "ExtINT"};
    private static final String[] SHORTHAND = {"dst", "self", "all", "all-but-self"};
    private static final Map<Integer, String> APIC_REGISTERS = Map.ofEntries(
            Map.entry(0x20, "ID"),
            Map.entry(0x30, "LVR"),
            Map.entry(0x80, "TASKPRI"),
            Map.entry(0x90, "ARBPRI"),
            Map.entry(0xa0, "PROCPRI"),
            Map.entry(0xb0, "EOI"),
            Map.entry(0xc0, "RRR"),
            Map.entry(0xd0, "LDR"),
            Map.entry(0xe0, "DFR"),
            Map.entry(0xf0, "SPIV"),
            Map.entry(0x100, "ISR"),
            Map.entry(0x180, "TMR"),
            Map.entry(0x200, "IRR"),
            Map.entry(0x280, "ESR"),
            Map.entry(0x300, "ICR"),
            Map.entry(0x310, "ICR2"),
            Map.entry(0x320, "LVTT"),
            Map.entry(0x330, "LVTTHMR"),
            Map.entry(0x340, "LVTPC"),
            Map.entry(0x350, "LVT0"),
            Map.entry(0x360, "LVT1"),
            Map.entry(0x370, "LVTERR"),
            Map.entry(0x380, "TMICT"),
            Map.entry(0x390, "TMCCT"),
            Map.entry(0x3e0, "TDCR"),
            Map.entry(0x3f0, "SELF_IPI"),
            Map.entry(0x400, "EFEAT"),
            Map.entry(0x410, "ECTRL"));

    private final LongFunction<String> exitNames;
    private final boolean amd;
    private final MmuText mmu;

    /**
     * @param exitNames the vendor's names of exit reasons
     * @param ept L0's tables are EPT's
     */
    public KvmText(LongFunction<String> exitNames, boolean amd, boolean ept) {
        this.exitNames = exitNames;
        this.amd = amd;
        mmu = new MmuText(ept);
    }

    @Override
    public List<String> lines(TraceEventType type, int cpu, long[] v) {
        List<String> lines = bus(type, cpu, v);
        if (lines != null) {
            return lines;
        }
        String text = own(type, v);
        text = text == null ? nested(type.name(), v) : text;
        return text == null ? mmu.lines(type, cpu, v) : List.of(type.name() + ": " + text);
    }

    private static String say(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }

    // ---- accesses
    // -----------------------------------------------------------------------------------------------------

    private static List<String> bus(TraceEventType type, int cpu, long[] v) {
        boolean writes = type == TraceEvents.MMIO_WRITE;
        if (type == TraceEvents.PORT_READ || type == TraceEvents.PORT_WRITE) {
            String way = type == TraceEvents.PORT_READ ? "read" : "write";
            return List.of(say("kvm_pio: pio_%s at 0x%x size %d count 1 val 0x%x ", way, v[0], v[1], v[2]));
        }
        if (writes || type == TraceEvents.MMIO_READ) {
            String access =
                    say("kvm_mmio: mmio %s len %d gpa 0x%x val 0x%x", writes ? "write" : "read", v[1], v[0], v[2]);
            if ((v[0] & PAGE) != APIC) {
                return List.of(access);
            }
            String apic = apic(writes, v[0] & ~PAGE, v[2]);
            return writes ? List.of(access, apic) : List.of(apic, access);
        }
        if (type == TraceEvents.IPI) {
            return List.of(ipi(v[0]));
        }
        return type == TraceEvents.EOI ? List.of(say("kvm_eoi: apicid %x vector %d", cpu, v[0])) : registers(type, v);
    }

    private static List<String> registers(TraceEventType type, long[] v) {
        boolean writes = type == TraceEvents.MSR_WRITE;
        if (writes || type == TraceEvents.MSR_READ) {
            String access = say("kvm_msr: msr_%s %x = 0x%x", writes ? "write" : "read", v[0], v[1]);
            boolean x2apic = v[0] >= X2APIC && v[0] < X2APIC + 0x100;
            return x2apic ? List.of(apic(writes, v[0] - X2APIC << 4, v[1]), access) : List.of(access);
        }
        if (type == TraceEvents.MSR_FAULT) {
            return List.of(say("kvm_msr: msr_%s %x = 0x%x (#GP)", v[0] != 0 ? "write" : "read", v[1], v[2]));
        }
        if (type == TraceEvents.CR_READ || type == TraceEvents.CR_WRITE) {
            return List.of(say("kvm_cr: cr_%s %x = 0x%x", type == TraceEvents.CR_READ ? "read" : "write", v[0], v[1]));
        }
        return null;
    }

    private static String apic(boolean writes, long register, long value) {
        String name = APIC_REGISTERS.get((int) register);
        return say(
                "kvm_apic: apic_%s %s = 0x%x",
                writes ? "write" : "read",
                name == null ? "0x" + Long.toHexString(register) : "APIC_" + name,
                value & 0xffffffffL);
    }

    private static String ipi(long icr) {
        long high = icr >>> 32;
        return say(
                "kvm_apic_ipi: dst %x vec %d (%s|%s|%s|%s|%s)",
                (high & 0xffffff) == 0 ? high >>> 24 : high,
                icr & 0xff,
                DELIVERY[(int) (icr >>> 8) & 7],
                (icr & 1 << 11) != 0 ? "logical" : "physical",
                (icr & 1 << 14) != 0 ? "assert" : "de-assert",
                (icr & 1 << 15) != 0 ? "level" : "edge",
                SHORTHAND[(int) (icr >>> 18) & 3]);
    }

    // ---- entries and exits
    // ----------------------------------------------------------------------------------------------

    private String own(TraceEventType type, long[] v) {
        if (type == L0Trace.ENTRY) {
            return say("vcpu %d, rip 0x%x", v[0], v[1]);
        }
        if (type == L0Trace.EXIT || type == L0Trace.NESTED_VMEXIT) {
            return say(
                    "vcpu %d reason %s rip 0x%x info1 0x%016x info2 0x%016x intr_info 0x%08x error_code 0x%08x",
                    v[0], exitNames.apply(v[1]), v[2], v[3], v[4], v[5], v[6]);
        }
        if (type == L0Trace.PAGE_FAULT) {
            return say("vcpu %d rip 0x%x address 0x%016x error_code 0x%x", v[0], v[1], v[2], v[3]);
        }
        if (type == L0Trace.INJ_VIRQ) {
            return say("%s 0x%x%s", v[1] != 0 ? "Soft/INTn" : "IRQ", v[0], v[2] != 0 ? " [reinjected]" : "");
        }
        if (type == L0Trace.INJ_EXCEPTION) {
            String code = v[1] != 0 ? say(" (0x%x)", v[2]) : "";
            return exception((int) v[0]) + code + (v[3] != 0 ? " [reinjected]" : "");
        }
        if (type == L0Trace.HYPERCALL) {
            return say("nr 0x%x a0 0x%x a1 0x%x a2 0x%x a3 0x%x", v[0], v[1], v[2], v[3], v[4]);
        }
        return type == L0Trace.EMULATE ? emulated(v) : null;
    }

    private static String emulated(long[] v) {
        StringBuilder code = new StringBuilder();
        for (int i = 0; i < v[2]; i++) {
            code.append(say(i == 0 ? "%02x" : " %02x", v[3 + (i >> 3)] >>> 8 * (i & 7) & 0xff));
        }
        String mode = MODES.getOrDefault((int) v[5], "0x" + Long.toHexString(v[5]));
        return say("%x:%x:%s (%s)%s", v[0] & 0xffffffffL, v[1], code, mode, v[6] != 0 ? " failed" : "");
    }

    private static String exception(int vector) {
        String name = vector < EXCEPTIONS.length ? EXCEPTIONS[vector] : null;
        return name == null ? "0x" + Integer.toHexString(vector) : name;
    }

    /** The vendors' events of nesting, which have the same names. */
    private String nested(String name, long[] v) {
        return switch (name) {
            case "kvm_nested_vmenter" ->
                say(
                        "rip: 0x%016x %s: 0x%016x nested_rip: 0x%016x int_ctl: 0x%08x event_inj: 0x%08x nested_%s=%s %s:"
                                + " 0x%016x",
                        v[0],
                        amd ? "vmcb" : "vmcs",
                        v[1],
                        v[2],
                        v[3],
                        v[4],
                        amd ? "npt" : "ept",
                        v[5] != 0 ? "y" : "n",
                        v[5] == 0 ? "guest_cr3" : amd ? "nested_cr3" : "nested_eptp",
                        v[6]);
            case "kvm_nested_vmexit_inject" ->
                say(
                        "reason: %s ext_inf1: 0x%016x ext_inf2: 0x%016x ext_int: 0x%08x ext_int_err: 0x%08x",
                        exitNames.apply(v[0]), v[1], v[2], v[3], v[4]);
            case "kvm_nested_intercepts" ->
                say(
                        "cr_read: %04x cr_write: %04x excp: %08x intercepts: %08x %08x %08x",
                        v[0], v[1], v[2], v[3], v[4], v[5]);
            case "kvm_nested_intr_vmexit" -> say("rip: 0x%016x", v[0]);
            default -> null;
        };
    }
}

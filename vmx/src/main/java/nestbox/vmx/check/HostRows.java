package nestbox.vmx.check;

import java.util.List;
import java.util.Locale;
import nestbox.vmx.capability.VmxCapability;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Cpu;

/**
 * SDM Vol. 3, "Checks on Host Control Registers, MSRs, and SSP", "Checks on Host Segment and Descriptor-Table Registers",
 * "Checks Related to Address-Space Size".
 */
final class HostRows {
    private static final long RPL_TI = 7;
    private static final long HIGH = 0xffff_ffff_0000_0000L;

    private static final List<VmcsField> SELECTORS = List.of(
            VmcsField.HOST_CS_SELECTOR,
            VmcsField.HOST_SS_SELECTOR,
            VmcsField.HOST_DS_SELECTOR,
            VmcsField.HOST_ES_SELECTOR,
            VmcsField.HOST_FS_SELECTOR,
            VmcsField.HOST_GS_SELECTOR,
            VmcsField.HOST_TR_SELECTOR);

    private static final List<VmcsField> BASES = List.of(
            VmcsField.HOST_FS_BASE,
            VmcsField.HOST_GS_BASE,
            VmcsField.HOST_GDTR_BASE,
            VmcsField.HOST_IDTR_BASE,
            VmcsField.HOST_TR_BASE);

    private static final List<VmcsField> CET = List.of(VmcsField.HOST_S_CET, VmcsField.HOST_SSP);

    private HostRows() {}

    static List<CheckRow> registers() {
        Rows rows = new Rows(CheckGroup.HOST_REGISTERS, Failure.HOST_STATE);
        controlRegisters(rows);
        msrs(rows);
        return rows.list();
    }

    private static void controlRegisters(Rows rows) {
        rows.add("host.cr0.fixed", VmcsField.HOST_CR0, "CR0 has only bits that VMX operation supports", c -> {
                    VmxCapability capability = c.model().capability();
                    long value = c.get(VmcsField.HOST_CR0);
                    return (capability.cr0Fixed0() & ~value) == 0 && (value & ~capability.cr0Fixed1()) == 0;
                })
                .add("host.cr4.fixed", VmcsField.HOST_CR4, "CR4 has only bits that VMX operation supports", c -> {
                    VmxCapability capability = c.model().capability();
                    long value = c.get(VmcsField.HOST_CR4);
                    return (capability.cr4Fixed0() & ~value) == 0 && (value & ~capability.cr4Fixed1()) == 0;
                })
                .add(
                        "host.cr4.cet-wp",
                        List.of(VmcsField.HOST_CR4, VmcsField.HOST_CR0),
                        "if CR4.CET is 1, CR0.WP is 1",
                        c -> !c.any(VmcsField.HOST_CR4, Cpu.CR4_CET) || c.any(VmcsField.HOST_CR0, Cpu.CR0_WP))
                .add(
                        "host.cr3.width",
                        VmcsField.HOST_CR3,
                        "CR3 is within the physical-address width",
                        c -> Cr3.fits(c, c.get(VmcsField.HOST_CR3)));
    }

    private static void msrs(Rows rows) {
        canonical(rows, "host.sysenter-esp", VmcsField.HOST_IA32_SYSENTER_ESP);
        canonical(rows, "host.sysenter-eip", VmcsField.HOST_IA32_SYSENTER_EIP);
        rows.add(
                        "host.perf-global-ctrl",
                        VmcsField.HOST_IA32_PERF_GLOBAL_CTRL,
                        "if it is loaded, reserved bits of IA32_PERF_GLOBAL_CTRL are 0",
                        c -> !c.on(VmxFeature.EXIT_LOAD_PERF_GLOBAL_CTRL)
                                || !c.any(
                                        VmcsField.HOST_IA32_PERF_GLOBAL_CTRL,
                                        c.reservedMsrBits(MsrValues.PERF_GLOBAL_CTRL)))
                .reads(CpuState.MSRS)
                .add(
                        "host.pat",
                        VmcsField.HOST_IA32_PAT,
                        "if it is loaded, each byte of IA32_PAT is 0, 1, 4, 5, 6 or 7",
                        c -> !c.on(VmxFeature.EXIT_LOAD_PAT) || MsrValues.pat(c.get(VmcsField.HOST_IA32_PAT)))
                .add(
                        "host.efer.reserved",
                        VmcsField.HOST_IA32_EFER,
                        "if it is loaded, reserved bits of IA32_EFER are 0",
                        c -> !c.on(VmxFeature.EXIT_LOAD_EFER)
                                || !c.any(VmcsField.HOST_IA32_EFER, c.reservedMsrBits(MsrValues.EFER)))
                .reads(CpuState.MSRS)
                .add(
                        "host.efer.lma",
                        VmcsField.HOST_IA32_EFER,
                        "if it is loaded, EFER.LMA is the \"host address-space size\" control",
                        c -> eferBit(c, Cpu.EFER_LMA))
                .add(
                        "host.efer.lme",
                        VmcsField.HOST_IA32_EFER,
                        "if it is loaded, EFER.LME is the \"host address-space size\" control",
                        c -> eferBit(c, Cpu.EFER_LME))
                .add(
                        "host.s-cet.reserved",
                        VmcsField.HOST_S_CET,
                        "if it is loaded, reserved bits of IA32_S_CET are 0",
                        c -> !cet(c) || !c.any(VmcsField.HOST_S_CET, c.reservedMsrBits(MsrValues.S_CET)))
                .reads(CpuState.MSRS)
                .add(
                        "host.s-cet.tracker",
                        VmcsField.HOST_S_CET,
                        "if it is loaded, SUPPRESS and TRACKER of IA32_S_CET are not both 1",
                        c -> !cet(c) || MsrValues.tracker(c.get(VmcsField.HOST_S_CET)))
                .add(
                        "host.ssp.aligned",
                        VmcsField.HOST_SSP,
                        "if it is loaded, bits 1:0 of SSP are 0",
                        c -> !cet(c) || !c.any(VmcsField.HOST_SSP, 3))
                .add(
                        "host.pkrs",
                        VmcsField.HOST_IA32_PKRS,
                        "if it is loaded, bits 63:32 of IA32_PKRS are 0",
                        c -> !c.on(VmxFeature.EXIT_LOAD_PKRS) || !c.any(VmcsField.HOST_IA32_PKRS, HIGH));
    }

    static List<CheckRow> segments() {
        Rows rows = new Rows(CheckGroup.HOST_SEGMENTS, Failure.HOST_STATE);
        for (VmcsField selector : SELECTORS) {
            rows.add(id(selector) + ".rpl-ti", selector, "RPL and TI are 0", c -> !c.any(selector, RPL_TI));
        }
        rows.add(
                        "host.cs-selector.null",
                        VmcsField.HOST_CS_SELECTOR,
                        "the selector is not 0",
                        c -> c.get(VmcsField.HOST_CS_SELECTOR) != 0)
                .add(
                        "host.tr-selector.null",
                        VmcsField.HOST_TR_SELECTOR,
                        "the selector is not 0",
                        c -> c.get(VmcsField.HOST_TR_SELECTOR) != 0)
                .add(
                        "host.ss-selector.null",
                        VmcsField.HOST_SS_SELECTOR,
                        "if \"host address-space size\" is 0, the selector is not 0",
                        c -> c.on(VmxFeature.HOST_ADDRESS_SPACE_SIZE) || c.get(VmcsField.HOST_SS_SELECTOR) != 0);
        for (VmcsField base : BASES) {
            canonical(rows, id(base), base);
        }
        return rows.list();
    }

    static List<CheckRow> addressSpace() {
        Rows rows = new Rows(CheckGroup.ADDRESS_SPACE, Failure.HOST_STATE)
                .add(
                        "space.legacy.guest",
                        List.of(),
                        "outside IA-32e mode, \"IA-32e mode guest\" is 0",
                        c -> c.ia32eMode() || !c.on(VmxFeature.IA32E_MODE_GUEST))
                .reads(CpuState.IA32E_MODE)
                .add(
                        "space.legacy.host",
                        List.of(),
                        "outside IA-32e mode, \"host address-space size\" is 0",
                        c -> c.ia32eMode() || !c.on(VmxFeature.HOST_ADDRESS_SPACE_SIZE))
                .reads(CpuState.IA32E_MODE)
                .add(
                        "space.ia32e.host",
                        List.of(),
                        "in IA-32e mode, \"host address-space size\" is 1",
                        c -> !c.ia32eMode() || c.on(VmxFeature.HOST_ADDRESS_SPACE_SIZE))
                .reads(CpuState.IA32E_MODE)
                .add(
                        "space.host32.guest",
                        List.of(),
                        "if \"host address-space size\" is 0, \"IA-32e mode guest\" is 0",
                        c -> host64(c) || !c.on(VmxFeature.IA32E_MODE_GUEST))
                .add(
                        "space.host32.pcide",
                        VmcsField.HOST_CR4,
                        "if \"host address-space size\" is 0, CR4.PCIDE is 0",
                        c -> host64(c) || !c.any(VmcsField.HOST_CR4, Cpu.CR4_PCIDE))
                .add(
                        "space.host32.rip",
                        VmcsField.HOST_RIP,
                        "if \"host address-space size\" is 0, bits 63:32 of RIP are 0",
                        c -> host64(c) || !c.any(VmcsField.HOST_RIP, HIGH))
                .add(
                        "space.host64.pae",
                        VmcsField.HOST_CR4,
                        "if \"host address-space size\" is 1, CR4.PAE is 1",
                        c -> !host64(c) || c.any(VmcsField.HOST_CR4, Cpu.CR4_PAE))
                .add(
                        "space.host64.rip",
                        VmcsField.HOST_RIP,
                        "if \"host address-space size\" is 1, RIP is canonical",
                        c -> !host64(c) || c.canonical(c.get(VmcsField.HOST_RIP)));
        for (VmcsField field : CET) {
            String name = name(field);
            rows.add(
                    "space.host32." + name,
                    field,
                    "if \"host address-space size\" is 0 and CET state is loaded, bits 63:32 are 0",
                    c -> host64(c) || !cet(c) || !c.any(field, HIGH));
            rows.add(
                    "space.host64." + name,
                    field,
                    "if \"host address-space size\" is 1 and CET state is loaded, the address is canonical",
                    c -> !host64(c) || !cet(c) || c.canonical(c.get(field)));
        }
        rows.add(
                "space.intr-ssp-table.canonical",
                VmcsField.HOST_INTR_SSP_TABLE,
                "if CET state is loaded, IA32_INTERRUPT_SSP_TABLE_ADDR is canonical",
                c -> !cet(c) || c.canonical(c.get(VmcsField.HOST_INTR_SSP_TABLE)));
        return rows.list();
    }

    private static void canonical(Rows rows, String id, VmcsField field) {
        rows.add(id + ".canonical", field, "the address is canonical", c -> c.canonical(c.get(field)));
    }

    private static boolean eferBit(CheckContext c, long bit) {
        return !c.on(VmxFeature.EXIT_LOAD_EFER) || c.any(VmcsField.HOST_IA32_EFER, bit) == host64(c);
    }

    private static boolean host64(CheckContext c) {
        return c.on(VmxFeature.HOST_ADDRESS_SPACE_SIZE);
    }

    private static boolean cet(CheckContext c) {
        return c.on(VmxFeature.EXIT_LOAD_CET);
    }

    /** {@code host.fs-base} of HOST_FS_BASE. */
    private static String id(VmcsField field) {
        return "host." + name(field);
    }

    private static String name(VmcsField field) {
        return field.name().substring("HOST_".length()).toLowerCase(Locale.ROOT).replace('_', '-');
    }
}

package nestbox.vmx.check;

import java.util.List;
import nestbox.vmx.capability.VmxCapability;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Cpu;

/** SDM Vol. 3, "Checks on Guest Control Registers, Debug Registers, and MSRs". */
final class GuestRegisterRows {
    private static final long HIGH = 0xffff_ffff_0000_0000L;
    private static final long BNDCFGS_RESERVED = 0xffc;
    private static final long PAGE = 0xfff;

    private GuestRegisterRows() {}

    static List<CheckRow> rows() {
        Rows rows = new Rows(CheckGroup.GUEST_REGISTERS, Failure.GUEST_STATE);
        controlRegisters(rows);
        debugAndSysenter(rows);
        msrs(rows);
        newerMsrs(rows);
        return rows.list();
    }

    private static void controlRegisters(Rows rows) {
        rows.add(
                        "guest.cr0.fixed",
                        VmcsField.GUEST_CR0,
                        "CR0 has only bits that VMX operation supports; \"unrestricted guest\" frees PE and PG",
                        GuestRegisterRows::cr0Fixed)
                .add(
                        "guest.cr0.pg-pe",
                        VmcsField.GUEST_CR0,
                        "if CR0.PG is 1, CR0.PE is 1",
                        c -> !c.any(VmcsField.GUEST_CR0, Cpu.CR0_PG) || c.any(VmcsField.GUEST_CR0, Cpu.CR0_PE))
                .add("guest.cr4.fixed", VmcsField.GUEST_CR4, "CR4 has only bits that VMX operation supports", c -> {
                    VmxCapability capability = c.model().capability();
                    long value = c.get(VmcsField.GUEST_CR4);
                    return (capability.cr4Fixed0() & ~value) == 0 && (value & ~capability.cr4Fixed1()) == 0;
                })
                .add(
                        "guest.cr4.cet-wp",
                        List.of(VmcsField.GUEST_CR4, VmcsField.GUEST_CR0),
                        "if CR4.CET is 1, CR0.WP is 1",
                        c -> !c.any(VmcsField.GUEST_CR4, Cpu.CR4_CET) || c.any(VmcsField.GUEST_CR0, Cpu.CR0_WP))
                .add(
                        "guest.debugctl.reserved",
                        VmcsField.GUEST_IA32_DEBUGCTL,
                        "if it is loaded, reserved bits of IA32_DEBUGCTL are 0",
                        c -> !c.on(VmxFeature.LOAD_DEBUG_CONTROLS)
                                || !c.any(VmcsField.GUEST_IA32_DEBUGCTL, c.reservedMsrBits(MsrValues.DEBUGCTL)))
                .reads(CpuState.MSRS)
                .add(
                        "guest.ia32e.pg",
                        VmcsField.GUEST_CR0,
                        "if \"IA-32e mode guest\" is 1, CR0.PG is 1",
                        c -> !c.on(VmxFeature.IA32E_MODE_GUEST) || c.any(VmcsField.GUEST_CR0, Cpu.CR0_PG))
                .add(
                        "guest.ia32e.pae",
                        VmcsField.GUEST_CR4,
                        "if \"IA-32e mode guest\" is 1, CR4.PAE is 1",
                        c -> !c.on(VmxFeature.IA32E_MODE_GUEST) || c.any(VmcsField.GUEST_CR4, Cpu.CR4_PAE))
                .add(
                        "guest.cr4.pcide",
                        VmcsField.GUEST_CR4,
                        "if \"IA-32e mode guest\" is 0, CR4.PCIDE is 0",
                        c -> c.on(VmxFeature.IA32E_MODE_GUEST) || !c.any(VmcsField.GUEST_CR4, Cpu.CR4_PCIDE))
                .add(
                        "guest.cr3.width",
                        VmcsField.GUEST_CR3,
                        "CR3 is within the physical-address width",
                        c -> Cr3.fits(c, c.get(VmcsField.GUEST_CR3)));
    }

    private static void debugAndSysenter(Rows rows) {
        rows.add(
                        "guest.dr7.high",
                        VmcsField.GUEST_DR7,
                        "if it is loaded, bits 63:32 of DR7 are 0",
                        c -> !c.on(VmxFeature.LOAD_DEBUG_CONTROLS) || !c.any(VmcsField.GUEST_DR7, HIGH))
                .add(
                        "guest.sysenter-esp.canonical",
                        VmcsField.GUEST_SYSENTER_ESP,
                        "the address is canonical",
                        c -> c.canonical(c.get(VmcsField.GUEST_SYSENTER_ESP)))
                .add(
                        "guest.sysenter-eip.canonical",
                        VmcsField.GUEST_SYSENTER_EIP,
                        "the address is canonical",
                        c -> c.canonical(c.get(VmcsField.GUEST_SYSENTER_EIP)));
    }

    private static void msrs(Rows rows) {
        rows.add(
                        "guest.perf-global-ctrl",
                        VmcsField.GUEST_IA32_PERF_GLOBAL_CTRL,
                        "if it is loaded, reserved bits of IA32_PERF_GLOBAL_CTRL are 0",
                        c -> !c.on(VmxFeature.ENTRY_LOAD_PERF_GLOBAL_CTRL)
                                || !c.any(
                                        VmcsField.GUEST_IA32_PERF_GLOBAL_CTRL,
                                        c.reservedMsrBits(MsrValues.PERF_GLOBAL_CTRL)))
                .reads(CpuState.MSRS)
                .add(
                        "guest.pat",
                        VmcsField.GUEST_IA32_PAT,
                        "if it is loaded, each byte of IA32_PAT is 0, 1, 4, 5, 6 or 7",
                        c -> !c.on(VmxFeature.ENTRY_LOAD_PAT) || MsrValues.pat(c.get(VmcsField.GUEST_IA32_PAT)))
                .add(
                        "guest.efer.reserved",
                        VmcsField.GUEST_IA32_EFER,
                        "if it is loaded, reserved bits of IA32_EFER are 0",
                        c -> !c.on(VmxFeature.ENTRY_LOAD_EFER)
                                || !c.any(VmcsField.GUEST_IA32_EFER, c.reservedMsrBits(MsrValues.EFER)))
                .reads(CpuState.MSRS)
                .add(
                        "guest.efer.lma",
                        VmcsField.GUEST_IA32_EFER,
                        "if it is loaded, EFER.LMA is the \"IA-32e mode guest\" control",
                        c -> !c.on(VmxFeature.ENTRY_LOAD_EFER)
                                || c.any(VmcsField.GUEST_IA32_EFER, Cpu.EFER_LMA) == c.on(VmxFeature.IA32E_MODE_GUEST))
                .add(
                        "guest.efer.lme",
                        List.of(VmcsField.GUEST_IA32_EFER, VmcsField.GUEST_CR0),
                        "if it is loaded and CR0.PG is 1, EFER.LME is EFER.LMA",
                        c -> !c.on(VmxFeature.ENTRY_LOAD_EFER)
                                || !c.any(VmcsField.GUEST_CR0, Cpu.CR0_PG)
                                || c.any(VmcsField.GUEST_IA32_EFER, Cpu.EFER_LMA)
                                        == c.any(VmcsField.GUEST_IA32_EFER, Cpu.EFER_LME))
                .add(
                        "guest.bndcfgs.reserved",
                        VmcsField.GUEST_BNDCFGS,
                        "if it is loaded, bits 11:2 of IA32_BNDCFGS are 0",
                        c -> !c.on(VmxFeature.ENTRY_LOAD_BNDCFGS) || !c.any(VmcsField.GUEST_BNDCFGS, BNDCFGS_RESERVED))
                .add(
                        "guest.bndcfgs.canonical",
                        VmcsField.GUEST_BNDCFGS,
                        "if it is loaded, the address in IA32_BNDCFGS is canonical",
                        c -> !c.on(VmxFeature.ENTRY_LOAD_BNDCFGS)
                                || c.canonical(c.get(VmcsField.GUEST_BNDCFGS) & ~PAGE));
    }

    private static void newerMsrs(Rows rows) {
        rows.add(
                        "guest.s-cet.reserved",
                        VmcsField.GUEST_S_CET,
                        "if it is loaded, reserved bits of IA32_S_CET are 0",
                        c -> !cet(c) || !c.any(VmcsField.GUEST_S_CET, c.reservedMsrBits(MsrValues.S_CET)))
                .reads(CpuState.MSRS)
                .add(
                        "guest.s-cet.tracker",
                        VmcsField.GUEST_S_CET,
                        "if it is loaded, SUPPRESS and TRACKER of IA32_S_CET are not both 1",
                        c -> !cet(c) || MsrValues.tracker(c.get(VmcsField.GUEST_S_CET)))
                .add(
                        "guest.s-cet.canonical",
                        VmcsField.GUEST_S_CET,
                        "if it is loaded, the address in IA32_S_CET is canonical",
                        c -> !cet(c) || c.canonical(c.get(VmcsField.GUEST_S_CET)))
                .add(
                        "guest.intr-ssp-table.canonical",
                        VmcsField.GUEST_INTR_SSP_TABLE,
                        "if it is loaded, IA32_INTERRUPT_SSP_TABLE_ADDR is canonical",
                        c -> !cet(c) || c.canonical(c.get(VmcsField.GUEST_INTR_SSP_TABLE)))
                .add(
                        "guest.pkrs",
                        VmcsField.GUEST_IA32_PKRS,
                        "if it is loaded, bits 63:32 of IA32_PKRS are 0",
                        c -> !c.on(VmxFeature.ENTRY_LOAD_PKRS) || !c.any(VmcsField.GUEST_IA32_PKRS, HIGH));
    }

    private static boolean cr0Fixed(CheckContext c) {
        VmxCapability capability = c.model().capability();
        long freed = c.on(VmxFeature.UNRESTRICTED_GUEST) ? Cpu.CR0_PE | Cpu.CR0_PG : 0;
        long value = c.get(VmcsField.GUEST_CR0);
        return (capability.cr0Fixed0() & ~freed & ~value) == 0 && (value & ~capability.cr0Fixed1()) == 0;
    }

    private static boolean cet(CheckContext c) {
        return c.on(VmxFeature.ENTRY_LOAD_CET);
    }
}

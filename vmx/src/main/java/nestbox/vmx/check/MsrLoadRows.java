package nestbox.vmx.check;

import java.util.List;
import nestbox.vmx.capability.VmxCapability;
import nestbox.vmx.vmcs.VmcsField;

/**
 * SDM Vol. 3, "Loading MSRs" (chapter "VM Entries"): each entry of the VM-entry MSR-load area is 16 bytes, the MSR's index,
 * 32 reserved bits and the value. A row fails with the number of the first entry that violates it. Entries take effect one
 * by one; a row judges an entry by the processor's state before the list is loaded.
 */
final class MsrLoadRows {
    private static final int ENTRY = 16;
    private static final int FS_BASE = 0xc000_0100;
    private static final int GS_BASE = 0xc000_0101;
    private static final int X2APIC_RANGE = 8;
    private static final int SMM_MONITOR_CTL = 0x9b;
    private static final int BIOS_UPDT_TRIG = 0x79;
    private static final int BIOS_SIGN_ID = 0x8b;

    private static final VmcsField COUNT = VmcsField.VM_ENTRY_MSR_LOAD_COUNT;

    /** Judges one entry. */
    private interface Entry {
        boolean holds(CheckContext context, int msr, int reserved, long value);
    }

    private MsrLoadRows() {}

    static List<CheckRow> rows() {
        return List.of(
                row(
                        "msr.base",
                        "the MSR is not IA32_FS_BASE or IA32_GS_BASE",
                        (c, msr, reserved, value) -> msr != FS_BASE && msr != GS_BASE),
                row(
                        "msr.x2apic",
                        "the MSR is not an x2APIC register (bits 31:8 are not 000008H)",
                        (c, msr, reserved, value) -> msr >>> 8 != X2APIC_RANGE),
                row(
                        "msr.smm",
                        "outside SMM, the MSR is not one that only SMM can write",
                        (c, msr, reserved, value) -> c.inSmm() || msr != SMM_MONITOR_CTL),
                row(
                        "msr.model-specific",
                        "the MSR is not one of microcode update",
                        (c, msr, reserved, value) -> msr != BIOS_UPDT_TRIG && msr != BIOS_SIGN_ID),
                row("msr.reserved", "bits 63:32 of the entry are 0", (c, msr, reserved, value) -> reserved == 0),
                row(
                        "msr.wrmsr",
                        "WRMSR of the value at CPL 0 would not raise #GP",
                        (c, msr, reserved, value) -> excludedAnyway(c, msr) || !c.wrmsrFaults(msr, value)),
                CheckRow.of(
                        "msr.count",
                        CheckGroup.MSR_LOADING,
                        Failure.msr(VmxCapability.MSR_LIST_MAXIMUM + 1),
                        List.of(COUNT),
                        "the count is not beyond the recommended maximum of IA32_VMX_MISC (the manual lets anything happen"
                                + " then; here the first entry too many fails, as with KVM)",
                        c -> c.get(COUNT) <= VmxCapability.MSR_LIST_MAXIMUM));
    }

    /** MSRs that another row refuses whatever their value. */
    private static boolean excludedAnyway(CheckContext c, int msr) {
        return msr >>> 8 == X2APIC_RANGE
                || msr == BIOS_UPDT_TRIG
                || msr == BIOS_SIGN_ID
                || msr == SMM_MONITOR_CTL && !c.inSmm();
    }

    private static CheckRow row(String id, String rule, Entry entry) {
        return CheckRow.of(
                        id,
                        CheckGroup.MSR_LOADING,
                        List.of(COUNT, VmcsField.VM_ENTRY_MSR_LOAD_ADDR),
                        rule,
                        c -> firstBad(c, entry))
                .reads(CpuState.MEMORY, CpuState.MSRS, CpuState.SMM);
    }

    private static Failure firstBad(CheckContext c, Entry entry) {
        long address = c.get(VmcsField.VM_ENTRY_MSR_LOAD_ADDR);
        // An area that leaves the physical address space fails its own row, and is not followed.
        long count = c.physical(address) ? Math.min(c.get(COUNT), VmxCapability.MSR_LIST_MAXIMUM) : 0;
        for (long i = 0; i < count; i++) {
            long at = address + i * ENTRY;
            if (!c.physical(at)) {
                return null;
            }
            int msr = (int) c.readPhysical(at, 4);
            if (!entry.holds(c, msr, (int) c.readPhysical(at + 4, 4), c.readPhysical(at + 8, 8))) {
                return Failure.msr(i + 1);
            }
        }
        return null;
    }
}

package nestbox.vmx.check;

import java.util.List;
import nestbox.vmx.capability.CapabilityWord;
import nestbox.vmx.capability.VmxCapability;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.vmcs.VmcsField;

/** SDM Vol. 3, "VM-Execution Control Fields" (of "Checks on VMX Controls"). */
final class ExecutionControlRows {
    private static final long EPTP_WALK = 0x38;
    private static final long EPTP_ACCESSED_DIRTY = 1 << 6;
    private static final long EPTP_RESERVED = 0xf80;
    private static final int VTPR = 0x80;

    private ExecutionControlRows() {}

    static List<CheckRow> rows() {
        Rows rows = new Rows(CheckGroup.EXECUTION_CONTROLS, Failure.CONTROLS);
        words(rows);
        addresses(rows);
        apic(rows);
        memoryManagement(rows);
        rest(rows);
        return rows.list();
    }

    /** The one check that looks into the virtual-APIC page: it can fail at any entry, whatever the VMCS says. */
    static List<CheckRow> virtualApic() {
        return new Rows(CheckGroup.VIRTUAL_APIC, Failure.CONTROLS)
                .add(
                        "exec.tpr-threshold.vtpr",
                        List.of(VmcsField.TPR_THRESHOLD, VmcsField.VIRTUAL_APIC_PAGE_ADDR),
                        "if \"use TPR shadow\" is 1 and \"virtualize APIC accesses\" and \"virtual-interrupt delivery\" are 0:"
                                + " bits 3:0 of the TPR threshold are not greater than bits 7:4 of VTPR",
                        ExecutionControlRows::thresholdBelowVtpr)
                .reads(CpuState.MEMORY)
                .list();
    }

    private static void words(Rows rows) {
        rows.add(
                        "exec.pin.reserved",
                        List.of(VmcsField.PIN_BASED_VM_EXEC_CONTROL),
                        "the pin-based controls have allowed settings",
                        c -> allowed(c, CapabilityWord.PIN))
                .add(
                        "exec.primary.reserved",
                        List.of(VmcsField.CPU_BASED_VM_EXEC_CONTROL),
                        "the primary processor-based controls have allowed settings",
                        c -> allowed(c, CapabilityWord.PRIMARY))
                .add(
                        "exec.secondary.reserved",
                        List.of(VmcsField.SECONDARY_VM_EXEC_CONTROL),
                        "if \"activate secondary controls\" is 1: the secondary controls have allowed settings",
                        c -> allowed(c, CapabilityWord.SECONDARY))
                .add(
                        "exec.tertiary.reserved",
                        List.of(VmcsField.TERTIARY_VM_EXEC_CONTROL),
                        "if \"activate tertiary controls\" is 1: reserved tertiary controls are 0",
                        c -> allowed(c, CapabilityWord.TERTIARY))
                .add(
                        "exec.cr3-target-count",
                        VmcsField.CR3_TARGET_COUNT,
                        "the CR3-target count is not greater than IA32_VMX_MISC says",
                        c -> c.get(VmcsField.CR3_TARGET_COUNT) <= VmxCapability.CR3_TARGETS);
    }

    private static void addresses(Rows rows) {
        rows.page("exec.io-bitmap-a", VmcsField.IO_BITMAP_A, VmxFeature.IO_BITMAPS)
                .page("exec.io-bitmap-b", VmcsField.IO_BITMAP_B, VmxFeature.IO_BITMAPS)
                .page("exec.msr-bitmap", VmcsField.MSR_BITMAP, VmxFeature.MSR_BITMAPS);
    }

    private static void apic(Rows rows) {
        rows.page("exec.virtual-apic", VmcsField.VIRTUAL_APIC_PAGE_ADDR, VmxFeature.TPR_SHADOW)
                .add(
                        "exec.tpr-threshold.reserved",
                        VmcsField.TPR_THRESHOLD,
                        "if \"use TPR shadow\" is 1 and \"virtual-interrupt delivery\" is 0: bits 31:4 of the TPR threshold"
                                + " are 0",
                        c -> !c.on(VmxFeature.TPR_SHADOW)
                                || c.on(VmxFeature.VIRTUAL_INTERRUPT_DELIVERY)
                                || c.get(VmcsField.TPR_THRESHOLD) < 16)
                .excludes("exec.nmi.virtual", VmxFeature.NMI_EXITING, VmxFeature.VIRTUAL_NMIS)
                .excludes("exec.nmi.window", VmxFeature.VIRTUAL_NMIS, VmxFeature.NMI_WINDOW_EXITING)
                .page("exec.apic-access", VmcsField.APIC_ACCESS_ADDR, VmxFeature.VIRTUALIZE_APIC_ACCESSES)
                .excludes("exec.tpr-shadow.x2apic", VmxFeature.TPR_SHADOW, VmxFeature.VIRTUALIZE_X2APIC_MODE)
                .excludes("exec.tpr-shadow.register", VmxFeature.TPR_SHADOW, VmxFeature.APIC_REGISTER_VIRTUALIZATION)
                .excludes("exec.tpr-shadow.delivery", VmxFeature.TPR_SHADOW, VmxFeature.VIRTUAL_INTERRUPT_DELIVERY)
                .add(
                        "exec.x2apic.xapic",
                        List.of(),
                        "if \"virtualize x2APIC mode\" is 1, \"virtualize APIC accesses\" is 0",
                        c -> !c.on(VmxFeature.VIRTUALIZE_X2APIC_MODE) || !c.on(VmxFeature.VIRTUALIZE_APIC_ACCESSES))
                .implies(
                        "exec.delivery.external-interrupt",
                        VmxFeature.VIRTUAL_INTERRUPT_DELIVERY,
                        VmxFeature.EXTERNAL_INTERRUPT_EXITING)
                .implies("exec.posted.delivery", VmxFeature.POSTED_INTERRUPTS, VmxFeature.VIRTUAL_INTERRUPT_DELIVERY)
                .implies("exec.posted.acknowledge", VmxFeature.POSTED_INTERRUPTS, VmxFeature.ACKNOWLEDGE_INTERRUPT)
                .add(
                        "exec.posted.vector",
                        VmcsField.POSTED_INTR_NV,
                        "if \"process posted interrupts\" is 1: bits 15:8 of the notification vector are 0",
                        c -> !c.on(VmxFeature.POSTED_INTERRUPTS) || !c.any(VmcsField.POSTED_INTR_NV, 0xff00))
                .aligned("exec.posted.descriptor", VmcsField.POSTED_INTR_DESC_ADDR, VmxFeature.POSTED_INTERRUPTS, 0x3f);
    }

    private static void memoryManagement(Rows rows) {
        rows.add(
                        "exec.vpid",
                        VmcsField.VIRTUAL_PROCESSOR_ID,
                        "if \"enable VPID\" is 1, the VPID is not 0",
                        c -> !c.on(VmxFeature.ENABLE_VPID) || c.get(VmcsField.VIRTUAL_PROCESSOR_ID) != 0)
                .add(
                        "exec.eptp.memory-type",
                        VmcsField.EPT_POINTER,
                        "if \"enable EPT\" is 1: EPTP[2:0] is a memory type that IA32_VMX_EPT_VPID_CAP reports",
                        c -> !c.on(VmxFeature.ENABLE_EPT)
                                || eptMemoryType(c.model().capability(), c.get(VmcsField.EPT_POINTER)))
                .add(
                        "exec.eptp.walk-length",
                        VmcsField.EPT_POINTER,
                        "if \"enable EPT\" is 1: EPTP[5:3] is 1 less than a supported page-walk length",
                        c -> !c.on(VmxFeature.ENABLE_EPT)
                                || eptWalk(c.model().capability(), c.get(VmcsField.EPT_POINTER)))
                .add(
                        "exec.eptp.accessed-dirty",
                        VmcsField.EPT_POINTER,
                        "if \"enable EPT\" is 1: EPTP[6] is 0 unless accessed and dirty flags are supported",
                        c -> !c.on(VmxFeature.ENABLE_EPT)
                                || c.model().has(VmxFeature.EPT_ACCESSED_DIRTY)
                                || !c.any(VmcsField.EPT_POINTER, EPTP_ACCESSED_DIRTY))
                .add(
                        "exec.eptp.reserved",
                        VmcsField.EPT_POINTER,
                        "if \"enable EPT\" is 1: EPTP[11:7] is 0 and the address is within the physical-address width",
                        c -> !c.on(VmxFeature.ENABLE_EPT)
                                || !c.any(VmcsField.EPT_POINTER, EPTP_RESERVED)
                                        && c.physical(c.get(VmcsField.EPT_POINTER)))
                .implies("exec.pml.ept", VmxFeature.ENABLE_PML, VmxFeature.ENABLE_EPT)
                .page("exec.pml.address", VmcsField.PML_ADDRESS, VmxFeature.ENABLE_PML)
                .implies("exec.unrestricted.ept", VmxFeature.UNRESTRICTED_GUEST, VmxFeature.ENABLE_EPT)
                .implies("exec.mode-based.ept", VmxFeature.MODE_BASED_EXECUTE, VmxFeature.ENABLE_EPT)
                .implies("exec.spp.ept", VmxFeature.SUB_PAGE_WRITE_PERMISSION, VmxFeature.ENABLE_EPT)
                .page("exec.spp.table", VmcsField.SPP_TABLE_POINTER, VmxFeature.SUB_PAGE_WRITE_PERMISSION);
    }

    private static void rest(Rows rows) {
        rows.add(
                        "exec.vmfunc.reserved",
                        List.of(VmcsField.VM_FUNCTION_CONTROL),
                        "if \"enable VM functions\" is 1: reserved VM-function controls are 0",
                        c -> allowed(c, CapabilityWord.VMFUNC))
                .implies("exec.vmfunc.ept", VmxFeature.EPTP_SWITCHING, VmxFeature.ENABLE_EPT)
                .page("exec.vmfunc.eptp-list", VmcsField.EPTP_LIST_ADDRESS, VmxFeature.EPTP_SWITCHING)
                .page("exec.shadowing.vmread-bitmap", VmcsField.VMREAD_BITMAP, VmxFeature.VMCS_SHADOWING)
                .page("exec.shadowing.vmwrite-bitmap", VmcsField.VMWRITE_BITMAP, VmxFeature.VMCS_SHADOWING)
                .page("exec.ve.information", VmcsField.VE_INFORMATION_ADDRESS, VmxFeature.EPT_VIOLATION_VE)
                .add(
                        "exec.tsc-multiplier",
                        VmcsField.TSC_MULTIPLIER,
                        "if \"use TSC scaling\" is 1, the TSC multiplier is not 0",
                        c -> !c.on(VmxFeature.TSC_SCALING) || c.get(VmcsField.TSC_MULTIPLIER) != 0);
    }

    private static boolean allowed(CheckContext c, CapabilityWord word) {
        return c.model().capability().allows(word, c.word(word));
    }

    private static boolean eptMemoryType(VmxCapability capability, long eptp) {
        return switch ((int) eptp & 7) {
            case 0 -> capability.has(VmxFeature.EPT_UNCACHEABLE);
            case 6 -> capability.has(VmxFeature.EPT_WRITE_BACK);
            default -> false;
        };
    }

    private static boolean eptWalk(VmxCapability capability, long eptp) {
        return switch ((int) (eptp & EPTP_WALK) >> 3) {
            case 3 -> capability.has(VmxFeature.EPT_WALK_4);
            case 4 -> capability.has(VmxFeature.EPT_WALK_5);
            default -> false;
        };
    }

    private static boolean thresholdBelowVtpr(CheckContext c) {
        if (!c.on(VmxFeature.TPR_SHADOW)
                || c.on(VmxFeature.VIRTUALIZE_APIC_ACCESSES)
                || c.on(VmxFeature.VIRTUAL_INTERRUPT_DELIVERY)) {
            return true;
        }
        long vtpr = c.readPhysical(c.get(VmcsField.VIRTUAL_APIC_PAGE_ADDR) + VTPR, 1);
        return (c.get(VmcsField.TPR_THRESHOLD) & 0xf) <= vtpr >>> 4;
    }
}

package nestbox.vmx.l0;

import java.util.Map;
import nestbox.l0.HostProcessor;
import nestbox.vmx.capability.CapabilityWord;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Cpu;
import nestbox.x86.Vector;
import nestbox.x86.model.CpuFeatures;
import nestbox.x86.model.Feature;

/** What L0 writes into a VMCS once: the controls of vmcs01, and what is alike in vmcs01 and vmcs02. */
final class VmxSetup {
    /** Instructions that the guest has if its CPU model does, whatever the silicon has. */
    private static final Map<Feature, VmxFeature> INSTRUCTIONS = Map.of(
            Feature.RDTSCP,
            VmxFeature.ENABLE_RDTSCP,
            Feature.INVPCID,
            VmxFeature.ENABLE_INVPCID,
            Feature.XSAVES,
            VmxFeature.ENABLE_XSAVES);

    private final VmcsDoor vmcs;
    private final VmxControls controls;
    private final CpuFeatures model;
    private final HostProcessor host;
    private final boolean ept;

    /** @param model of the guest */
    VmxSetup(VmcsDoor vmcs, VmxControls controls, CpuFeatures model, HostProcessor host, boolean ept) {
        this.vmcs = vmcs;
        this.controls = controls;
        this.model = model;
        this.host = host;
        this.ept = ept;
    }

    static long mask(VmxFeature... features) {
        long mask = 0;
        for (VmxFeature feature : features) {
            mask |= feature.mask();
        }
        return mask;
    }

    /** Controls of vmcs01, as they are before anything is intercepted for a reason of the guest's. */
    void writeControls(HardwareVmcs vmcs01) {
        long pin = controls.choose(
                CapabilityWord.PIN,
                mask(VmxFeature.EXTERNAL_INTERRUPT_EXITING, VmxFeature.NMI_EXITING),
                mask(VmxFeature.VIRTUAL_NMIS));
        vmcs.write(VmcsField.PIN_BASED_VM_EXEC_CONTROL, pin);
        long needed = mask(
                VmxFeature.HLT_EXITING,
                VmxFeature.MWAIT_EXITING,
                VmxFeature.MONITOR_EXITING,
                VmxFeature.RDPMC_EXITING,
                VmxFeature.TSC_OFFSETTING,
                VmxFeature.CR8_LOAD_EXITING,
                VmxFeature.CR8_STORE_EXITING,
                VmxFeature.MOV_DR_EXITING,
                VmxFeature.UNCONDITIONAL_IO_EXITING,
                VmxFeature.MSR_BITMAPS);
        if (!ept) {
            needed |= mask(VmxFeature.INVLPG_EXITING, VmxFeature.CR3_LOAD_EXITING, VmxFeature.CR3_STORE_EXITING);
        }
        long primary = controls.choose(CapabilityWord.PRIMARY, needed, mask(VmxFeature.SECONDARY_CONTROLS));
        if (ept) {
            primary &= ~mask(VmxFeature.INVLPG_EXITING, VmxFeature.CR3_LOAD_EXITING, VmxFeature.CR3_STORE_EXITING)
                    | mustBeOne();
        }
        vmcs01.primary = primary;
        vmcs.write(VmcsField.CPU_BASED_VM_EXEC_CONTROL, primary);
        if ((primary & VmxFeature.SECONDARY_CONTROLS.mask()) != 0) {
            writeSecondary(vmcs01.vpid);
        }
        long exit = controls.choose(
                CapabilityWord.EXIT,
                mask(VmxFeature.HOST_ADDRESS_SPACE_SIZE, VmxFeature.SAVE_DEBUG_CONTROLS),
                mask(
                        VmxFeature.EXIT_SAVE_EFER,
                        VmxFeature.EXIT_LOAD_EFER,
                        VmxFeature.EXIT_SAVE_PAT,
                        VmxFeature.EXIT_LOAD_PAT));
        vmcs.write(VmcsField.VM_EXIT_CONTROLS, exit);
        vmcs01.entryControls = controls.choose(
                CapabilityWord.ENTRY,
                mask(VmxFeature.LOAD_DEBUG_CONTROLS),
                mask(VmxFeature.ENTRY_LOAD_EFER, VmxFeature.ENTRY_LOAD_PAT));
        vmcs.write(VmcsField.VM_ENTRY_CONTROLS, vmcs01.entryControls);
        long exceptions = 1 << Vector.DB | 1 << Vector.MC | 1 << Vector.AC;
        if (!ept) {
            exceptions |= 1 << Vector.PF;
        }
        vmcs.write(VmcsField.EXCEPTION_BITMAP, exceptions);
        vmcs.write(VmcsField.CR0_GUEST_HOST_MASK, ~Cpu.CR0_TS);
        writeConstants();
    }

    /** What is alike in vmcs01 and vmcs02. */
    void writeConstants() {
        vmcs.write(VmcsField.PAGE_FAULT_ERROR_CODE_MASK, 0);
        vmcs.write(VmcsField.PAGE_FAULT_ERROR_CODE_MATCH, 0);
        vmcs.write(VmcsField.CR3_TARGET_COUNT, 0);
        vmcs.write(VmcsField.VMCS_LINK_POINTER, -1);
        vmcs.write(VmcsField.VM_EXIT_MSR_STORE_COUNT, 0);
        vmcs.write(VmcsField.VM_EXIT_MSR_LOAD_COUNT, 0);
        vmcs.write(VmcsField.VM_ENTRY_MSR_LOAD_COUNT, 0);
        vmcs.write(VmcsField.VM_ENTRY_INTR_INFO, 0);
        vmcs.write(VmcsField.CR4_GUEST_HOST_MASK, -1);
    }

    /** Primary controls that the silicon does not let be 0. */
    long mustBeOne() {
        return controls.choose(CapabilityWord.PRIMARY, 0, 0);
    }

    private void writeSecondary(int vpid) {
        long wanted = mask(VmxFeature.WBINVD_EXITING);
        for (Map.Entry<Feature, VmxFeature> row : INSTRUCTIONS.entrySet()) {
            if (model.has(row.getKey())) {
                wanted |= row.getValue().mask();
            }
        }
        if (ept) {
            wanted |= mask(VmxFeature.UNRESTRICTED_GUEST);
        }
        if (vpid != 0) {
            wanted |= mask(VmxFeature.ENABLE_VPID);
        }
        long secondary = controls.choose(CapabilityWord.SECONDARY, ept ? mask(VmxFeature.ENABLE_EPT) : 0, wanted);
        vmcs.write(VmcsField.SECONDARY_VM_EXEC_CONTROL, secondary);
        if (vpid != 0) {
            vmcs.write(VmcsField.VIRTUAL_PROCESSOR_ID, vpid);
        }
        if ((secondary & VmxFeature.ENABLE_XSAVES.mask()) != 0) {
            vmcs.write(VmcsField.XSS_EXIT_BITMAP, 0);
        }
    }

    /** The host's registers are the same at every exit. */
    void writeHost() {
        if (vmcs.current().hostWritten) {
            return;
        }
        vmcs.current().hostWritten = true;
        Cpu h = host.cpu();
        vmcs.write(VmcsField.HOST_CR0, h.cr0);
        vmcs.write(VmcsField.HOST_CR3, h.cr3);
        vmcs.write(VmcsField.HOST_CR4, h.cr4);
        vmcs.write(VmcsField.HOST_CS_SELECTOR, HostProcessor.CODE_SELECTOR);
        vmcs.write(VmcsField.HOST_SS_SELECTOR, HostProcessor.DATA_SELECTOR);
        vmcs.write(VmcsField.HOST_DS_SELECTOR, HostProcessor.DATA_SELECTOR);
        vmcs.write(VmcsField.HOST_ES_SELECTOR, HostProcessor.DATA_SELECTOR);
        vmcs.write(VmcsField.HOST_FS_SELECTOR, 0);
        vmcs.write(VmcsField.HOST_GS_SELECTOR, 0);
        vmcs.write(VmcsField.HOST_TR_SELECTOR, HostProcessor.TSS_SELECTOR);
        vmcs.write(VmcsField.HOST_FS_BASE, 0);
        vmcs.write(VmcsField.HOST_GS_BASE, 0);
        vmcs.write(VmcsField.HOST_TR_BASE, 0);
        vmcs.write(VmcsField.HOST_GDTR_BASE, h.gdtBase);
        vmcs.write(VmcsField.HOST_IDTR_BASE, h.idtBase);
        vmcs.write(VmcsField.HOST_IA32_SYSENTER_CS, 0);
        vmcs.write(VmcsField.HOST_IA32_SYSENTER_ESP, 0);
        vmcs.write(VmcsField.HOST_IA32_SYSENTER_EIP, 0);
        vmcs.write(VmcsField.HOST_RSP, 0);
        vmcs.write(VmcsField.HOST_RIP, h.rip);
        if (controls.allows(VmxFeature.EXIT_LOAD_EFER)) {
            vmcs.write(VmcsField.HOST_IA32_EFER, h.efer);
        }
        if (controls.allows(VmxFeature.EXIT_LOAD_PAT)) {
            vmcs.write(VmcsField.HOST_IA32_PAT, h.pat);
        }
    }
}

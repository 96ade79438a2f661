package nestbox.vmx.l0;

import nestbox.l0.EntryFailure;
import nestbox.l0.NestedPolicy;
import nestbox.mmu.core.HostFrames;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.vmcs.Vmcs;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Vector;

/** The controls of vmcs02: a merge of vmcs01's and vmcs12's, row by row as facts D.4 has it. */
final class Vmcs02 {
    private static final int BITMAP_BYTES = 4096;
    private static final long TSC_RATIO_ONE = 1L << 48;
    private static final int LOW_READ = 0;
    private static final int HIGH_READ = 0x400;
    private static final int LOW_WRITE = 0x800;
    private static final int HIGH_WRITE = 0xc00;
    private static final int X2APIC = 0x800;
    private static final int X2APIC_END = 0x900;
    private static final int X2APIC_TPR = 0x808;
    private static final int X2APIC_EOI = 0x80b;
    private static final int X2APIC_SELF_IPI = 0x83f;
    private static final int[] PASSED = {0x100, 0x101, 0x102};

    private static final int TOO_MANY_TARGETS = 0xff;
    private static final long MISALIGNED = 1;
    private static final long FS_BASE = 0xc000_0100L;

    private final NestedVmx vmx;
    private final VmxBackend backend;
    private final VmcsDoor door;
    private final HostFrames frames;
    private final long bitmap;
    private final long spoiltList;
    private boolean spoilt;
    /** The bitmap lets reads of x2APIC MSRs pass. */
    private boolean x2apicOpen;
    /** The bitmap lets nothing pass. */
    private boolean closed = true;

    Vmcs02(NestedVmx vmx) {
        this.vmx = vmx;
        backend = vmx.backend;
        door = backend.door();
        frames = vmx.vcpu.hypervisor().host().frames();
        spoiltList = frames.allocate();
        bitmap = frames.allocate();
        for (int i = 0; i < BITMAP_BYTES; i += 8) {
            frames.write64(bitmap + i, -1);
        }
    }

    private static long mask(VmxFeature... features) {
        long mask = 0;
        for (VmxFeature feature : features) {
            mask |= feature.mask();
        }
        return mask;
    }

    private long of01(VmcsField field) {
        HardwareVmcs v = backend.vmcs01();
        return v.known[field.ordinal()] ? v.values[field.ordinal()] : 0;
    }

    void merge() {
        Controls12 c = vmx.controls;
        Vmcs vmcs12 = vmx.vmcs12;
        HardwareVmcs v = backend.vmcs02();
        // The timer is L0's, and so is the processing of posted interrupts.
        long pin12 = c.pin & ~mask(VmxFeature.PREEMPTION_TIMER, VmxFeature.POSTED_INTERRUPTS);
        long pin01 = of01(VmcsField.PIN_BASED_VM_EXEC_CONTROL);
        if (c.pin(VmxFeature.NMI_EXITING)) {
            // Whether L2's NMIs are virtual is L1's to say: else its IRET leaves them blocked (SDM Vol. 3, "Changes to
            // Instruction
            // Behavior in VMX Non-Root Operation").
            pin01 &= ~VmxFeature.VIRTUAL_NMIS.mask();
        }
        door.write(VmcsField.PIN_BASED_VM_EXEC_CONTROL, pin01 | pin12);
        v.primary = primary(c);
        door.write(VmcsField.CPU_BASED_VM_EXEC_CONTROL, v.primary);
        if ((v.primary & VmxFeature.SECONDARY_CONTROLS.mask()) != 0) {
            secondary(c);
        }
        door.write(VmcsField.VM_EXIT_CONTROLS, of01(VmcsField.VM_EXIT_CONTROLS));
        v.entryControls = backend.vmcs01().entryControls | c.entry & ~VmxFeature.IA32E_MODE_GUEST.mask();
        door.write(VmcsField.VM_ENTRY_CONTROLS, v.entryControls);
        exceptions(c, vmcs12);
        msrs(c, vmcs12);
        door.write(VmcsField.VM_ENTRY_INTR_INFO, 0);
        vmx.apic.load();
    }

    /** What depends on the vCPU's being L2 already. */
    void mergeGuestOwned() {
        door.write(VmcsField.CR0_GUEST_HOST_MASK, backend.cr0Mask());
    }

    /** Makes the silicon refuse vmcs02, which is current, in one of its ways. */
    void spoil(EntryFailure failure) {
        switch (failure) {
            case VMFAIL -> door.write(VmcsField.CR3_TARGET_COUNT, TOO_MANY_TARGETS);
            case GUEST_STATE -> door.write(VmcsField.VMCS_LINK_POINTER, MISALIGNED);
            default -> {
                // FS.base cannot be loaded from a list.
                frames.write64(spoiltList, FS_BASE);
                door.write(VmcsField.VM_ENTRY_MSR_LOAD_ADDR, spoiltList);
                door.write(VmcsField.VM_ENTRY_MSR_LOAD_COUNT, 1);
            }
        }
        spoilt = true;
    }

    /** Ends {@link #spoil}. */
    void repair() {
        if (spoilt) {
            spoilt = false;
            door.write(VmcsField.CR3_TARGET_COUNT, 0);
            door.write(VmcsField.VMCS_LINK_POINTER, -1);
            door.write(VmcsField.VM_ENTRY_MSR_LOAD_COUNT, 0);
        }
    }

    private long primary(Controls12 c) {
        long cr8 = mask(VmxFeature.CR8_LOAD_EXITING, VmxFeature.CR8_STORE_EXITING);
        long windows = mask(VmxFeature.INTERRUPT_WINDOW_EXITING, VmxFeature.NMI_WINDOW_EXITING, VmxFeature.TPR_SHADOW);
        long primary = backend.vmcs01().primary & ~windows | c.primary;
        // Without TPR shadow every use of CR8 must leave L2: the register is the host's.
        boolean forced = !c.primary(VmxFeature.TPR_SHADOW) && vmx.vcpu.follows(NestedPolicy.VMCS02_CR8);
        primary = forced ? primary | cr8 : primary & ~cr8 | c.primary & cr8;
        primary |= VmxFeature.UNCONDITIONAL_IO_EXITING.mask() | VmxFeature.MSR_BITMAPS.mask();
        return primary & ~VmxFeature.IO_BITMAPS.mask();
    }

    private void secondary(Controls12 c) {
        long taken = mask(
                VmxFeature.VIRTUALIZE_APIC_ACCESSES,
                VmxFeature.VIRTUALIZE_X2APIC_MODE,
                VmxFeature.APIC_REGISTER_VIRTUALIZATION,
                VmxFeature.VIRTUAL_INTERRUPT_DELIVERY,
                VmxFeature.ENABLE_INVPCID,
                VmxFeature.ENABLE_RDTSCP,
                VmxFeature.ENABLE_XSAVES,
                VmxFeature.ENABLE_VM_FUNCTIONS,
                VmxFeature.DESCRIPTOR_TABLE_EXITING,
                VmxFeature.TSC_SCALING,
                VmxFeature.VMCS_SHADOWING,
                VmxFeature.UNRESTRICTED_GUEST);
        long software = mask(VmxFeature.ENABLE_PML, VmxFeature.VMCS_SHADOWING);
        long secondary = of01(VmcsField.SECONDARY_VM_EXEC_CONTROL) & ~taken | c.secondary & ~software;
        if (!backend.ept()) {
            secondary &= ~VmxFeature.ENABLE_EPT.mask();
        }
        HardwareVmcs v = backend.vmcs02();
        if (v.vpid == 0) {
            secondary &= ~VmxFeature.ENABLE_VPID.mask();
        } else {
            secondary |= VmxFeature.ENABLE_VPID.mask();
            // What a guest without VPID leaves must not meet one that has: its transitions flush vpid01.
            v.runsWith = c.secondary(VmxFeature.ENABLE_VPID) ? v.vpid : backend.vmcs01().vpid;
            door.write(VmcsField.VIRTUAL_PROCESSOR_ID, v.runsWith);
        }
        if (c.secondary(VmxFeature.ENABLE_VM_FUNCTIONS)) {
            // Every function leaves L2.
            door.write(VmcsField.VM_FUNCTION_CONTROL, 0);
        }
        if (c.secondary(VmxFeature.TSC_SCALING)) {
            // In force with TSC offsetting alone, which vmcs02 always has.
            door.write(VmcsField.TSC_MULTIPLIER, c.tscMultiplier != 0 ? c.tscMultiplier : TSC_RATIO_ONE);
        }
        if (c.secondary(VmxFeature.ENABLE_XSAVES)) {
            door.write(VmcsField.XSS_EXIT_BITMAP, vmx.vmcs12.get(VmcsField.XSS_EXIT_BITMAP));
        }
        door.write(VmcsField.SECONDARY_VM_EXEC_CONTROL, secondary);
    }

    /** L0 needs #PF itself under shadow paging; else L1's mask and match decide. */
    private void exceptions(Controls12 c, Vmcs vmcs12) {
        long bitmap01 = of01(VmcsField.EXCEPTION_BITMAP) & ~(1L << Vector.UD);
        if (vmx.vcpu.needsInvalidOpcodes()) {
            bitmap01 |= 1L << Vector.UD;
        }
        if ((bitmap01 >>> Vector.PF & 1) != 0) {
            door.write(VmcsField.PAGE_FAULT_ERROR_CODE_MASK, 0);
            door.write(VmcsField.PAGE_FAULT_ERROR_CODE_MATCH, 0);
        } else {
            door.write(VmcsField.PAGE_FAULT_ERROR_CODE_MASK, vmcs12.get(VmcsField.PAGE_FAULT_ERROR_CODE_MASK));
            door.write(VmcsField.PAGE_FAULT_ERROR_CODE_MATCH, vmcs12.get(VmcsField.PAGE_FAULT_ERROR_CODE_MATCH));
        }
        door.write(VmcsField.EXCEPTION_BITMAP, bitmap01 | c.exceptions);
    }

    /** An MSR passes only if both bitmaps let it pass; of the x2APIC's, those that hardware virtualizes and L1 lets pass. */
    private void msrs(Controls12 c, Vmcs vmcs12) {
        boolean used = c.primary(VmxFeature.MSR_BITMAPS);
        door.write(VmcsField.MSR_BITMAP, bitmap);
        if (!used && closed) {
            return;
        }
        closed = !used;
        for (int msr : PASSED) {
            pass(used, HIGH_READ, msr);
            pass(used, HIGH_WRITE, msr);
        }
        boolean virtual = used && c.secondary(VmxFeature.VIRTUALIZE_X2APIC_MODE);
        boolean leaks = !vmx.vcpu.follows(NestedPolicy.VMCS02_X2APIC);
        boolean registers = virtual && (leaks || c.secondary(VmxFeature.APIC_REGISTER_VIRTUALIZATION));
        if (registers || x2apicOpen) {
            long map12 = vmcs12.get(VmcsField.MSR_BITMAP);
            for (int i = X2APIC >>> 3; i < X2APIC_END >>> 3; i += 8) {
                frames.write64(bitmap + i, registers ? vmx.cpu.physical.read(map12 + i, 8) : -1);
                if (leaks) {
                    frames.write64(bitmap + LOW_WRITE + i, vmx.cpu.physical.read(map12 + LOW_WRITE + i, 8));
                }
            }
        }
        boolean delivery = virtual && c.secondary(VmxFeature.VIRTUAL_INTERRUPT_DELIVERY);
        pass(registers || virtual, LOW_READ, X2APIC_TPR);
        pass(virtual, LOW_WRITE, X2APIC_TPR);
        pass(delivery, LOW_WRITE, X2APIC_EOI);
        pass(delivery, LOW_WRITE, X2APIC_SELF_IPI);
        x2apicOpen = registers;
    }

    /** Lets one access to an MSR pass if L1's bitmap does and {@code possible}. */
    private void pass(boolean possible, int part, int msr) {
        int offset = part + (msr >>> 3);
        long bit = 1L << (msr & 7);
        long map12 = vmx.vmcs12.get(VmcsField.MSR_BITMAP);
        boolean intercepted = !possible || (vmx.cpu.physical.read(map12 + offset, 1) & bit) != 0;
        long old = frames.read(bitmap + offset, 1);
        frames.write(bitmap + offset, 1, intercepted ? old | bit : old & ~bit);
    }
}

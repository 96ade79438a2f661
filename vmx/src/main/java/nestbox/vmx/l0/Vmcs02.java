package nestbox.vmx.l0;

import nestbox.l0.EntryFailure;
import nestbox.mmu.core.HostFrames;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.vmcs.Vmcs;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Vector;

/** The controls of vmcs02: a merge of vmcs01's and vmcs12's, row by row as facts D.4 has it. */
final class Vmcs02 {
    private static final int BITMAP_BYTES = 4096;
    private static final int HIGH_READ = 0x400;
    private static final int HIGH_WRITE = 0xc00;
    private static final int[] PASSED = {0x100, 0x101, 0x102};
    /** An address that no processor has: a page of vmcs12 that cannot be mapped makes hardware refuse the entry. */
    private static final long UNBACKED = -1L;

    private static final int TOO_MANY_TARGETS = 0xff;
    private static final long MISALIGNED = 1;
    private static final long FS_BASE = 0xc000_0100L;

    private final NestedVmx vmx;
    private final VmxBackend backend;
    private final VmcsDoor door;
    private final long bitmap;
    private final long spoiltList;
    private boolean spoilt;

    Vmcs02(NestedVmx vmx) {
        this.vmx = vmx;
        backend = vmx.backend;
        door = backend.door();
        HostFrames frames = vmx.vcpu.hypervisor().host().frames();
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
        door.write(
                VmcsField.PIN_BASED_VM_EXEC_CONTROL,
                of01(VmcsField.PIN_BASED_VM_EXEC_CONTROL) | c.pin & ~VmxFeature.PREEMPTION_TIMER.mask());
        long windows = mask(VmxFeature.INTERRUPT_WINDOW_EXITING, VmxFeature.NMI_WINDOW_EXITING, VmxFeature.TPR_SHADOW);
        long primary = backend.vmcs01().primary & ~windows | c.primary;
        if (!c.primary(VmxFeature.TPR_SHADOW)) {
            primary |= mask(VmxFeature.CR8_LOAD_EXITING, VmxFeature.CR8_STORE_EXITING);
        } else {
            primary = primary & ~mask(VmxFeature.CR8_LOAD_EXITING, VmxFeature.CR8_STORE_EXITING)
                    | c.primary & mask(VmxFeature.CR8_LOAD_EXITING, VmxFeature.CR8_STORE_EXITING);
        }
        primary |= VmxFeature.UNCONDITIONAL_IO_EXITING.mask() | VmxFeature.MSR_BITMAPS.mask();
        primary &= ~VmxFeature.IO_BITMAPS.mask();
        v.primary = primary;
        door.write(VmcsField.CPU_BASED_VM_EXEC_CONTROL, primary);
        if ((primary & VmxFeature.SECONDARY_CONTROLS.mask()) != 0) {
            secondary(c);
        }
        door.write(VmcsField.VM_EXIT_CONTROLS, of01(VmcsField.VM_EXIT_CONTROLS));
        v.entryControls = backend.vmcs01().entryControls | c.entry & ~VmxFeature.IA32E_MODE_GUEST.mask();
        door.write(VmcsField.VM_ENTRY_CONTROLS, v.entryControls);
        exceptions(c, vmcs12);
        msrs(c, vmcs12);
        door.write(VmcsField.VM_ENTRY_INTR_INFO, 0);
    }

    /** What depends on the vCPU's being L2 already. */
    void mergeGuestOwned() {
        door.write(VmcsField.CR0_GUEST_HOST_MASK, backend.cr0Mask());
    }

    /** Addresses of pages that L1 gives as its own become those of the host. */
    void mapPages() {
        if (vmx.controls.primary(VmxFeature.TPR_SHADOW)) {
            virtualApic(vmx.vmcs12);
        }
    }

    /** Makes the silicon refuse vmcs02, which is current, in one of its ways. */
    void spoil(EntryFailure failure) {
        switch (failure) {
            case VMFAIL -> door.write(VmcsField.CR3_TARGET_COUNT, TOO_MANY_TARGETS);
            case GUEST_STATE -> door.write(VmcsField.VMCS_LINK_POINTER, MISALIGNED);
            default -> {
                // FS.base cannot be loaded from a list.
                HostFrames frames = vmx.vcpu.hypervisor().host().frames();
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

    private void virtualApic(Vmcs vmcs12) {
        long gpa = vmcs12.get(VmcsField.VIRTUAL_APIC_PAGE_ADDR);
        long hpa = vmx.vcpu.hypervisor().mmu().slots().toHpa(0, gpa);
        door.write(VmcsField.VIRTUAL_APIC_PAGE_ADDR, hpa < 0 ? UNBACKED : hpa);
        door.write(VmcsField.TPR_THRESHOLD, vmcs12.get(VmcsField.TPR_THRESHOLD));
    }

    private void secondary(Controls12 c) {
        long taken = mask(
                VmxFeature.VIRTUALIZE_APIC_ACCESSES,
                VmxFeature.VIRTUALIZE_X2APIC_MODE,
                VmxFeature.ENABLE_INVPCID,
                VmxFeature.ENABLE_RDTSCP,
                VmxFeature.ENABLE_XSAVES,
                VmxFeature.UNRESTRICTED_GUEST);
        long secondary = of01(VmcsField.SECONDARY_VM_EXEC_CONTROL) & ~taken | c.secondary;
        if (!backend.ept()) {
            secondary &= ~VmxFeature.ENABLE_EPT.mask();
        }
        HardwareVmcs v = backend.vmcs02();
        if (v.vpid == 0) {
            secondary &= ~VmxFeature.ENABLE_VPID.mask();
        } else {
            secondary |= VmxFeature.ENABLE_VPID.mask();
            door.write(VmcsField.VIRTUAL_PROCESSOR_ID, v.vpid);
        }
        door.write(VmcsField.SECONDARY_VM_EXEC_CONTROL, secondary);
    }

    /** L0 needs #PF itself under shadow paging; else L1's mask and match decide. */
    private void exceptions(Controls12 c, Vmcs vmcs12) {
        long bitmap01 = of01(VmcsField.EXCEPTION_BITMAP);
        if ((bitmap01 >>> Vector.PF & 1) != 0) {
            door.write(VmcsField.PAGE_FAULT_ERROR_CODE_MASK, 0);
            door.write(VmcsField.PAGE_FAULT_ERROR_CODE_MATCH, 0);
        } else {
            door.write(VmcsField.PAGE_FAULT_ERROR_CODE_MASK, vmcs12.get(VmcsField.PAGE_FAULT_ERROR_CODE_MASK));
            door.write(VmcsField.PAGE_FAULT_ERROR_CODE_MATCH, vmcs12.get(VmcsField.PAGE_FAULT_ERROR_CODE_MATCH));
        }
        door.write(VmcsField.EXCEPTION_BITMAP, bitmap01 | c.exceptions);
    }

    /** An MSR passes only if both bitmaps let it pass. */
    private void msrs(Controls12 c, Vmcs vmcs12) {
        HostFrames frames = vmx.vcpu.hypervisor().host().frames();
        boolean used = c.primary(VmxFeature.MSR_BITMAPS);
        long map12 = vmcs12.get(VmcsField.MSR_BITMAP);
        for (int msr : PASSED) {
            for (int part : new int[] {HIGH_READ, HIGH_WRITE}) {
                int offset = part + (msr >>> 3);
                long bit = 1L << (msr & 7);
                boolean intercepted = !used || (vmx.cpu.physical.read(map12 + offset, 1) & bit) != 0;
                long old = frames.read(bitmap + offset, 1);
                frames.write(bitmap + offset, 1, intercepted ? old | bit : old & ~bit);
            }
        }
        door.write(VmcsField.MSR_BITMAP, bitmap);
    }
}

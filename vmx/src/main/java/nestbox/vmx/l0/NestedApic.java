package nestbox.vmx.l0;

import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.l0.NestedPolicy;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Cpu;

/**
 * L2's virtual APIC, as L1 has set it up: hardware virtualizes it on L1's own pages, which vmcs02 names by their host-physical
 * addresses; L0 processes posted interrupts (facts D.11; SDM Vol. 3, "APIC Virtualization and Virtual Interrupts").
 */
final class NestedApic {
    private static final int TPR = 0x80;
    private static final int PPR = 0xa0;
    private static final int IRR = 0x200;
    private static final int WORDS = 8;
    /** Byte of the posted-interrupt descriptor with the outstanding-notification bit, bit 256. */
    private static final int OUTSTANDING = 32;
    /** An address that no processor has: a page of vmcs12 that cannot be mapped makes hardware refuse the entry. */
    private static final long UNBACKED = -1L;

    private static final VmcsField[] EOI_EXITS = {
        VmcsField.EOI_EXIT_BITMAP0, VmcsField.EOI_EXIT_BITMAP1, VmcsField.EOI_EXIT_BITMAP2, VmcsField.EOI_EXIT_BITMAP3
    };

    /** The last descriptor that had memory, for the policy that goes on with it. */
    private long mappedDescriptor;

    private final NestedVmx vmx;
    private final Cpu cpu;

    NestedApic(NestedVmx vmx) {
        this.vmx = vmx;
        cpu = vmx.cpu;
    }

    void save(StateWriter out) {
        out.writeLong(mappedDescriptor);
    }

    void restore(StateReader in) {
        mappedDescriptor = in.readLong();
    }

    private long hpa(VmcsField field) {
        return vmx.vcpu.hypervisor().mmu().slots().toHpa(0, vmx.vmcs12.get(field));
    }

    /** Virtual-interrupt delivery in vmcs02. */
    void load() {
        VmcsDoor door = vmx.backend.door();
        if (vmx.controls.primary(VmxFeature.TPR_SHADOW)) {
            door.write(VmcsField.TPR_THRESHOLD, vmx.vmcs12.get(VmcsField.TPR_THRESHOLD));
        }
        if (delivers()) {
            for (VmcsField field : EOI_EXITS) {
                door.write(field, vmx.vmcs12.get(field));
            }
            door.write(VmcsField.GUEST_INTR_STATUS, vmx.vmcs12.get(VmcsField.GUEST_INTR_STATUS));
        }
    }

    /** L1's pages in vmcs02; false if the APIC-access page has no memory, so that L2 would see what is L1's device. */
    boolean mapPages() {
        if (hpa(VmcsField.POSTED_INTR_DESC_ADDR) >= 0) {
            mappedDescriptor = vmx.vmcs12.get(VmcsField.POSTED_INTR_DESC_ADDR);
        }
        VmcsDoor door = vmx.backend.door();
        if (vmx.controls.primary(VmxFeature.TPR_SHADOW)) {
            long page = hpa(VmcsField.VIRTUAL_APIC_PAGE_ADDR);
            if (page < 0 && dispensable()) {
                HardwareVmcs v = vmx.backend.vmcs02();
                v.primary &= ~VmxFeature.TPR_SHADOW.mask();
                door.write(VmcsField.CPU_BASED_VM_EXEC_CONTROL, v.primary);
            }
            door.write(VmcsField.VIRTUAL_APIC_PAGE_ADDR, page < 0 ? UNBACKED : page);
        }
        if (vmx.controls.secondary(VmxFeature.VIRTUALIZE_APIC_ACCESSES)) {
            long page = hpa(VmcsField.APIC_ACCESS_ADDR);
            if (page >= 0) {
                door.write(VmcsField.APIC_ACCESS_ADDR, page);
                return true;
            }
            if (vmx.vcpu.follows(NestedPolicy.VMCS02_APIC_ACCESS)) {
                return false;
            }
            long secondary = door.read(VmcsField.SECONDARY_VM_EXEC_CONTROL);
            door.write(VmcsField.SECONDARY_VM_EXEC_CONTROL, secondary & ~VmxFeature.VIRTUALIZE_APIC_ACCESSES.mask());
        }
        return true;
    }

    /** Nothing uses the virtual-APIC page: every access to CR8 leaves L2. */
    private boolean dispensable() {
        return vmx.controls.primary(VmxFeature.CR8_LOAD_EXITING)
                && vmx.controls.primary(VmxFeature.CR8_STORE_EXITING)
                && !vmx.controls.secondary(VmxFeature.VIRTUALIZE_APIC_ACCESSES);
    }

    private long descriptor() {
        if (hpa(VmcsField.POSTED_INTR_DESC_ADDR) >= 0) {
            return vmx.vmcs12.get(VmcsField.POSTED_INTR_DESC_ADDR);
        }
        if (vmx.vcpu.follows(NestedPolicy.POSTED_DESCRIPTOR)) {
            throw vmx.vcpu.giveUp("KVM_EXIT_INTERNAL_ERROR: the posted-interrupt descriptor of vmcs12 has no memory");
        }
        return mappedDescriptor;
    }

    /** L2 is left. */
    void save() {
        if (delivers()) {
            vmx.vmcs12.set(VmcsField.GUEST_INTR_STATUS, status());
        }
    }

    private boolean delivers() {
        return vmx.controls.secondary(VmxFeature.VIRTUAL_INTERRUPT_DELIVERY);
    }

    private long status() {
        return vmx.backend.door().read(VmcsField.GUEST_INTR_STATUS);
    }

    private long register(int offset) {
        return cpu.physical.read(vmx.vmcs12.get(VmcsField.VIRTUAL_APIC_PAGE_ADDR) + offset, 4);
    }

    int taskPriority() {
        return (int) register(TPR) & 0xff;
    }

    /** Whether a virtual interrupt is due that hardware would deliver to L2, so that its HLT ends. */
    boolean wakes() {
        return delivers() && (status() & 0xf0) > (register(PPR) & 0xf0);
    }

    /** Whether an interrupt that L1's APIC has acknowledged is the notification for L2; its requests are then L2's. */
    boolean posted(int vector) {
        if (!vmx.controls.pin(VmxFeature.POSTED_INTERRUPTS) || vector != vmx.vmcs12.get(VmcsField.POSTED_INTR_NV)) {
            return false;
        }
        long descriptor = descriptor();
        cpu.apic.endOfInterrupt();
        cpu.physical.write(descriptor + OUTSTANDING, 1, cpu.physical.read(descriptor + OUTSTANDING, 1) & ~1L);
        long page = vmx.vmcs12.get(VmcsField.VIRTUAL_APIC_PAGE_ADDR);
        int highest = 0;
        for (int i = 0; i < WORDS; i++) {
            long requests = cpu.physical.read(descriptor + 4L * i, 4) & 0xffffffffL;
            if (requests != 0) {
                cpu.physical.write(descriptor + 4L * i, 4, 0);
                long at = page + IRR + 16L * i;
                cpu.physical.write(at, 4, cpu.physical.read(at, 4) | requests);
                highest = 32 * i + 63 - Long.numberOfLeadingZeros(requests);
            }
        }
        long status = status();
        if (highest > (status & 0xff)) {
            vmx.backend.door().write(VmcsField.GUEST_INTR_STATUS, status & ~0xffL | highest);
        }
        cpu.ticks++;
        return true;
    }
}

package nestbox.vmx.l0;

import java.util.ArrayList;
import java.util.List;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.vmcs.ExitReason;
import nestbox.vmx.vmcs.Vmcs;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Cpu;
import nestbox.x86.VirtualizationExtension;

/**
 * For tests: whether vmcs12, vmcs02 as L0 remembers it, vmcs02 as hardware has it, and the shadow VMCS agree while L1 runs. Nothing is
 * changed: hardware's copies are read from the regions that making vmcs01 current has written them back to.
 */
public final class NestedVmxInvariants {
    /** Saved by hardware as L2 had it, whatever L0 wants intercepted and virtualized. */
    private static final VmcsField[] REGISTERS = {
        VmcsField.GUEST_RIP,
        VmcsField.GUEST_RSP,
        VmcsField.GUEST_RFLAGS,
        VmcsField.GUEST_GDTR_BASE,
        VmcsField.GUEST_GDTR_LIMIT,
        VmcsField.GUEST_IDTR_BASE,
        VmcsField.GUEST_IDTR_LIMIT,
        VmcsField.GUEST_SYSENTER_CS,
        VmcsField.GUEST_SYSENTER_ESP,
        VmcsField.GUEST_SYSENTER_EIP,
        VmcsField.GUEST_ACTIVITY_STATE
    };

    private NestedVmxInvariants() {}

    /**
     * What does not agree, a line each; nothing while L2 runs.
     *
     * @param extension of a processor that L0 shows to L1
     * @param byHardware L1 is about to run behind an exit from L2 that was hardware's own, and neither it nor L0 has done anything
     *     since: what L1 reads of L2 is what hardware saved
     */
    public static List<String> broken(VirtualizationExtension extension, boolean byHardware) {
        List<String> wrong = new ArrayList<>();
        if (!(extension instanceof NestedVmx vmx) || vmx.vmcs12 == null || vmx.guest) {
            return wrong;
        }
        HardwareVmcs vmcs02 = vmx.backend.vmcs02();
        // L1 is about to run: L0 would do that next.
        vmx.backend.door().settle();
        Vmcs held = NestedVmx.region(vmcs02.region);
        held.load(vmx.vcpu.hypervisor().host().memory());
        for (VmcsField field : VmcsField.values()) {
            int i = field.ordinal();
            if (vmcs02.known[i] && vmcs02.values[i] != held.get(field)) {
                wrong.add(line("L0's memory of vmcs02", field, vmcs02.values[i], "hardware", held.get(field)));
            }
        }
        vmx.shadowing.disagreements(wrong);
        if (byHardware) {
            same(vmx, held, wrong);
        }
        return wrong;
    }

    /** What L1 reads of L2 is what hardware saved. */
    private static void same(NestedVmx vmx, Vmcs held, List<String> wrong) {
        for (VmcsField field : REGISTERS) {
            compare(vmx, held, field, wrong);
        }
        // Else hardware runs real mode as virtual-8086 mode, or a CR3 that is L0's.
        if ((vmx.vmcs12.get(VmcsField.GUEST_CR0) & Cpu.CR0_PE) != 0) {
            for (int i = 0; i < VmxGuestState.SELECTOR.length; i++) {
                compare(vmx, held, VmxGuestState.SELECTOR[i], wrong);
                compare(vmx, held, VmxGuestState.BASE[i], wrong);
                compare(vmx, held, VmxGuestState.LIMIT[i], wrong);
            }
        }
        if (vmx.backend.ept()) {
            compare(vmx, held, VmcsField.GUEST_CR3, wrong);
        }
        if (vmx.controls.exit(VmxFeature.SAVE_DEBUG_CONTROLS)) {
            compare(vmx, held, VmcsField.GUEST_DR7, wrong);
        }
        int reason = (int) vmx.vmcs12.get(VmcsField.VM_EXIT_REASON) & 0xffff;
        compare(vmx, held, VmcsField.VM_EXIT_REASON, wrong);
        // An interrupt is of L1's own APIC: hardware had one of L0's.
        if (reason != ExitReason.EXTERNAL_INTERRUPT.number()) {
            compare(vmx, held, VmcsField.VM_EXIT_INTR_INFO, wrong);
        }
        if (reason != ExitReason.EPT_VIOLATION.number() && reason != ExitReason.EPT_MISCONFIG.number()) {
            compare(vmx, held, VmcsField.EXIT_QUALIFICATION, wrong);
        }
    }

    private static void compare(NestedVmx vmx, Vmcs held, VmcsField field, List<String> wrong) {
        if (!vmx.rare.onlyInHardware(field) && vmx.vmcs12.get(field) != held.get(field)) {
            wrong.add(line("vmcs12", field, vmx.vmcs12.get(field), "hardware", held.get(field)));
        }
    }

    static String line(String one, VmcsField field, long here, String other, long there) {
        return String.format("%s has %s = %#x, %s %#x", one, field, here, other, there);
    }
}

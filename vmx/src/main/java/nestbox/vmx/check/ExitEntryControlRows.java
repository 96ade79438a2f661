package nestbox.vmx.check;

import java.util.List;
import nestbox.vmx.capability.CapabilityWord;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.vmcs.VmcsField;

/** SDM Vol. 3, "VM-Exit Control Fields" and "VM-Entry Control Fields" (of "Checks on VMX Controls"), less event injection. */
final class ExitEntryControlRows {
    private ExitEntryControlRows() {}

    static List<CheckRow> exit() {
        return new Rows(CheckGroup.EXIT_CONTROLS, Failure.CONTROLS)
                .add(
                        "exit.reserved",
                        List.of(VmcsField.VM_EXIT_CONTROLS),
                        "the VM-exit controls have allowed settings",
                        c -> allowed(c, CapabilityWord.EXIT))
                .add(
                        "exit.secondary.reserved",
                        List.of(VmcsField.SECONDARY_VM_EXIT_CONTROLS),
                        "if \"activate secondary controls\" is 1: reserved secondary VM-exit controls are 0",
                        c -> allowed(c, CapabilityWord.EXIT2))
                .excludes("exit.preemption-timer", VmxFeature.PREEMPTION_TIMER, VmxFeature.SAVE_PREEMPTION_TIMER)
                .msrArea("exit.msr-store", VmcsField.VM_EXIT_MSR_STORE_ADDR, VmcsField.VM_EXIT_MSR_STORE_COUNT)
                .msrArea("exit.msr-load", VmcsField.VM_EXIT_MSR_LOAD_ADDR, VmcsField.VM_EXIT_MSR_LOAD_COUNT)
                .list();
    }

    static List<CheckRow> entry() {
        return new Rows(CheckGroup.ENTRY_CONTROLS, Failure.CONTROLS)
                .add(
                        "entry.reserved",
                        List.of(VmcsField.VM_ENTRY_CONTROLS),
                        "the VM-entry controls have allowed settings",
                        c -> allowed(c, CapabilityWord.ENTRY))
                .msrArea("entry.msr-load", VmcsField.VM_ENTRY_MSR_LOAD_ADDR, VmcsField.VM_ENTRY_MSR_LOAD_COUNT)
                .add(
                        "entry.smm.outside",
                        List.of(),
                        "outside SMM, \"entry to SMM\" and \"deactivate dual-monitor treatment\" are 0",
                        c -> c.inSmm() || !c.on(VmxFeature.ENTRY_TO_SMM) && !c.on(VmxFeature.DEACTIVATE_DUAL_MONITOR))
                .reads(CpuState.SMM)
                .add(
                        "entry.smm.both",
                        List.of(),
                        "\"entry to SMM\" and \"deactivate dual-monitor treatment\" are not both 1",
                        c -> !c.on(VmxFeature.ENTRY_TO_SMM) || !c.on(VmxFeature.DEACTIVATE_DUAL_MONITOR))
                .list();
    }

    private static boolean allowed(CheckContext c, CapabilityWord word) {
        return c.model().capability().allows(word, c.word(word));
    }
}

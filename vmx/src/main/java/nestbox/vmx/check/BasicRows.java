package nestbox.vmx.check;

import java.util.List;
import java.util.function.Predicate;
import nestbox.vmx.vmcs.InstructionError;

/** SDM Vol. 3, "Basic VM-Entry Checks", less the exceptions; these alone have an order. */
final class BasicRows {
    private BasicRows() {}

    static List<CheckRow> rows() {
        return new Rows(CheckGroup.BASIC, Failure.INVALID)
                .add("basic.no-vmcs", List.of(), "there is a current VMCS", CheckContext::hasCurrentVmcs)
                .reads(CpuState.CURRENT_VMCS)
                .add("basic.shadow", List.of(), "the current VMCS is not a shadow VMCS", c -> !c.currentIsShadow())
                .reads(CpuState.CURRENT_VMCS)
                .add(row(
                        "basic.mov-ss",
                        InstructionError.ENTRY_MOV_SS,
                        "events are not blocked by MOV SS",
                        CpuState.MOV_SS_BLOCKING,
                        CheckContext::movSsBlocking))
                .add(row(
                        "basic.launch",
                        InstructionError.VMLAUNCH_NOT_CLEAR,
                        "VMLAUNCH finds the launch state clear",
                        CpuState.CURRENT_VMCS,
                        c -> c.launching() && c.launched()))
                .add(row(
                        "basic.resume",
                        InstructionError.VMRESUME_NOT_LAUNCHED,
                        "VMRESUME finds the launch state launched",
                        CpuState.CURRENT_VMCS,
                        c -> !c.launching() && !c.launched()))
                .list();
    }

    /** Without a current VMCS there is no place for an error number: such a row cannot fail. */
    private static CheckRow row(
            String id, InstructionError error, String rule, CpuState state, Predicate<CheckContext> fails) {
        return CheckRow.of(
                        id,
                        CheckGroup.BASIC,
                        Failure.valid(error),
                        List.of(),
                        rule,
                        c -> !c.hasCurrentVmcs() || c.currentIsShadow() || !fails.test(c))
                .reads(CpuState.CURRENT_VMCS, state);
    }
}

package nestbox.vmx.check;

import java.util.List;
import java.util.function.Predicate;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.vmcs.InterruptionType;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Cpu;
import nestbox.x86.Vector;

/** SDM Vol. 3, "VM-Entry Control Fields" (of "Checks on VMX Controls"): the fields relevant to event injection. */
final class InjectionRows {
    private static final long RESERVED = 0x7fff_f000L;
    private static final long ERROR_CODE_RESERVED = 0xffff_0000L;
    private static final int LONGEST_INSTRUCTION = 15;

    /** Vectors of the exceptions that deliver an error code. */
    private static final int WITH_ERROR_CODE = 1 << Vector.DF
            | 1 << Vector.TS
            | 1 << Vector.NP
            | 1 << Vector.SS
            | 1 << Vector.GP
            | 1 << Vector.PF
            | 1 << Vector.AC;

    private InjectionRows() {}

    static List<CheckRow> rows() {
        return new Rows(CheckGroup.EVENT_INJECTION, Failure.CONTROLS)
                .add(
                        "inject.type",
                        VmcsField.VM_ENTRY_INTR_INFO,
                        "the interruption type is not 1, and not 7 without support of \"monitor trap flag\"",
                        valid(c -> type(c) != InterruptionType.RESERVED
                                && (type(c) != InterruptionType.OTHER_EVENT
                                        || c.model().has(VmxFeature.MONITOR_TRAP_FLAG))))
                .add(
                        "inject.vector.nmi",
                        VmcsField.VM_ENTRY_INTR_INFO,
                        "the vector of an NMI is 2",
                        valid(c -> type(c) != InterruptionType.NMI || vector(c) == Vector.NMI))
                .add(
                        "inject.vector.exception",
                        VmcsField.VM_ENTRY_INTR_INFO,
                        "the vector of a hardware exception is at most 31",
                        valid(c -> type(c) != InterruptionType.HARDWARE_EXCEPTION || vector(c) <= 31))
                .add(
                        "inject.vector.other",
                        VmcsField.VM_ENTRY_INTR_INFO,
                        "the vector of an other event is 0",
                        valid(c -> type(c) != InterruptionType.OTHER_EVENT || vector(c) == 0))
                .add(
                        "inject.error-code.delivery",
                        List.of(VmcsField.VM_ENTRY_INTR_INFO, VmcsField.GUEST_CR0),
                        "an error code is delivered if and only if the guest is in protected mode and the event is a hardware"
                                + " exception that delivers one; IA32_VMX_BASIC[56] frees hardware exceptions of this",
                        valid(InjectionRows::errorCodeFits))
                .add(
                        "inject.reserved",
                        VmcsField.VM_ENTRY_INTR_INFO,
                        "bits 30:12 are 0",
                        valid(c -> !c.any(VmcsField.VM_ENTRY_INTR_INFO, RESERVED)))
                .add(
                        "inject.error-code.value",
                        List.of(VmcsField.VM_ENTRY_INTR_INFO, VmcsField.VM_ENTRY_EXCEPTION_ERROR_CODE),
                        "if an error code is delivered, its bits 31:16 are 0",
                        valid(c -> !c.any(VmcsField.VM_ENTRY_INTR_INFO, InterruptionType.ERROR_CODE)
                                || !c.any(VmcsField.VM_ENTRY_EXCEPTION_ERROR_CODE, ERROR_CODE_RESERVED)))
                .add(
                        "inject.instruction-length",
                        List.of(VmcsField.VM_ENTRY_INTR_INFO, VmcsField.VM_ENTRY_INSTRUCTION_LEN),
                        "the instruction length of a software event is 1 to 15; 0 is allowed if IA32_VMX_MISC[30] is 1",
                        valid(InjectionRows::lengthFits))
                .list();
    }

    private static Predicate<CheckContext> valid(Predicate<CheckContext> holds) {
        return c -> !InterruptionType.valid(c.get(VmcsField.VM_ENTRY_INTR_INFO)) || holds.test(c);
    }

    private static int type(CheckContext c) {
        return InterruptionType.type(c.get(VmcsField.VM_ENTRY_INTR_INFO));
    }

    private static int vector(CheckContext c) {
        return InterruptionType.vector(c.get(VmcsField.VM_ENTRY_INTR_INFO));
    }

    private static boolean errorCodeFits(CheckContext c) {
        boolean delivers = c.any(VmcsField.VM_ENTRY_INTR_INFO, InterruptionType.ERROR_CODE);
        boolean may = type(c) == InterruptionType.HARDWARE_EXCEPTION
                && (!c.on(VmxFeature.UNRESTRICTED_GUEST) || c.any(VmcsField.GUEST_CR0, Cpu.CR0_PE));
        if (may && c.model().has(VmxFeature.ANY_ERROR_CODE)) {
            return true;
        }
        boolean must = may && vector(c) < 32 && (WITH_ERROR_CODE >>> vector(c) & 1) != 0;
        return delivers == must;
    }

    private static boolean lengthFits(CheckContext c) {
        return switch (type(c)) {
            case InterruptionType.SOFTWARE_INTERRUPT,
                    InterruptionType.PRIVILEGED_SOFTWARE_EXCEPTION,
                    InterruptionType.SOFTWARE_EXCEPTION -> {
                long length = c.get(VmcsField.VM_ENTRY_INSTRUCTION_LEN);
                long least = c.model().has(VmxFeature.ZERO_LENGTH_INJECTION) ? 0 : 1;
                yield length >= least && length <= LONGEST_INSTRUCTION;
            }
            default -> true;
        };
    }
}

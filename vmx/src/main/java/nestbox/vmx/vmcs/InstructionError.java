package nestbox.vmx.vmcs;

/** VM-instruction error numbers (SDM Vol. 3, section "VM Instruction Error Numbers"). */
public enum InstructionError {
    VMCALL_IN_ROOT(1, "VMCALL executed in VMX root operation"),
    VMCLEAR_ADDRESS(2, "VMCLEAR with invalid physical address"),
    VMCLEAR_VMXON_POINTER(3, "VMCLEAR with VMXON pointer"),
    VMLAUNCH_NOT_CLEAR(4, "VMLAUNCH with non-clear VMCS"),
    VMRESUME_NOT_LAUNCHED(5, "VMRESUME with non-launched VMCS"),
    VMRESUME_AFTER_VMXOFF(6, "VMRESUME after VMXOFF"),
    ENTRY_CONTROLS(7, "VM entry with invalid control fields"),
    ENTRY_HOST_STATE(8, "VM entry with invalid host-state fields"),
    VMPTRLD_ADDRESS(9, "VMPTRLD with invalid physical address"),
    VMPTRLD_VMXON_POINTER(10, "VMPTRLD with VMXON pointer"),
    VMPTRLD_REVISION(11, "VMPTRLD with incorrect VMCS revision identifier"),
    UNSUPPORTED_COMPONENT(12, "VMREAD or VMWRITE of an unsupported VMCS component"),
    READ_ONLY_COMPONENT(13, "VMWRITE to a read-only VMCS component"),
    VMXON_IN_ROOT(15, "VMXON executed in VMX root operation"),
    ENTRY_EXECUTIVE_POINTER(16, "VM entry with invalid executive-VMCS pointer"),
    ENTRY_EXECUTIVE_NOT_LAUNCHED(17, "VM entry with non-launched executive VMCS"),
    ENTRY_EXECUTIVE_NOT_VMXON(18, "VM entry with executive-VMCS pointer that is not the VMXON pointer"),
    VMCALL_NOT_CLEAR(19, "VMCALL with non-clear VMCS"),
    VMCALL_EXIT_CONTROLS(20, "VMCALL with invalid VM-exit control fields"),
    VMCALL_MSEG_REVISION(22, "VMCALL with incorrect MSEG revision identifier"),
    VMXOFF_DUAL_MONITOR(23, "VMXOFF under dual-monitor treatment of SMIs and SMM"),
    VMCALL_SMM_MONITOR(24, "VMCALL with invalid SMM-monitor features"),
    ENTRY_EXECUTIVE_CONTROLS(25, "VM entry with invalid VM-execution control fields in the executive VMCS"),
    ENTRY_MOV_SS(26, "VM entry with events blocked by MOV SS"),
    INVALIDATION_OPERAND(28, "invalid operand to INVEPT or INVVPID");

    private final int number;
    private final String text;

    InstructionError(int number, String text) {
        this.number = number;
        this.text = text;
    }

    public int number() {
        return number;
    }

    public String text() {
        return text;
    }
}

package nestbox.vmx.check;

/** State outside the VMCS that a check row reads. */
public enum CpuState {
    /** EFER.LMA when the entry is attempted. */
    IA32E_MODE,
    /** Whether the processor is in system-management mode. */
    SMM,
    /** Blocking by MOV SS when the entry is attempted. */
    MOV_SS_BLOCKING,
    /** Which VMCS is current, its launch state, and whether VMLAUNCH or VMRESUME is executed. */
    CURRENT_VMCS,
    /** Physical memory that a field points at. */
    MEMORY,
    /** The reserved bits of MSRs, which the model fixes. */
    MSRS
}

package nestbox.vmx.vmcs;

/** VMX-abort indicators (SDM Vol. 3, section "VMX Aborts"). */
public enum AbortIndicator {
    SAVING_GUEST_MSRS(1),
    HOST_PDPTES(2),
    VMCS_CORRUPTED(3),
    LOADING_HOST_MSRS(4),
    MACHINE_CHECK(5),
    HOST_32_BIT_FROM_IA32E(6);

    private final int number;

    AbortIndicator(int number) {
        this.number = number;
    }

    public int number() {
        return number;
    }
}

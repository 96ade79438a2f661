package nestbox.vmx.vmcs;

/** Exit qualifications of exit 33 (SDM Vol. 3, "VM-Entry Failures During or After Loading Guest State"). */
public final class EntryFailureQualification {
    public static final int DEFAULT = 0;
    public static final int PDPTE = 2;
    public static final int NMI_BLOCKED_BY_STI = 3;
    public static final int VMCS_LINK_POINTER = 4;

    private EntryFailureQualification() {}
}

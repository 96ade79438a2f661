package nestbox.vmx.vmcs;

/** A processor with VMX, the silicon's own or the one that L0 shows L1, as observers see it. */
public interface CurrentVmcs {
    /** The current VMCS, or null. Its values are the processor's copy, which memory need not agree with. */
    Vmcs currentVmcs();

    /** The VMXON pointer, or -1 outside VMX operation. */
    long vmxonPointer();

    /** In VMX non-root operation: L2 runs. */
    boolean nonRoot();
}

package nestbox.vmx.l0;

import nestbox.vmx.vmcs.VmcsField;

/**
 * One VMCS that L0 gives to the processor: vmcs01 or vmcs02. Values that L0 has written or read are remembered, so that a field
 * is written only when it changes.
 */
final class HardwareVmcs {
    final long region;
    /** Its own, 0 if the silicon has none. */
    final int vpid;
    /** With which its guest runs: vmcs02 has that of vmcs01 if L1 gave its guest none. */
    int runsWith;

    final long[] values = new long[VmcsField.count()];
    final boolean[] known = new boolean[VmcsField.count()];
    boolean launched;
    /** The host-state area is written. */
    boolean hostWritten;
    /** Control words as they are in the fields. */
    long primary;

    long entryControls;
    long eptp;

    HardwareVmcs(long region, int vpid) {
        this.region = region;
        this.vpid = vpid;
        runsWith = vpid;
    }

    void forgetAll() {
        java.util.Arrays.fill(known, false);
        launched = false;
        hostWritten = false;
        eptp = 0;
    }
}

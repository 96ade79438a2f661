package nestbox.vmx.l0;

import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.vmx.vmcs.Vmcs;

/** L0's copy of a VMCS of the guest in saved state, or that there is none. */
final class OptionalVmcs {
    private OptionalVmcs() {}

    static void save(Vmcs vmcs, StateWriter out) {
        out.writeLong(vmcs == null ? NestedVmx.NONE : vmcs.address());
        if (vmcs != null) {
            vmcs.save(out);
        }
    }

    static Vmcs restore(StateReader in) {
        long address = in.readLong();
        if (address == NestedVmx.NONE) {
            return null;
        }
        Vmcs vmcs = NestedVmx.region(address);
        vmcs.restore(in);
        return vmcs;
    }
}

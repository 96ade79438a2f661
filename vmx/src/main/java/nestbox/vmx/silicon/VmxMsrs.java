package nestbox.vmx.silicon;

import java.util.ArrayList;
import java.util.List;
import nestbox.vmx.capability.VmxCapability;
import nestbox.x86.system.Msr;

/** The capability MSRs, read-only (SDM Vol. 3, Appendix "VMX Capability Reporting Facility"). */
final class VmxMsrs {
    private VmxMsrs() {}

    static List<Msr> rows(VmxCapability capability) {
        List<Msr> rows = new ArrayList<>();
        for (int index = VmxCapability.MSR_BASIC; index <= VmxCapability.MSR_EXIT_CTLS2; index++) {
            if (capability.hasMsr(index)) {
                long value = capability.msr(index);
                rows.add(Msr.of(index, "VMX_" + Integer.toHexString(index), f -> true)
                        .reset(f -> value));
            }
        }
        return rows;
    }
}

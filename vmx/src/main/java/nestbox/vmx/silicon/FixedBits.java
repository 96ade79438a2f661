package nestbox.vmx.silicon;

import nestbox.vmx.capability.VmxCapability;
import nestbox.x86.Cpu;

/** CR0 and CR4 bits that VMX operation fixes (SDM Vol. 3, "Restrictions on VMX Operation"; Appendix "VMX-Fixed Bits in CR0"). */
final class FixedBits {
    private static final long FREE_FOR_UNRESTRICTED = Cpu.CR0_PE | Cpu.CR0_PG;

    private final VmxCapability capability;

    FixedBits(VmxCapability capability) {
        this.capability = capability;
    }

    boolean holdsInRoot(long cr0, long cr4) {
        return cr0(cr0, false) && cr4(cr4);
    }

    boolean cr0(long value, boolean unrestricted) {
        long must = capability.cr0Fixed0() & ~(unrestricted ? FREE_FOR_UNRESTRICTED : 0);
        return (must & ~value) == 0 && (value & ~capability.cr0Fixed1()) == 0;
    }

    /** The value with its fixed bits as VMX operation wants them. */
    long forceCr0(long value, boolean unrestricted) {
        long must = capability.cr0Fixed0() & ~(unrestricted ? FREE_FOR_UNRESTRICTED : 0);
        return (value | must) & capability.cr0Fixed1();
    }

    long forceCr4(long value) {
        return (value | capability.cr4Fixed0()) & capability.cr4Fixed1();
    }

    boolean cr4(long value) {
        return (capability.cr4Fixed0() & ~value) == 0 && (value & ~capability.cr4Fixed1()) == 0;
    }
}

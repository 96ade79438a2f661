package nestbox.vmx.capability;

import nestbox.x86.Cpu;

/** CR0 and CR4 bits that VMX operation fixes (SDM Vol. 3, "Restrictions on VMX Operation"; Appendix "VMX-Fixed Bits in CR0"). */
public final class FixedBits {
    private static final long FREE_FOR_UNRESTRICTED = Cpu.CR0_PE | Cpu.CR0_PG;

    private final VmxCapability capability;

    public FixedBits(VmxCapability capability) {
        this.capability = capability;
    }

    /** Whether VMX root operation may have both. */
    public boolean holdsInRoot(long cr0, long cr4) {
        return cr0(cr0, false) && cr4(cr4);
    }

    /** Whether VMX operation may have the value in CR0. */
    public boolean cr0(long value, boolean unrestricted) {
        long must = capability.cr0Fixed0() & ~(unrestricted ? FREE_FOR_UNRESTRICTED : 0);
        return (must & ~value) == 0 && (value & ~capability.cr0Fixed1()) == 0;
    }

    /** CR0 with its fixed bits as VMX operation wants them. */
    public long forceCr0(long value, boolean unrestricted) {
        long must = capability.cr0Fixed0() & ~(unrestricted ? FREE_FOR_UNRESTRICTED : 0);
        return (value | must) & capability.cr0Fixed1();
    }

    /** CR4 with its fixed bits as VMX operation wants them. */
    public long forceCr4(long value) {
        return (value | capability.cr4Fixed0()) & capability.cr4Fixed1();
    }

    /** Whether VMX operation may have the value in CR4. */
    public boolean cr4(long value) {
        return (capability.cr4Fixed0() & ~value) == 0 && (value & ~capability.cr4Fixed1()) == 0;
    }
}

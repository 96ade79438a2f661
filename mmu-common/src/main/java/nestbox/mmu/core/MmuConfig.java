package nestbox.mmu.core;

import java.util.ArrayList;
import java.util.List;
import nestbox.core.NestboxException;

/**
 * How the MMU core of one virtual machine works. Immutable; {@link #toBuilder} derives others.
 *
 * @param tdp EPT or nested paging; else shadow paging
 * @param format tables that hardware walks (with shadow paging: for guests in IA-32e mode)
 * @param physBits the host's MAXPHYADDR
 * @param accessedDirty EPT: use accessed and dirty flags; the other formats always have them
 * @param executeOnly EPT: hardware has execute-only mappings
 * @param largePages map 2 MiB where slots allow it
 * @param gigabytePages map 1 GiB where slots allow it
 * @param mmioCaching write MMIO SPTEs; off, too, if the host's addresses leave no reserved bit
 * @param softwareProtected the hypervisor enforces private pages itself (KVM_X86_SW_PROTECTED_VM)
 * @param reference the reference MMU: 4-KiB pages only, nothing out of sync, and {@link MmuVcpu#instructionBoundary} drops
 *     everything
 * @param policies choices at each policy point
 */
public record MmuConfig(
        boolean tdp,
        HostFormat format,
        int physBits,
        boolean accessedDirty,
        boolean executeOnly,
        boolean largePages,
        boolean gigabytePages,
        boolean mmioCaching,
        boolean softwareProtected,
        boolean reference,
        MmuPolicies policies) {

    /** EPT with 4 levels, all page sizes, and the exact policies. */
    public static MmuConfig ept(int physBits) {
        return new MmuConfig(
                true, HostFormat.EPT_4, physBits, true, true, true, true, true, false, false, MmuPolicies.exact());
    }

    /** Nested paging with 4 levels, all page sizes, and the exact policies. */
    public static MmuConfig npt(int physBits) {
        return new MmuConfig(
                true, HostFormat.CLASSIC_4, physBits, true, false, true, true, true, false, false, MmuPolicies.exact());
    }

    /** Shadow paging with up to 4 levels, all page sizes, and the exact policies. */
    public static MmuConfig shadow(int physBits) {
        return new MmuConfig(
                false,
                HostFormat.CLASSIC_4,
                physBits,
                true,
                false,
                true,
                true,
                true,
                false,
                false,
                MmuPolicies.exact());
    }

    public Builder toBuilder() {
        return new Builder(this);
    }

    /** Changes some of a configuration's values. */
    public static final class Builder {
        private boolean tdp;
        private HostFormat format;
        private int physBits;
        private boolean accessedDirty;
        private boolean executeOnly;
        private boolean largePages;
        private boolean gigabytePages;
        private boolean mmioCaching;
        private boolean softwareProtected;
        private boolean reference;
        private MmuPolicies policies;

        private Builder(MmuConfig from) {
            tdp = from.tdp;
            format = from.format;
            physBits = from.physBits;
            accessedDirty = from.accessedDirty;
            executeOnly = from.executeOnly;
            largePages = from.largePages;
            gigabytePages = from.gigabytePages;
            mmioCaching = from.mmioCaching;
            softwareProtected = from.softwareProtected;
            reference = from.reference;
            policies = from.policies;
        }

        public Builder tdp(boolean value) {
            tdp = value;
            return this;
        }

        public Builder format(HostFormat value) {
            format = value;
            return this;
        }

        public Builder physBits(int value) {
            physBits = value;
            return this;
        }

        public Builder accessedDirty(boolean value) {
            accessedDirty = value;
            return this;
        }

        public Builder executeOnly(boolean value) {
            executeOnly = value;
            return this;
        }

        public Builder largePages(boolean value) {
            largePages = value;
            return this;
        }

        public Builder gigabytePages(boolean value) {
            gigabytePages = value;
            return this;
        }

        public Builder mmioCaching(boolean value) {
            mmioCaching = value;
            return this;
        }

        public Builder softwareProtected(boolean value) {
            softwareProtected = value;
            return this;
        }

        public Builder reference(boolean value) {
            reference = value;
            return this;
        }

        public Builder policies(MmuPolicies value) {
            policies = value;
            return this;
        }

        /** @throws NestboxException with all reasons if the combination is impossible */
        public MmuConfig build() {
            List<String> reasons = new ArrayList<>();
            if (!tdp && format.ept()) {
                reasons.add("shadow tables cannot have the EPT format");
            }
            if (gigabytePages && !largePages) {
                reasons.add("1-GiB pages need 2-MiB pages");
            }
            if (physBits < 32 || physBits > 52) {
                reasons.add("physBits " + physBits + " is not between 32 and 52");
            }
            if (!reasons.isEmpty()) {
                throw new NestboxException("mmu", String.join("; ", reasons));
            }
            return new MmuConfig(
                    tdp,
                    format,
                    physBits,
                    accessedDirty,
                    executeOnly,
                    largePages,
                    gigabytePages,
                    mmioCaching,
                    softwareProtected,
                    reference,
                    policies);
        }
    }
}

package nestbox.l0;

import nestbox.mmu.core.MmuPolicies;
import nestbox.x86.Cpu;
import nestbox.x86.VirtualizationProvider;
import nestbox.x86.model.CpuFeatures;

/**
 * What L0 stands on and how it works. Immutable.
 *
 * @param silicon CPU model of the host's processors
 * @param virtualization plugs VMX or SVM into them
 * @param ports makes their memory ports: translation caches with a retention policy
 * @param blocks the block interpreter executes, else the reference engine
 * @param blockSize longest block
 * @param seed of every choice that is L0's
 * @param tdp EPT or nested paging, else shadow paging
 * @param reference the reference MMU instead of the shadow or TDP MMU
 * @param forcedEmulation UD2 with the signature of kvm-unit-tests emulates the instruction behind it
 *     (KVM's {@code force_emulation_prefix})
 * @param policies of the MMU
 * @param nested policies of nesting
 * @param injections steps of nested entries that are made to fail
 * @param yields who runs at L0's yield points
 */
public record L0Config(
        CpuFeatures silicon,
        VirtualizationProvider virtualization,
        Cpu.PortFactory ports,
        boolean blocks,
        int blockSize,
        long seed,
        boolean tdp,
        boolean reference,
        boolean forcedEmulation,
        MmuPolicies policies,
        NestedPolicies nested,
        EntryInjections injections,
        YieldPlan yields) {
    private static final int BLOCK_SIZE = 64;

    /** TDP, the block interpreter, every policy exact. */
    public static Builder builder(CpuFeatures silicon, VirtualizationProvider virtualization, Cpu.PortFactory ports) {
        return new Builder(new L0Config(
                silicon,
                virtualization,
                ports,
                true,
                BLOCK_SIZE,
                0,
                true,
                false,
                false,
                MmuPolicies.exact(),
                NestedPolicies.exact(),
                EntryInjections.none(),
                YieldPlan.none()));
    }

    public Builder toBuilder() {
        return new Builder(this);
    }

    /** Changes some of a configuration's values. */
    public static final class Builder {
        private CpuFeatures silicon;
        private VirtualizationProvider virtualization;
        private Cpu.PortFactory ports;
        private boolean blocks;
        private int blockSize;
        private long seed;
        private boolean tdp;
        private boolean reference;
        private boolean forcedEmulation;
        private MmuPolicies policies;
        private NestedPolicies nested;
        private EntryInjections injections;
        private YieldPlan yields;

        private Builder(L0Config from) {
            silicon = from.silicon;
            virtualization = from.virtualization;
            ports = from.ports;
            blocks = from.blocks;
            blockSize = from.blockSize;
            seed = from.seed;
            tdp = from.tdp;
            reference = from.reference;
            forcedEmulation = from.forcedEmulation;
            policies = from.policies;
            nested = from.nested;
            injections = from.injections;
            yields = from.yields;
        }

        public Builder silicon(CpuFeatures value) {
            silicon = value;
            return this;
        }

        public Builder virtualization(VirtualizationProvider value) {
            virtualization = value;
            return this;
        }

        public Builder ports(Cpu.PortFactory value) {
            ports = value;
            return this;
        }

        public Builder blocks(boolean value) {
            blocks = value;
            return this;
        }

        public Builder blockSize(int value) {
            blockSize = value;
            return this;
        }

        public Builder seed(long value) {
            seed = value;
            return this;
        }

        public Builder tdp(boolean value) {
            tdp = value;
            return this;
        }

        public Builder reference(boolean value) {
            reference = value;
            return this;
        }

        public Builder forcedEmulation(boolean value) {
            forcedEmulation = value;
            return this;
        }

        public Builder policies(MmuPolicies value) {
            policies = value;
            return this;
        }

        public Builder nested(NestedPolicies value) {
            nested = value;
            return this;
        }

        public Builder injections(EntryInjections value) {
            injections = value;
            return this;
        }

        public Builder yields(YieldPlan value) {
            yields = value;
            return this;
        }

        public L0Config build() {
            return new L0Config(
                    silicon,
                    virtualization,
                    ports,
                    blocks,
                    blockSize,
                    seed,
                    tdp,
                    reference,
                    forcedEmulation,
                    policies,
                    nested,
                    injections,
                    yields);
        }
    }
}

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
        EntryInjections injections) {}

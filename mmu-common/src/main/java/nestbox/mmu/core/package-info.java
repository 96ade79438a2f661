/**
 * The hypervisor's MMU core, vendor-neutral and after KVM: memory slots, shadow pages, roots, the MMIO cache, guest events and
 * page faults. {@link nestbox.mmu.core.MmuVm} belongs to a virtual machine, {@link nestbox.mmu.core.MmuVcpu} to each of its
 * processors. The core sees the rest of the hypervisor through {@link nestbox.mmu.core.GuestContext},
 * {@link nestbox.mmu.core.Requests} and {@link nestbox.mmu.core.HostFrames}; what hardware must forget comes back as an
 * {@link nestbox.mmu.core.Invalidation} or as a {@link nestbox.mmu.core.Request}, and a fault to inject as a value.
 *
 * <p>Words are KVM's: a <i>gfn</i> is a guest-physical address without its low 12 bits, an <i>SPTE</i> an entry of a table that
 * hardware walks, a <i>gpte</i> an entry of a table that the guest wrote, a <i>root</i> what hardware's CR3, nCR3 or EPTP
 * points to, <i>TDP</i> is EPT or NPT.
 */
package nestbox.mmu.core;

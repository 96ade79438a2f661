package nestbox.mmu.core;

import nestbox.core.StateReader;
import nestbox.core.StateWriter;

/**
 * What a vCPU remembers of its last access to a place without memory. An entry counts only for the generation of slots under
 * which it was made; clearing forgets the linear address alone, the frame stays.
 */
final class MmioCache {
    private final MmuVcpu vcpu;
    private final MmuVm vm;
    private long gva;
    private long gfn;
    private int access;
    private long generation;

    MmioCache(MmuVcpu vcpu, MmuVm vm) {
        this.vcpu = vcpu;
        this.vm = vm;
    }

    /** @param page linear address to match, 0 for none */
    void fill(long page, long frame, int rights) {
        long now = vm.slots().generation(vcpu.space());
        if (now < 0 && vm.policies.applies(MmuPolicy.MMIO_REFUSE_IN_FLUX, vcpu)) {
            return;
        }
        gva = page;
        gfn = frame;
        access = rights;
        generation = now;
        vm.counters.mmioCacheFills++;
    }

    private boolean current() {
        return generation == vm.slots().generation(vcpu.space());
    }

    boolean matchesGva(long address) {
        return gva != 0
                && gva == (address & ~0xfffL)
                && current()
                && vm.policies.gvaRule().mayMatch(vcpu);
    }

    boolean matchesGpa(long address) {
        return gfn != 0 && gfn == address >>> 12 && current();
    }

    /** It was used for this address. */
    void hit(long address) {
        vm.counters.mmioCacheHits++;
        if (vm.trace.on) {
            vm.trace.emit(MmuTrace.MMIO_CACHE_HIT, address, gfn);
        }
    }

    long gfn() {
        return gfn;
    }

    int access() {
        return access;
    }

    void clear() {
        vm.counters.mmioCacheClears++;
        gva = 0;
    }

    void clear(long address) {
        if (gva == (address & ~0xfffL)) {
            gva = 0;
        }
    }

    void save(StateWriter out) {
        out.section("mmio cache").writeLong(gva).writeLong(gfn).writeInt(access).writeLong(generation);
    }

    void restore(StateReader in) {
        in.section("mmio cache");
        gva = in.readLong();
        gfn = in.readLong();
        access = in.readInt();
        generation = in.readLong();
    }

    void forget() {
        gva = 0;
        gfn = 0;
    }

    /** The lookup at a fault, before any table is read (mmio_info_in_cache). */
    boolean knows(FaultAddress address) {
        if (vcpu.nested()) {
            Gpa lookedUp =
                    address instanceof Ngpa ngpa ? vm.policies.ngpaLookup().toLookUp(ngpa) : null;
            return lookedUp != null && matchesGpa(lookedUp.value());
        }
        return vm.policies.gvaRule().lookupByGva(vcpu) ? matchesGva(address.value()) : matchesGpa(address.value());
    }
}

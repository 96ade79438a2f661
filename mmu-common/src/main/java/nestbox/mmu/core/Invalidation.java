package nestbox.mmu.core;

/**
 * What hardware must forget because of a change that the caller made through the core. Whoever receives one must discharge it
 * before a guest is entered: {@link MmuVcpu#reload} refuses while one is open. Nothing else in the core's interface has to be
 * flushed, except as a {@link Request} says.
 */
public final class Invalidation {
    /** How much. */
    public enum Scope {
        NOTHING,
        /** One linear address in the context that runs, global or not (INVVPID individual-address, INVLPGA). */
        ADDRESS,
        /** All translations of all vCPUs. */
        ALL_VCPUS
    }

    private final MmuVm vm;
    private final Scope scope;
    private final long address;
    private boolean open;

    private Invalidation(MmuVm vm, Scope scope, long address) {
        this.vm = vm;
        this.scope = scope;
        this.address = address;
        open = scope != Scope.NOTHING;
        if (open) {
            vm.openInvalidations++;
        }
    }

    static Invalidation nothing(MmuVm vm) {
        return new Invalidation(vm, Scope.NOTHING, 0);
    }

    static Invalidation address(MmuVm vm, long linear) {
        return new Invalidation(vm, Scope.ADDRESS, linear);
    }

    static Invalidation allVcpus(MmuVm vm) {
        return new Invalidation(vm, Scope.ALL_VCPUS, 0);
    }

    public Scope scope() {
        return scope;
    }

    /** The linear address of {@link Scope#ADDRESS}. */
    public long address() {
        return address;
    }

    /** Discharges by {@link Request#TLB_FLUSH} on every vCPU of the machine. */
    public void request() {
        if (open) {
            discharged();
            vm.requestAll(Request.TLB_FLUSH);
        }
    }

    /** The caller has flushed what {@link #scope} says. */
    public void discharged() {
        if (open) {
            open = false;
            vm.openInvalidations--;
        }
    }

    @Override
    public String toString() {
        return "flush " + scope + (scope == Scope.ADDRESS ? " " + Long.toHexString(address) : "");
    }
}

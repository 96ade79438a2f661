package nestbox.l0;

import java.util.EnumSet;
import java.util.Set;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.mmu.core.Request;
import nestbox.mmu.core.Requests;

/** What a vCPU must do before it enters the guest again; served in the order of table B.6 of the facts. */
final class PendingRequests implements Requests {
    private final Vcpu vcpu;
    private final Set<Request> raised = EnumSet.noneOf(Request.class);

    PendingRequests(Vcpu vcpu) {
        this.vcpu = vcpu;
    }

    @Override
    public void raise(Request request) {
        raised.add(request);
    }

    @Override
    public boolean isRaised(Request request) {
        return raised.contains(request);
    }

    @Override
    public void clear(Request request) {
        raised.remove(request);
    }

    boolean isEmpty() {
        return raised.isEmpty();
    }

    /** Whether no others than these are raised. */
    boolean areAmong(Set<Request> others) {
        return others.containsAll(raised);
    }

    private boolean take(Request request) {
        return raised.remove(request);
    }

    void serve() {
        if (raised.isEmpty()) {
            return;
        }
        if (take(Request.MMU_FREE_OBSOLETE_ROOTS)) {
            vcpu.mmu().freeObsoleteRoots();
        }
        if (take(Request.MMU_SYNC)) {
            vcpu.mmu().syncRoots();
        }
        if (take(Request.LOAD_MMU_PGD)) {
            vcpu.forgetRoot();
        }
        if (take(Request.TLB_FLUSH)) {
            raised.remove(Request.TLB_FLUSH_CURRENT);
            raised.remove(Request.TLB_FLUSH_GUEST);
            vcpu.backend().flushAll();
        }
        serveFlushes();
    }

    /** Those that are about the context that runs. */
    void serveFlushes() {
        if (take(Request.TLB_FLUSH_CURRENT)) {
            vcpu.backend().flushCurrent();
        }
        if (take(Request.TLB_FLUSH_GUEST)) {
            vcpu.mmu().flushGuest();
            vcpu.backend().flushGuest();
        }
    }

    void save(StateWriter out) {
        int bits = 0;
        for (Request request : raised) {
            bits |= 1 << request.ordinal();
        }
        out.writeInt(bits);
    }

    void restore(StateReader in) {
        int bits = in.readInt();
        raised.clear();
        for (Request request : Request.values()) {
            if ((bits >>> request.ordinal() & 1) != 0) {
                raised.add(request);
            }
        }
    }
}

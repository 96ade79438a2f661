package nestbox.mmu.core;

import java.util.ArrayList;
import java.util.List;
import nestbox.core.trace.Trace;

/** The part of the MMU core that a virtual machine has once: slots, shadow pages, counters. */
public final class MmuVm {
    private static final long MMIO_GENERATION = (1L << 19) - 1;

    final MmuConfig config;
    final MmuPolicies policies;
    final HostFrames frames;
    final Trace trace;
    final MmuCounters counters = new MmuCounters();
    final ShadowPages pages;
    final List<MmuVcpu> vcpus = new ArrayList<>();
    int openInvalidations;

    private final MemorySlots slots;
    private long dummy;
    /** Number of changes after which a fault that began before must begin again (KVM's mmu_invalidate_seq). */
    private long changes;
    /** What runs at the yield points, or null. */
    private YieldPoints yields;

    /** @param trace where its events go; {@link Trace#off} for nowhere */
    public MmuVm(MmuConfig config, HostFrames frames, Trace trace) {
        this.config = config;
        this.frames = frames;
        this.trace = trace;
        policies = config.policies();
        slots = new MemorySlots(this);
        pages = new ShadowPages(this);
    }

    public MmuConfig config() {
        return config;
    }

    public MemorySlots slots() {
        return slots;
    }

    public MmuCounters counters() {
        return counters;
    }

    /** Runs {@code points} wherever another vCPU could get in between; null for nothing. */
    public void setYieldPoints(YieldPoints points) {
        yields = points;
    }

    /** Whether anything may run there. */
    public boolean yields() {
        return yields != null;
    }

    /** L0 has come to such a place. */
    public void yieldAt(YieldPoint point) {
        if (yields != null) {
            yields.at(point);
        }
    }

    long changes() {
        return changes;
    }

    /** Slots or attributes of frames have changed: what faults have found out before counts no more. */
    void changed() {
        changes++;
    }

    /** Raises a request on every vCPU. */
    public void requestAll(Request request) {
        if (request == Request.TLB_FLUSH) {
            yieldAt(YieldPoint.REMOTE_FLUSH);
            counters.remoteFlushes++;
        }
        for (MmuVcpu vcpu : vcpus) {
            vcpu.raise(request);
        }
    }

    /** A table without entries, for roots that the guest has put where no memory is. */
    long dummyTable() {
        if (dummy == 0) {
            dummy = frames.allocateBelow4GiB();
        }
        return dummy;
    }

    /** Makes all shadow pages obsolete and drops them in batches; each vCPU drops its roots when it serves the request. */
    public void zapAllFast() {
        pages.zapAllFast();
    }

    /** The slots are about to get this generation. */
    void slotsUpdated(long generation) {
        long masked = generation & MMIO_GENERATION & -MemorySlots.SPACES;
        if (masked == 0 && wrapZaps()) {
            zapAllFast();
        }
    }

    private boolean wrapZaps() {
        return vcpus.isEmpty() || policies.applies(MmuPolicy.MMIO_GENERATION_WRAP, vcpus.get(0));
    }

    /**
     * Bytes of guest memory have been written by an emulated instruction or a device: what was shadowed of them goes. The bytes
     * are in memory already and lie within a page.
     */
    public void trackWrite(Gpa address, int bytes) {
        pages.trackWrite(address, bytes);
    }
}

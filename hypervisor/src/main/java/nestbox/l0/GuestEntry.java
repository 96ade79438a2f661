package nestbox.l0;

import nestbox.core.NestboxException;
import nestbox.mmu.core.RootToLoad;
import nestbox.mmu.core.YieldPoint;
import nestbox.x86.Cpu;

/** The way of a vCPU into its guest and out again: the root that hardware walks, the general registers, and time. */
final class GuestEntry {
    /** General registers, RSP apart, change owners at each entry and exit. */
    private static final int GENERAL = 16;

    private final Vcpu vcpu;
    private final Cpu guest;
    private final HostProcessor host;
    private final PendingRequests requests;
    /** The one that hardware has. */
    private RootToLoad root;
    /** The host processor runs the guest; its count of ticks and of those waited through then. */
    private boolean running;

    private long hostStart;
    private long hostWaited;
    /** The next entry injects an event, and something else waits behind it. */
    private boolean leaveAtOnce;
    /** The same, but a shadow of the guest's comes to its end first. */
    private boolean leaveBehindShadow;

    GuestEntry(Vcpu vcpu, HostProcessor host, PendingRequests requests) {
        this.vcpu = vcpu;
        this.host = host;
        this.requests = requests;
        guest = vcpu.guest();
    }

    boolean running() {
        return running;
    }

    /** Ticks of the guest that L0 has not accounted for yet. */
    long ticks() {
        return running ? host.cpu().ticks + host.cpu().cursor - hostStart : 0;
    }

    /** Hardware must be given its root again. */
    void forgetRoot() {
        root = null;
    }

    /** The next entry ends before the guest's first instruction, as far as the silicon can do that. */
    void leaveAtOnce() {
        leaveAtOnce = true;
    }

    void leaveBehindShadow() {
        leaveBehindShadow = true;
    }

    /** Of a state that has been restored. */
    void reset() {
        root = null;
        leaveAtOnce = false;
        leaveBehindShadow = false;
    }

    /** Events are chosen: requests are served, and hardware has the root. */
    void load() {
        int pending = guest.pending;
        boolean line = guest.interruptLine();
        loadRoot();
        if (vcpu.hypervisor().mmu().yields()) {
            lookAgain(pending, line);
        }
    }

    private void loadRoot() {
        RootToLoad next = vcpu.mmu().reload();
        if (next.fresh() || next != root) {
            root = next;
            vcpu.backend().setRoot(next);
            if (next.fresh()) {
                vcpu.backend().flushCurrent();
            }
        }
        requests.serve();
    }

    /** Others may have had turns since events were chosen and roots were loaded: what they left counts before the entry. */
    private void lookAgain(int pending, boolean line) {
        vcpu.hypervisor().mmu().yieldAt(YieldPoint.ENTRY_CHECKED);
        while (!requests.isEmpty() || vcpu.mmu().currentRoot() == null) {
            loadRoot();
        }
        int now = guest.pending;
        if (now != pending || (now & Cpu.PENDING_STOP) != 0 || guest.interruptLine() != line) {
            leaveAtOnce();
        }
    }

    /** From entry to exit. */
    void run(long budget) {
        VendorBackend backend = vcpu.backend();
        Cpu h = host.cpu();
        if (h.cr2 != guest.cr2) {
            host.setCr2(guest.cr2);
        }
        boolean interrupt = leaveAtOnce ? !backend.leaveAtOnce() : leaveBehindShadow;
        leaveAtOnce = false;
        leaveBehindShadow = false;
        System.arraycopy(guest.r, 0, h.r, 0, GENERAL);
        hostStart = h.ticks;
        hostWaited = h.waited;
        running = true;
        boolean left;
        try {
            if (interrupt) {
                host.interrupts().raise();
            }
            left = backend.enter(budget);
            if (!left) {
                host.interrupts().raise();
                left = host.door().run(Long.MAX_VALUE >> 1);
            }
            host.interrupts().lower();
        } finally {
            running = false;
        }
        if (!left) {
            throw new NestboxException("hypervisor", "the host processor waits inside the guest");
        }
        System.arraycopy(h.r, 0, guest.r, 0, GENERAL);
        guest.cr2 = h.cr2;
    }

    /** The time between entry and exit is the guest's. */
    void account(ExitKind kind) {
        long ticks = host.cpu().ticks - hostStart;
        guest.ticks += ticks != 0 && countsAsInstruction(kind) ? ticks - 1 : ticks;
        guest.waited += host.cpu().waited - hostWaited;
    }

    /**
     * The silicon counts an exit that an instruction or its fault caused, unless it comes with the entry's own event; the guest's
     * time does not, or not yet.
     */
    private static boolean countsAsInstruction(ExitKind kind) {
        return switch (kind) {
            case EXCEPTION, PAGE_FAULT, MISCONFIG, INSTRUCTION, HYPERCALL, TASK_SWITCH, TRIPLE_FAULT -> true;
            default -> false;
        };
    }
}

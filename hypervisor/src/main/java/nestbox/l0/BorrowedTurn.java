package nestbox.l0;

import java.util.EnumSet;
import java.util.Set;
import nestbox.core.UnsupportedFeatureException;
import nestbox.mmu.core.Request;
import nestbox.mmu.core.YieldPoint.Lock;
import nestbox.x86.Cpu;

/**
 * How far a vCPU may go in a turn in the middle of another's work in L0, by the lock that the other holds. An exit for which it
 * would need that lock waits until its next turn of its own.
 */
final class BorrowedTurn {
    private static final int SIGNALS =
            Cpu.PENDING_SMI | Cpu.PENDING_INIT | Cpu.PENDING_SIPI | Cpu.PENDING_DEBUG_TRAP | Cpu.PENDING_STOP;
    /** Requests that are served without the MMU's lock. */
    private static final Set<Request> LOCKLESS =
            EnumSet.of(Request.LOAD_MMU_PGD, Request.TLB_FLUSH, Request.TLB_FLUSH_CURRENT);

    private final Vcpu vcpu;
    private Lock held = Lock.NONE;
    private boolean exitWaits;

    BorrowedTurn(Vcpu vcpu) {
        this.vcpu = vcpu;
    }

    void begin(Lock lock) {
        held = lock;
    }

    void end() {
        held = Lock.NONE;
    }

    /** Another vCPU holds a lock of L0. */
    boolean bounded() {
        return held != Lock.NONE;
    }

    /** Whether the vCPU may enter the guest once more. */
    boolean mayEnter() {
        return switch (held) {
            case NONE -> true;
            case SLOTS -> !exitWaits && vcpu.entersWithoutEmulation() && (vcpu.guest().pending & SIGNALS) == 0;
            case MMU ->
                !exitWaits
                        && vcpu.entersWithoutEmulation()
                        && vcpu.guest().pending == 0
                        && !vcpu.guest().interruptLine()
                        && vcpu.staysInGuest(LOCKLESS);
        };
    }

    /** The guest was left; whether what follows must wait. */
    boolean keeps(ExitKind kind) {
        boolean free = switch (kind) {
            case HOST_INTERRUPT, HOST_NMI -> true;
            case PAGE_FAULT, MISCONFIG -> held == Lock.SLOTS;
            default -> false;
        };
        exitWaits = bounded() && !free;
        return exitWaits;
    }

    /** Whether an exit has waited for this turn. */
    boolean takeExit() {
        boolean waited = exitWaits;
        exitWaits = false;
        return waited;
    }

    /** The vCPU's state was replaced. */
    void forgetExit() {
        exitWaits = false;
    }

    /** @throws UnsupportedFeatureException if an exit waits: it is not part of saved state */
    void refuseToSave() {
        if (exitWaits) {
            throw new UnsupportedFeatureException(
                    "saved state", "an exit of processor " + vcpu.guest().id + " that waits for a lock of L0");
        }
    }
}

package nestbox.mmu.core;

/**
 * The request flags of one vCPU. A request raised while the vCPU is in guest mode must get it out before it executes another
 * instruction: the core frees tables as soon as it has raised the request.
 */
public interface Requests {
    void raise(Request request);

    boolean isRaised(Request request);

    void clear(Request request);
}

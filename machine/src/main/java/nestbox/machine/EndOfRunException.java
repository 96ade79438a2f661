package nestbox.machine;

import nestbox.core.NestboxException;

/** Thrown by what stands below a machine's processors to end the run. */
public final class EndOfRunException extends NestboxException {
    private static final long serialVersionUID = 1;

    private final transient Outcome outcome;

    public EndOfRunException(Outcome outcome) {
        super("run", outcome.detail());
        this.outcome = outcome;
    }

    public Outcome outcome() {
        return outcome;
    }
}

package nestbox.x86.insn;

import nestbox.core.NestboxException;

/** Assembly source that cannot be assembled: the subject names the line, the message says why. */
public final class AssemblyException extends NestboxException {
    private final int line;

    AssemblyException(int line, String source, String reason) {
        super("line " + line + ": " + source.trim(), reason);
        this.line = line;
    }

    /** Number of the line, from 1; for a program made by calls, of the call. */
    public int line() {
        return line;
    }
}

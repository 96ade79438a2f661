package nestbox.x86.engine;

import nestbox.core.NestboxException;
import nestbox.x86.GuestFault;
import nestbox.x86.insn.Insn;

/** An instruction that a hypervisor executed through {@link RootDoor} raised an exception. */
public final class RootFaultException extends NestboxException {
    private static final long serialVersionUID = 1;

    private final int vector;
    private final long errorCode;

    RootFaultException(Insn in, GuestFault fault) {
        super("hypervisor", in + " raised " + fault.getMessage());
        vector = fault.vector;
        errorCode = fault.errorCode;
    }

    public int vector() {
        return vector;
    }

    public long errorCode() {
        return errorCode;
    }
}

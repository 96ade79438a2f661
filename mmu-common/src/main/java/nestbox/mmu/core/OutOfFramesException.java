package nestbox.mmu.core;

import nestbox.core.NestboxException;

/** The hypervisor has no frame of memory left for a table of its own. */
public final class OutOfFramesException extends NestboxException {
    private static final long serialVersionUID = 1;

    OutOfFramesException(String detail) {
        super("host memory", detail);
    }
}

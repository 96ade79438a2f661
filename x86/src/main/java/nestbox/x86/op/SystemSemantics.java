package nestbox.x86.op;

import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;
import nestbox.x86.system.SystemOps;

/** Privileged, segment, far-transfer and I/O instructions. */
final class SystemSemantics {
    private SystemSemantics() {}

    static Handler bind(Insn in) {
        return SystemOps.bind(in);
    }
}

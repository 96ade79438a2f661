package nestbox.l0;

import nestbox.x86.Cpu;
import nestbox.x86.fp.X87;

/**
 * Moves what XSAVE and XRSTOR would: the x87, MMX and vector registers with their controls, and PKRU. XCR0 goes by XSETBV.
 */
public final class VectorState {
    private VectorState() {}

    public static void copy(Cpu from, Cpu to) {
        System.arraycopy(from.v, 0, to.v, 0, from.v.length);
        to.mxcsr = from.mxcsr;
        X87 a = from.fpu;
        X87 b = to.fpu;
        System.arraycopy(a.mant, 0, b.mant, 0, a.mant.length);
        System.arraycopy(a.se, 0, b.se, 0, a.se.length);
        b.top = a.top;
        b.control = a.control;
        b.status = a.status;
        b.used = a.used;
        b.opcode = a.opcode;
        b.lastIp = a.lastIp;
        b.lastCs = a.lastCs;
        b.lastDp = a.lastDp;
        b.lastDs = a.lastDs;
        if (to.pkru != from.pkru) {
            to.pkru = from.pkru;
            to.mem.port().contextChanged();
        }
    }
}

package nestbox.vmx.check;

import java.util.Collections;
import java.util.EnumSet;
import java.util.Set;

/** Which groups of checks passed on a VMCS, and for which state of the processor. A cache: never part of saved state. */
public final class CheckMemo {
    /** State outside the VMCS that a memo keeps a copy of, or that cannot change while the processor exists. */
    static final Set<CpuState> KEYED =
            Collections.unmodifiableSet(EnumSet.of(CpuState.IA32E_MODE, CpuState.SMM, CpuState.MSRS));

    private long passed;
    private boolean ia32eMode;
    private boolean inSmm;

    boolean changed(CheckContext context) {
        return ia32eMode != context.ia32eMode() || inSmm != context.inSmm();
    }

    void take(CheckContext context) {
        ia32eMode = context.ia32eMode();
        inSmm = context.inSmm();
    }

    /** Forgets everything. */
    public void forgetAll() {
        passed = 0;
    }

    long passed() {
        return passed;
    }

    void keep(long groups) {
        passed &= groups;
    }

    void pass(CheckGroup group) {
        passed |= group.mask();
    }
}

package nestbox.vmx.silicon;

import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Cpu;

/** PAUSE-loop exiting (SDM Vol. 3, "Instructions That Cause VM Exits Conditionally", PAUSE). Times are ticks of the TSC. */
final class PauseLoops {
    private static final long NONE = -1;

    private final Vmx vmx;
    private final Cpu cpu;
    private long first;
    /** Ticks of virtual time at the last PAUSE with CPL 0 since VM entry, or NONE. */
    private long last = NONE;

    PauseLoops(Vmx vmx) {
        this.vmx = vmx;
        cpu = vmx.cpu;
    }

    void begin() {
        last = NONE;
    }

    /** Whether a PAUSE with CPL 0 exits. */
    boolean exits() {
        long now = cpu.platform.now();
        boolean fresh = last == NONE || now - last > vmx.vmcs.get(VmcsField.PLE_GAP);
        last = now;
        if (fresh) {
            first = now;
            return false;
        }
        return now - first > vmx.vmcs.get(VmcsField.PLE_WINDOW);
    }

    void save(StateWriter out) {
        out.writeLong(first).writeLong(last);
    }

    void restore(StateReader in) {
        first = in.readLong();
        last = in.readLong();
    }
}

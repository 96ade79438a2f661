package nestbox.vmx.l0;

import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.Stateful;
import nestbox.vmx.vmcs.ExitReason;
import nestbox.x86.Cpu;

/** INIT and SIPI of a guest that uses VMX (facts D.8; SDM Vol. 3, "Other Causes of VM Exits", "Changes to Blocking of INITs"). */
final class NestedSignals implements Stateful {
    private final NestedVmx vmx;
    private final Cpu cpu;
    /** VMX root operation holds an INIT back. */
    private boolean heldInit;

    NestedSignals(NestedVmx vmx) {
        this.vmx = vmx;
        cpu = vmx.cpu;
    }

    /** True if the INIT is no reset. */
    boolean init() {
        if (vmx.guest) {
            // In the wait-for-SIPI state INITs are ignored.
            if (cpu.activity != Cpu.WAIT_FOR_SIPI) {
                vmx.exit.event(ExitReason.INIT_SIGNAL, 0);
            }
            return true;
        }
        heldInit |= vmx.on;
        return vmx.on;
    }

    /** True if the SIPI starts nothing up. */
    boolean sipi(int vector) {
        if (vmx.guest && cpu.activity == Cpu.WAIT_FOR_SIPI) {
            vmx.exit.event(ExitReason.SIPI_SIGNAL, vector);
            return true;
        }
        return vmx.on && cpu.activity != Cpu.WAIT_FOR_SIPI;
    }

    /** An INIT that was held back becomes pending again. */
    void release() {
        if (heldInit) {
            heldInit = false;
            cpu.pend(Cpu.PENDING_INIT);
        }
    }

    void reset() {
        heldInit = false;
    }

    @Override
    public void save(StateWriter out) {
        out.writeBoolean(heldInit);
    }

    @Override
    public void restore(StateReader in) {
        heldInit = in.readBoolean();
    }
}

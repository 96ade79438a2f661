package nestbox.svm.silicon;

import nestbox.svm.vmcb.ExitCode;
import nestbox.x86.Cpu;
import nestbox.x86.Vector;
import nestbox.x86.VirtualizationExtension;
import nestbox.x86.system.EventInDelivery;
import nestbox.x86.system.Exceptions;

/** Virtual interrupts and virtual NMIs between instructions (APM Vol. 2, "Virtual Interrupts", "Virtual NMI"). */
final class VirtualEvents {
    private final Svm svm;

    VirtualEvents(Svm svm) {
        this.svm = svm;
    }

    /** Asks to be called at instruction boundaries as long as a virtual event waits that EFLAGS.IF lets in. */
    void update() {
        Controls k = svm.controls;
        boolean nmi = k.virtualNmiEnabled() && k.virtualNmiPending() && !k.virtualNmiMasked();
        if (svm.guest && (k.virtualIrq() && svm.guestInterruptFlag() || nmi)) {
            svm.cpu.pend(Cpu.PENDING_EXTENSION);
        } else {
            svm.cpu.unpend(Cpu.PENDING_EXTENSION);
        }
    }

    boolean window(Cpu c, VirtualizationExtension.Window window) {
        Controls k = svm.controls;
        boolean shadow = (c.pending & Cpu.PENDING_SHADOW) != 0;
        if (!svm.virtualGate() || shadow) {
            return false;
        }
        boolean nmi = k.virtualNmiEnabled() && k.virtualNmiPending() && !k.virtualNmiMasked();
        if (window == VirtualizationExtension.Window.BEFORE_NMI && nmi) {
            k.takeVirtualNmi();
            deliver(c, Vector.NMI, EventInDelivery.NMI);
            return true;
        }
        if (window != VirtualizationExtension.Window.BEFORE_INTERRUPT || !interruptReady(c)) {
            return false;
        }
        if (k.intercepts((int) ExitCode.VINTR.code())) {
            svm.worldSwitch.exit(ExitCode.VINTR.code(), 0, 0, c.rip, 0);
            return true;
        }
        k.clearVirtualIrq();
        deliver(c, k.vector, EventInDelivery.EXTERNAL);
        return true;
    }

    /** A physical interrupt that is open goes first. */
    private boolean interruptReady(Cpu c) {
        Controls k = svm.controls;
        return k.virtualIrq()
                && svm.guestInterruptFlag()
                && k.aboveTaskPriority()
                && (c.pending & Cpu.PENDING_INTERRUPT) == 0;
    }

    private void deliver(Cpu c, int vector, int type) {
        update();
        c.activity = Cpu.ACTIVE;
        c.unpend(Cpu.PENDING_INACTIVE);
        c.counters.resumed();
        Exceptions.deliver(c, vector, type, false, 0, false);
        c.ticks++;
    }
}

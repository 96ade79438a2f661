package nestbox.svm.silicon;

import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.Stateful;
import nestbox.svm.world.SmmFields;
import nestbox.x86.Cpu;

/**
 * SMIs that no intercept takes: SMM runs outside the guest, on the host's memory, and RSM goes back into it (APM Vol. 2, "SMM
 * Support"; the guest's fields of the save area, "SMRAM State-Save Area"). What VMRUN loaded stays in the processor meanwhile.
 */
final class SystemManagement implements Stateful {
    private final Svm svm;
    private boolean inGuest;
    private final long[] pdpte = new long[4];

    SystemManagement(Svm svm) {
        this.svm = svm;
    }

    /** Whether a guest waits for RSM. */
    boolean guestWaits() {
        return inGuest;
    }

    void reset() {
        inGuest = false;
    }

    void enter(Cpu c, long area) {
        inGuest = svm.guest;
        SmmFields.store(c, area, inGuest, svm.vmcb.address(), svm.controls.interruptControl);
        if (inGuest) {
            System.arraycopy(c.pdpte, 0, pdpte, 0, pdpte.length);
            svm.guest = false;
            c.switchWorlds();
            svm.virtualEventsChanged();
            c.mem.port().control().enterSpace(0, null);
        }
    }

    void leave(Cpu c) {
        if (inGuest) {
            inGuest = false;
            System.arraycopy(pdpte, 0, c.pdpte, 0, pdpte.length);
            svm.guest = true;
            c.switchWorlds();
            svm.enterGuestSpace();
            c.updateMode();
            svm.virtualEventsChanged();
            c.updatePending();
        }
    }

    @Override
    public void save(StateWriter out) {
        out.writeBoolean(inGuest).writeLongs(pdpte);
    }

    @Override
    public void restore(StateReader in) {
        inGuest = in.readBoolean();
        in.readLongs(pdpte);
    }
}

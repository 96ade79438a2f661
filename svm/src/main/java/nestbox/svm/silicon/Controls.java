package nestbox.svm.silicon;

import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.Stateful;
import nestbox.svm.vmcb.Vmcb;
import nestbox.svm.vmcb.VmcbField;

/** The control area as the processor holds it while a guest runs: read at VMRUN, the changing part written back at #VMEXIT. */
final class Controls implements Stateful {
    private static final int V_TPR = 0xf;
    private static final int V_IRQ = 1 << 8;
    private static final int V_GIF = 1 << 9;
    private static final int V_NMI = 1 << 11;
    private static final int V_NMI_MASK = 1 << 12;
    private static final int V_PRIO_SHIFT = 16;
    private static final int V_IGN_TPR = 1 << 20;
    private static final int V_INTR_MASKING = 1 << 24;
    private static final int V_GIF_ENABLE = 1 << 25;
    private static final int V_NMI_ENABLE = 1 << 26;
    private static final int CHANGING = 0xff | V_IRQ | V_GIF | V_NMI | V_NMI_MASK;
    private static final int WORDS = 6;

    /** The intercept bits, 32 a word. */
    final int[] intercepts = new int[WORDS];

    long iopm;
    long msrpm;
    long tscOffset;
    int asid;
    int interruptControl;
    int vector;
    boolean nested;
    boolean gmet;
    /** INVLPGB and TLBSYNC exist in the guest. */
    boolean broadcast;

    boolean lbr;
    boolean virtualVmload;
    int pauseFilter;
    int pauseThreshold;
    /** What is left of the pause filter. */
    int pauseLeft;
    /** When PAUSE was executed last. */
    long lastPause;

    void load(Vmcb vmcb) {
        for (int i = 0; i < WORDS; i++) {
            intercepts[i] = (int) vmcb.get(4 * i, 4);
        }
        iopm = vmcb.get(VmcbField.IOPM_BASE_PA) & ~0xfffL;
        msrpm = vmcb.get(VmcbField.MSRPM_BASE_PA) & ~0xfffL;
        tscOffset = vmcb.get(VmcbField.TSC_OFFSET);
        asid = (int) vmcb.get(VmcbField.GUEST_ASID);
        interruptControl = (int) vmcb.get(VmcbField.INTERRUPT_CONTROL);
        vector = (int) vmcb.get(VmcbField.V_INTR_VECTOR);
        long nestedControl = vmcb.get(VmcbField.NESTED_CONTROL);
        nested = (nestedControl & 1) != 0;
        gmet = (nestedControl & 8) != 0;
        broadcast = (nestedControl & 1 << 7) != 0;
        long extensions = vmcb.get(VmcbField.VIRTUAL_EXTENSIONS);
        lbr = (extensions & 1) != 0;
        virtualVmload = (extensions & 2) != 0;
        pauseFilter = (int) vmcb.get(VmcbField.PAUSE_FILTER_COUNT);
        pauseThreshold = (int) vmcb.get(VmcbField.PAUSE_FILTER_THRESHOLD);
        pauseLeft = pauseFilter;
    }

    @Override
    public void save(StateWriter out) {
        out.writeInts(intercepts)
                .writeLong(iopm)
                .writeLong(msrpm)
                .writeLong(tscOffset)
                .writeInt(asid);
        out.writeInt(interruptControl).writeInt(vector).writeBoolean(nested).writeBoolean(gmet);
        out.writeBoolean(broadcast).writeBoolean(lbr).writeBoolean(virtualVmload);
        out.writeInt(pauseFilter).writeInt(pauseThreshold).writeInt(pauseLeft).writeLong(lastPause);
    }

    @Override
    public void restore(StateReader in) {
        in.readInts(intercepts);
        iopm = in.readLong();
        msrpm = in.readLong();
        tscOffset = in.readLong();
        asid = in.readInt();
        interruptControl = in.readInt();
        vector = in.readInt();
        nested = in.readBoolean();
        gmet = in.readBoolean();
        broadcast = in.readBoolean();
        lbr = in.readBoolean();
        virtualVmload = in.readBoolean();
        pauseFilter = in.readInt();
        pauseThreshold = in.readInt();
        pauseLeft = in.readInt();
        lastPause = in.readLong();
    }

    void store(Vmcb vmcb) {
        long kept = vmcb.get(VmcbField.INTERRUPT_CONTROL) & ~(long) CHANGING;
        vmcb.set(VmcbField.INTERRUPT_CONTROL, kept | interruptControl & CHANGING);
    }

    /** Whether the intercept of that number is asked for; it is also the exit's code. */
    boolean intercepts(int code) {
        return (intercepts[code >>> 5] >>> (code & 31) & 1) != 0;
    }

    private boolean on(int bit) {
        return (interruptControl & bit) != 0;
    }

    private void set(int bit, boolean on) {
        interruptControl = on ? interruptControl | bit : interruptControl & ~bit;
    }

    int taskPriority() {
        return interruptControl & V_TPR;
    }

    void setTaskPriority(int value) {
        interruptControl = interruptControl & ~0xff | value;
    }

    boolean virtualIrq() {
        return on(V_IRQ);
    }

    void clearVirtualIrq() {
        set(V_IRQ, false);
    }

    /** Whether the virtual interrupt's priority lets it through. */
    boolean aboveTaskPriority() {
        return on(V_IGN_TPR) || (interruptControl >>> V_PRIO_SHIFT & 15) > taskPriority();
    }

    boolean interruptMasking() {
        return on(V_INTR_MASKING);
    }

    boolean virtualGifEnabled() {
        return on(V_GIF_ENABLE);
    }

    boolean virtualGif() {
        return on(V_GIF);
    }

    void setVirtualGif(boolean value) {
        set(V_GIF, value);
    }

    boolean virtualNmiEnabled() {
        return on(V_NMI_ENABLE);
    }

    boolean virtualNmiPending() {
        return on(V_NMI);
    }

    void takeVirtualNmi() {
        set(V_NMI, false);
        set(V_NMI_MASK, true);
    }

    boolean virtualNmiMasked() {
        return on(V_NMI_MASK);
    }

    void unmaskVirtualNmi() {
        set(V_NMI_MASK, false);
    }

    /** Without the feature the control bits of it are ignored. */
    void withoutVirtualGif() {
        set(V_GIF_ENABLE, false);
    }

    void withoutVirtualNmi() {
        set(V_NMI_ENABLE, false);
    }
}

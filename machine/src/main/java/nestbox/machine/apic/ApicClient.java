package nestbox.machine.apic;

/** The processor behind a local APIC: silicon's, or one that L0 runs. */
public interface ApicClient {
    /** Whether an interrupt waits that the processor's priority lets through. */
    void interruptLine(boolean raised);

    void nmi();

    void smi();

    void init();

    void startUp(int vector);

    /** The time-stamp counter as the guest reads it now. */
    long timeStamp();

    /** APIC base, mode or enable has changed: the MMIO window may have moved. */
    void baseChanged();
}

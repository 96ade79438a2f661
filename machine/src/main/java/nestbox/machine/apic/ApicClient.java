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

    /** The interrupt command register sends an interprocessor interrupt; for observers. */
    default void ipiSent(long icr) {}

    /** Software has ended the interrupt in service with this vector; for observers. */
    default void interruptEnded(int vector) {}

    /** The timer ran out; for observers. */
    default void timerExpired(int vector) {}

    /** APIC base, mode or enable has changed: the MMIO window may have moved. */
    void baseChanged();
}

package nestbox.x86;

/** The local APIC (and what is wired to LINT0) as the processor sees it. */
public interface InterruptController {
    /** Whether an interrupt of sufficient priority waits; the processor is told of changes by {@link Cpu#setInterruptLine}. */
    boolean interruptPending();

    /** Acknowledges the highest-priority interrupt and gives its vector; -1 if it went away. */
    int acknowledge();

    /** Ends the interrupt in service, as a write of the EOI register does. */
    default void endOfInterrupt() {}

    /** CR8, the task priority class. */
    int taskPriorityClass();

    void setTaskPriorityClass(int priorityClass);

    /** IA32_APIC_BASE and, in x2APIC mode, the MSRs 800h to 8FFh; a refused access raises #GP on the {@link Cpu}. */
    long readMsr(int index);

    void writeMsr(int index, long value);

    /** IA32_TSC_DEADLINE as it reads now. */
    long tscDeadline();

    void setTscDeadline(long deadline);

    /** The initial APIC id, for CPUID. */
    int apicId();

    /** The processor has taken an INIT: the controller's state is as after INIT from here on. */
    default void initReceived() {}

    /** A performance counter that is to interrupt has overflowed. */
    default void performanceOverflow() {}

    /** The time-stamp counter was written (IA32_TIME_STAMP_COUNTER, IA32_TSC_ADJUST): a deadline lies elsewhere now. */
    default void timeStampChanged() {}
}

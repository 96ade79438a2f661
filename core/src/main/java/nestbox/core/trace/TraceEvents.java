package nestbox.core.trace;

import java.util.List;

/** The events of the PC. Hypervisor and virtualization extensions have tables of their own. */
public final class TraceEvents {
    /** An exception delivered; {@code address} is CR2's value for #PF and else 0, {@code error_code} 0 without one. */
    public static final TraceEventType EXCEPTION =
            TraceEventType.of("exception", "vector", "#error_code", "#rip", "#address");

    /** An interrupt from the interrupt controller, or an NMI, delivered. */
    public static final TraceEventType INTERRUPT = TraceEventType.of("interrupt", "vector", "#rip");

    /** A software interrupt (INT n, INT3, INTO, INT1). */
    public static final TraceEventType SOFTWARE_INTERRUPT = TraceEventType.of("software_interrupt", "vector", "#rip");

    /** A line of an interrupt controller of the board rose (1) or fell (0). */
    public static final TraceEventType IRQ_LINE = TraceEventType.of("irq_line", "line", "state");

    /** A local APIC sent an interprocessor interrupt. */
    public static final TraceEventType IPI = TraceEventType.of("ipi", "#icr");

    /** A local APIC timer ran out. */
    public static final TraceEventType APIC_TIMER = TraceEventType.of("apic_timer", "vector");

    /** A local APIC was told the end of the interrupt with this vector. */
    public static final TraceEventType EOI = TraceEventType.of("eoi", "vector");

    public static final TraceEventType MSR_READ = TraceEventType.of("msr_read", "#msr", "#value");

    /** RDMSR or WRMSR that raises #GP; {@code value} is 0 for RDMSR. */
    public static final TraceEventType MSR_FAULT = TraceEventType.of("msr_fault", "write", "#msr", "#value");

    public static final TraceEventType MSR_WRITE = TraceEventType.of("msr_write", "#msr", "#value");
    public static final TraceEventType CR_READ = TraceEventType.of("cr_read", "register", "#value");
    public static final TraceEventType CR_WRITE = TraceEventType.of("cr_write", "register", "#value");
    public static final TraceEventType PORT_READ = TraceEventType.of("port_read", "#port", "size", "#value");
    public static final TraceEventType PORT_WRITE = TraceEventType.of("port_write", "#port", "size", "#value");
    public static final TraceEventType MMIO_READ = TraceEventType.of("mmio_read", "#address", "size", "#value");
    public static final TraceEventType MMIO_WRITE = TraceEventType.of("mmio_write", "#address", "size", "#value");

    /** The processor's activity changed: 0 active, 1 halted, 2 shut down, 3 waits for a SIPI. */
    public static final TraceEventType ACTIVITY = TraceEventType.of("activity", "state", "#rip");

    /** INIT or, with its vector, a start-up IPI was taken. */
    public static final TraceEventType INIT = TraceEventType.of("init");

    public static final TraceEventType SIPI = TraceEventType.of("sipi", "#vector");

    /** An SMI was taken, with the processor's SMBASE. */
    public static final TraceEventType SMI = TraceEventType.of("smi", "#smbase");

    /** RSM went back to this address. */
    public static final TraceEventType RSM = TraceEventType.of("rsm", "#rip");

    /** The machine was reset. */
    public static final TraceEventType RESET = TraceEventType.of("reset");

    private static final List<TraceEventType> ALL = List.of(
            EXCEPTION,
            INTERRUPT,
            SOFTWARE_INTERRUPT,
            IRQ_LINE,
            IPI,
            APIC_TIMER,
            EOI,
            MSR_READ,
            MSR_FAULT,
            MSR_WRITE,
            CR_READ,
            CR_WRITE,
            PORT_READ,
            PORT_WRITE,
            MMIO_READ,
            MMIO_WRITE,
            ACTIVITY,
            INIT,
            SIPI,
            SMI,
            RSM,
            RESET);

    private TraceEvents() {}

    /** The whole table. */
    public static List<TraceEventType> all() {
        return ALL;
    }
}

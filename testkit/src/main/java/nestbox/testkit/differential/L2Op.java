package nestbox.testkit.differential;

import java.util.Locale;

/** What a step of an L2 does beside those of {@link Op}, in the order of its table behind them. */
enum L2Op {
    NOP,
    CALL1,
    /** CPUID of leaf a, subleaf b; logs a sum. */
    CPUID,
    /** Logs b bytes of port a. */
    IN,
    /** The byte b to port a. */
    OUT,
    RDMSR,
    /** MSR a := c:b. */
    WRMSR,
    INT3,
    UD2,
    /** INT 91h. */
    INT,
    /** INT1. */
    DB,
    HLT,
    /** An interrupt of the processor to itself, and HLT. */
    IPI_HLT,
    /** An NMI of the processor to itself. */
    NMI,
    PAUSE,
    /** Debug register 0 := a, and back. */
    DR,
    SGDT,
    LIDT,
    SMSW,
    CLTS,
    LMSW,
    WBINVD,
    XSETBV,
    /** Logs a sum of CR0, CR3 and CR4. */
    READCR,
    /** REP OUTSB of three bytes to port a. */
    OUTS,
    /** VMXOFF. */
    VIRTUAL,
    /** VMLOAD. */
    SVM,
    RDTSC,
    RDPMC,
    MWAIT,
    /** A single step. */
    TF;

    int number() {
        return Op.values().length + 1 + ordinal();
    }

    String label() {
        return "do_" + this;
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}

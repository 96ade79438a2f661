package nestbox.x86;

/** Instructions that VMX or SVM may intercept; the names say what {@code operand} of the hook carries. */
public enum Intercept {
    /** {@code operand}: control register number; the register is the instruction's r/m operand. */
    CR_READ,
    /** {@code operand}: control register number; {@code value}: what is to be written. */
    CR_WRITE,
    CLTS,
    /** {@code value}: the 16-bit source. */
    LMSW,
    SMSW,
    /** {@code operand}: debug register number. */
    DR_READ,
    DR_WRITE,
    /** {@code operand}: MSR number. */
    RDMSR,
    WRMSR,
    /**
     * {@code operand}: port in bits 15:0, bytes in 23:16, bit 24 IN, bit 25 string, bit 26 REP; {@code value}: linear address of
     * a string's element.
     */
    IO,
    CPUID,
    HLT,
    INVD,
    WBINVD,
    /** {@code operand}: linear address. */
    INVLPG,
    INVPCID,
    /** INVLPGB and TLBSYNC before any other check: the hook raises #UD where a guest does not have them. */
    TLB_BROADCAST,
    INVLPGB,
    /** An INVLPGB that is about to raise #GP for its operands. */
    INVLPGB_ILLEGAL,
    TLBSYNC,
    RDTSC,
    RDTSCP,
    RDPID,
    RDPMC,
    RDPRU,
    MONITOR,
    MWAIT,
    PAUSE,
    /** UMONITOR, UMWAIT or TPAUSE, before its faults: a mode of operation may lack them. */
    USER_WAIT,
    UMWAIT,
    TPAUSE,
    RDRAND,
    RDSEED,
    XSETBV,
    /** {@code operand}: the components that EDX:EAX names. */
    XSAVES,
    XRSTORS,
    RSM,
    GETSEC,
    /** Descriptor-table instructions: LGDT, LIDT, SGDT, SIDT. */
    GDTR_IDTR,
    /** LLDT, LTR, SLDT, STR. */
    LDTR_TR,
    IRET,
    PUSHF,
    POPF
}

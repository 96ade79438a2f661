package nestbox.svm.vmcb;

import java.util.Collections;
import java.util.EnumSet;
import java.util.Set;

/**
 * Values of EXITCODE (APM Vol. 2, appendix "SVM Intercept Exit Codes"). Codes below C0h are also the number of the intercept's
 * bit, counted from bit 0 of offset 000h of the VMCB.
 */
public enum ExitCode {
    CR_READ(0x00, 16),
    CR_WRITE(0x10, 16),
    DR_READ(0x20, 16),
    DR_WRITE(0x30, 16),
    EXCP(0x40, 32),
    INTR(0x60),
    NMI(0x61),
    SMI(0x62),
    INIT(0x63),
    VINTR(0x64),
    CR0_SEL_WRITE(0x65),
    IDTR_READ(0x66),
    GDTR_READ(0x67),
    LDTR_READ(0x68),
    TR_READ(0x69),
    IDTR_WRITE(0x6a),
    GDTR_WRITE(0x6b),
    LDTR_WRITE(0x6c),
    TR_WRITE(0x6d),
    RDTSC(0x6e),
    RDPMC(0x6f),
    PUSHF(0x70),
    POPF(0x71),
    CPUID(0x72),
    RSM(0x73),
    IRET(0x74),
    SWINT(0x75),
    INVD(0x76),
    PAUSE(0x77),
    HLT(0x78),
    INVLPG(0x79),
    INVLPGA(0x7a),
    IOIO(0x7b),
    MSR(0x7c),
    TASK_SWITCH(0x7d),
    FERR_FREEZE(0x7e),
    SHUTDOWN(0x7f),
    VMRUN(0x80),
    VMMCALL(0x81),
    VMLOAD(0x82),
    VMSAVE(0x83),
    STGI(0x84),
    CLGI(0x85),
    SKINIT(0x86),
    RDTSCP(0x87),
    ICEBP(0x88),
    WBINVD(0x89),
    MONITOR(0x8a),
    MWAIT(0x8b),
    MWAIT_CONDITIONAL(0x8c),
    XSETBV(0x8d),
    RDPRU(0x8e),
    EFER_WRITE_TRAP(0x8f),
    CR_WRITE_TRAP(0x90, 16),
    INVLPGB(0xa0),
    INVLPGB_ILLEGAL(0xa1),
    INVPCID(0xa2),
    MCOMMIT(0xa3),
    TLBSYNC(0xa4),
    BUSLOCK(0xa5),
    IDLE_HLT(0xa6),
    NPF(0x400),
    AVIC_INCOMPLETE_IPI(0x401),
    AVIC_NOACCEL(0x402),
    VMGEXIT(0x403),
    BUSY(-2),
    INVALID(-1);

    private static final int INTERCEPTS = 0xc0;
    /** Of AVIC, SEV, write traps and other features that Nestbox hides. */
    private static final Set<ExitCode> HIDDEN = Collections.unmodifiableSet(EnumSet.of(
            SKINIT,
            EFER_WRITE_TRAP,
            CR_WRITE_TRAP,
            MCOMMIT,
            BUSLOCK,
            IDLE_HLT,
            AVIC_INCOMPLETE_IPI,
            AVIC_NOACCEL,
            VMGEXIT,
            BUSY));

    private static final int CODES = 0x404;
    /** How far below 0 codes go. */
    private static final int NEGATIVE = 2;

    private static final ExitCode[] BY_CODE = new ExitCode[NEGATIVE + CODES];

    static {
        for (ExitCode row : values()) {
            for (int i = 0; i < row.count; i++) {
                BY_CODE[(int) row.code + i + NEGATIVE] = row;
            }
        }
    }

    private final long code;
    private final int count;

    ExitCode(long code) {
        this(code, 1);
    }

    ExitCode(long code, int count) {
        this.code = code;
        this.count = count;
    }

    /** All 64 bits of it; the first of a range. */
    public long code() {
        return code;
    }

    /** How many codes the row stands for: one a control register, debug register or vector. */
    public int count() {
        return count;
    }

    /** False for exits of what Nestbox refuses. */
    public boolean implemented() {
        return !HIDDEN.contains(this);
    }

    /** Whether an intercept bit of that number asks for the exit. */
    public boolean intercept() {
        return code >= 0 && code < INTERCEPTS;
    }

    /** The row of a code, or null. */
    public static ExitCode of(long code) {
        return code < -NEGATIVE || code >= CODES ? null : BY_CODE[(int) code + NEGATIVE];
    }

    /** A code's name with the register or vector of a range. */
    public static String name(long code) {
        ExitCode row = of(code);
        if (row == null) {
            return "0x" + Long.toHexString(code);
        }
        return row.count == 1 ? row.name() : row.name() + (code - row.code);
    }
}

package nestbox.machine.apic;

/**
 * Register offsets of the local APIC's page (SDM Vol. 3, "Local APIC Register Address Map"); an x2APIC MSR is 800h + offset/16.
 */
public final class ApicReg {
    public static final int ID = 0x20;
    public static final int VERSION = 0x30;
    public static final int TPR = 0x80;
    public static final int APR = 0x90;
    public static final int PPR = 0xa0;
    public static final int EOI = 0xb0;
    public static final int RRD = 0xc0;
    public static final int LDR = 0xd0;
    public static final int DFR = 0xe0;
    public static final int SVR = 0xf0;
    public static final int ISR = 0x100;
    public static final int TMR = 0x180;
    public static final int IRR = 0x200;
    public static final int ESR = 0x280;
    public static final int ICR = 0x300;
    public static final int ICR_HIGH = 0x310;
    public static final int LVT_TIMER = 0x320;
    public static final int LVT_THERMAL = 0x330;
    public static final int LVT_PERFORMANCE = 0x340;
    public static final int LVT_LINT0 = 0x350;
    public static final int LVT_LINT1 = 0x360;
    public static final int LVT_ERROR = 0x370;
    public static final int INITIAL_COUNT = 0x380;
    public static final int CURRENT_COUNT = 0x390;
    public static final int DIVIDE = 0x3e0;
    public static final int SELF_IPI = 0x3f0;

    /** The number of LVT entries, all from {@link #LVT_TIMER} on. */
    static final int LVTS = 6;

    static final int LVT_VECTOR = 0xff;
    static final int LVT_MODE_SHIFT = 8;
    static final int LVT_PENDING = 1 << 12;
    static final int LVT_POLARITY = 1 << 13;
    static final int LVT_REMOTE_IRR = 1 << 14;
    static final int LVT_LEVEL = 1 << 15;
    static final int LVT_MASKED = 1 << 16;
    static final int LVT_TIMER_MODE = 3 << 17;
    static final int TIMER_ONE_SHOT = 0;
    static final int TIMER_PERIODIC = 1 << 17;
    static final int TIMER_TSC_DEADLINE = 2 << 17;

    /** Writable bits of each LVT entry. */
    private static final int[] LVT_WRITABLE = {
        LVT_VECTOR | LVT_MASKED | LVT_TIMER_MODE,
        LVT_VECTOR | 0x700 | LVT_MASKED,
        LVT_VECTOR | 0x700 | LVT_MASKED,
        LVT_VECTOR | 0x700 | LVT_POLARITY | LVT_LEVEL | LVT_MASKED,
        LVT_VECTOR | 0x700 | LVT_POLARITY | LVT_LEVEL | LVT_MASKED,
        LVT_VECTOR | LVT_MASKED
    };

    static final int SVR_ENABLED = 1 << 8;
    static final int SVR_SUPPRESS_EOI_BROADCAST = 1 << 12;

    static final int ESR_SEND_ILLEGAL_VECTOR = 1 << 5;
    static final int ESR_RECEIVE_ILLEGAL_VECTOR = 1 << 6;
    static final int ESR_ILLEGAL_REGISTER = 1 << 7;

    static final long ICR_LOGICAL = 1 << 11;
    static final long ICR_ASSERT = 1 << 14;
    static final long ICR_LEVEL = 1 << 15;
    /** Bits of the ICR's low half that software may set; bit 12 (delivery status) always reads 0. */
    static final long ICR_WRITABLE = 0xccfffL & ~(1L << 12);

    private ApicReg() {}

    static int lvtWritable(int index) {
        return LVT_WRITABLE[index];
    }
}

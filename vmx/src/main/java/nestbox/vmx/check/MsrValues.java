package nestbox.vmx.check;

/** Rules about values of MSRs that host-state and guest-state checks share. */
final class MsrValues {
    static final int DEBUGCTL = 0x1d9;
    static final int S_CET = 0x6a2;
    static final int PERF_GLOBAL_CTRL = 0x38f;
    static final int EFER = 0xc000_0080;

    private static final long S_CET_SUPPRESS = 1 << 10;
    private static final long S_CET_TRACKER = 1 << 11;

    private MsrValues() {}

    /** Whether each byte is a memory type of IA32_PAT: UC, WC, WT, WP, WB or UC-. */
    static boolean pat(long value) {
        for (int i = 0; i < 8; i++) {
            int type = (int) (value >>> 8 * i) & 0xff;
            if (type > 7 || type == 2 || type == 3) {
                return false;
            }
        }
        return true;
    }

    /** Whether IA32_S_CET's SUPPRESS and TRACKER are not both set. */
    static boolean tracker(long sCet) {
        return (sCet & S_CET_SUPPRESS) == 0 || (sCet & S_CET_TRACKER) == 0;
    }
}

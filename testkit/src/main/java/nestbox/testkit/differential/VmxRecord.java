package nestbox.testkit.differential;

import java.util.BitSet;

/**
 * Which numbers of an exit's record are defined: exit-information fields that an exit does not use are undefined (SDM Vol. 3, "VM-Exit
 * Information Fields", "Information for VM Exits Due to ...").
 */
final class VmxRecord {
    /** Where the fields begin that only some exits define: behind the fields of each exit, L1's own state, and the sum. */
    private static final int EXTRA = 24;

    private static final int AFTER_FAILURE = 9;
    private static final int REASON = 0;
    private static final int QUALIFICATION = 1;
    private static final int EVENT = 2;
    private static final int VECTORING = 3;

    private static final long VALID = 1L << 31;
    private static final long WITH_ERROR = VALID | 1 << 11;
    private static final BitSet WITH_LENGTH = new BitSet();
    private static final BitSet WITH_INFORMATION = new BitSet();

    static {
        WITH_LENGTH.set(9, 33);
        for (int reason : new int[] {36, 39, 40, 46, 47, 50, 51, 53, 54, 55, 57, 58, 59, 61, 63, 64}) {
            WITH_LENGTH.set(reason);
        }
        for (int reason : new int[] {19, 21, 22, 23, 24, 25, 27, 46, 47, 50, 53, 57, 58, 61, 63, 64}) {
            WITH_INFORMATION.set(reason);
        }
    }

    private VmxRecord() {}

    /**
     * Whether number {@code index} of the record at {@code from} means anything.
     *
     * @param records of the reference
     */
    static boolean defined(long[] records, int from, int index) {
        long reason = records[from + REASON];
        if (reason < 0) {
            // VMfail: flags, error, L1's own state, the sum.
            return index < AFTER_FAILURE;
        }
        boolean string = reason == 30 && (records[from + QUALIFICATION] & 1 << 4) != 0;
        return switch (index - EXTRA) {
            case 0 -> string || reason == 48 && (records[from + QUALIFICATION] & 1 << 7) != 0;
            case 1 -> reason == 48 || reason == 49;
            case 2 -> (records[from + EVENT] & WITH_ERROR) == WITH_ERROR;
            case 3 -> (records[from + VECTORING] & WITH_ERROR) == WITH_ERROR;
            case 4 ->
                has(WITH_LENGTH, reason) || software(records[from + EVENT]) || software(records[from + VECTORING]);
            case 5 -> string || has(WITH_INFORMATION, reason);
            default -> true;
        };
    }

    private static boolean has(BitSet reasons, long reason) {
        return reason >= 0 && reason < reasons.size() && reasons.get((int) reason);
    }

    /** Software interrupts and exceptions: types 4 to 6. */
    private static boolean software(long event) {
        int type = (int) event >>> 8 & 7;
        return (event & VALID) != 0 && type >= 4;
    }
}

package nestbox.vmx.silicon;

import java.util.HashMap;
import java.util.Map;
import nestbox.x86.mem.TranslationControl;

/**
 * Numbers for the combinations of VPID and EP4TA, as tags of cached translations: without EPT they are linear mappings, with
 * EPT combined ones (SDM Vol. 3, "Caching Translation Information" in the chapter on VMX support for address translation).
 * Number 0 is the host's: VPID 0 without EPT. The guest with VPID 0 has numbers of its own, which its transitions flush along.
 */
final class Spaces {
    private static final long NO_EPT = -1;
    private static final long HOST = 0;

    private final TranslationControl translations;
    private final Map<Long, Long> numbers = new HashMap<>();
    private int[] vpids = new int[16];
    private long[] tables = new long[16];
    private int count = 1;
    private int lastVpid = -1;
    private long lastTable;
    private long last;

    Spaces(TranslationControl translations) {
        this.translations = translations;
    }

    private static long table(boolean ept, long eptp) {
        return ept ? eptp >>> 12 & 0xff_ffff_ffffL : NO_EPT;
    }

    /** The number of a guest's space. */
    long of(int vpid, boolean ept, long eptp) {
        long table = table(ept, eptp);
        if (vpid == lastVpid && table == lastTable) {
            return last;
        }
        lastVpid = vpid;
        lastTable = table;
        last = numbers.computeIfAbsent(table << 16 | vpid, key -> (long) add(vpid, table));
        return last;
    }

    private int add(int vpid, long table) {
        if (count == vpids.length) {
            vpids = java.util.Arrays.copyOf(vpids, 2 * count);
            tables = java.util.Arrays.copyOf(tables, 2 * count);
        }
        vpids[count] = vpid;
        tables[count] = table;
        return count++;
    }

    /** A VM entry or exit without VPID: what VPID 0 has goes, the host's and the guest's. */
    void transition(long guest) {
        translations.dropSpace(HOST, true);
        translations.dropSpace(guest, true);
    }

    /** Drops combined mappings of an EP4TA, or of all. */
    void dropTables(boolean all, long eptp) {
        for (int i = 1; i < count; i++) {
            if (tables[i] != NO_EPT && (all || tables[i] == table(true, eptp))) {
                translations.dropSpace(i, true);
            }
        }
    }

    /** Drops linear and combined mappings of a VPID. */
    void dropVpid(int vpid, boolean globalToo) {
        for (int i = 1; i < count; i++) {
            if (vpids[i] == vpid) {
                translations.dropSpace(i, globalToo);
            }
        }
    }

    /** Drops linear and combined mappings of every VPID but 0. */
    void dropVpids() {
        for (int i = 1; i < count; i++) {
            if (vpids[i] != 0) {
                translations.dropSpace(i, true);
            }
        }
    }

    /** Drops linear and combined mappings of one address. */
    void dropAddress(int vpid, long linear) {
        for (int i = 1; i < count; i++) {
            if (vpids[i] == vpid) {
                translations.dropAddress(i, linear);
            }
        }
    }
}

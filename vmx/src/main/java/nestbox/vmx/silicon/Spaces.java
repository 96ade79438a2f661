package nestbox.vmx.silicon;

import java.util.HashMap;
import java.util.Map;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.Stateful;
import nestbox.mmu.tlb.TranslationCache;
import nestbox.x86.mem.TranslationControl;

/**
 * VPID and EP4TA as tags of cached translations, and what drops them (SDM Vol. 3, "Caching Translation Information" in the chapter
 * on VMX support for address translation). A space's group is the VPID, its tables number the EP4TA: without EPT it holds linear
 * mappings, with EPT combined ones. Space 0 is the host's; the guest with VPID 0 has another, and transitions flush both.
 * Guest-physical mappings are tagged by the tables alone.
 */
final class Spaces implements Stateful {
    private static final long HOST = 0;
    /** In a group: a guest's with VPID 0. */
    private static final long ZERO = 1L << 16;
    /** In a group: a VPID that is not 0 is below. */
    private static final long VPID = 1L << 17;

    private static final int TABLES_AT = TranslationCache.GROUP_BITS;
    /** In the tables: there are some. */
    private static final long EPT = 1L << 17 << TABLES_AT;

    private static final long TABLES = -1L << TABLES_AT;
    /** So many EP4TAs have numbers of their own; then all translations go and numbering starts anew. */
    private static final int MOST_TABLES = 1 << 17;

    private final TranslationControl translations;
    private final Map<Long, Long> numbers = new HashMap<>();
    /** The two asked for last, which a hypervisor above another one takes turns with. */
    private long lastRoot = -1;

    private long lastNumber;
    private long formerRoot = -1;
    private long formerNumber;

    Spaces(TranslationControl translations) {
        this.translations = translations;
    }

    /** The tag of the guest-physical mappings of an EPTP. */
    long tables(long eptp) {
        long root = eptp >>> 12 & 0xff_ffff_ffffL;
        if (root != lastRoot) {
            long number = root == formerRoot ? formerNumber : number(root);
            formerRoot = lastRoot;
            formerNumber = lastNumber;
            lastRoot = root;
            lastNumber = number;
        }
        return lastNumber;
    }

    private long number(long root) {
        if (numbers.size() == MOST_TABLES && !numbers.containsKey(root)) {
            numbers.clear();
            lastRoot = -1;
            translations.dropEverything();
        }
        return numbers.computeIfAbsent(root, key -> (long) numbers.size());
    }

    private static long group(int vpid) {
        return vpid == 0 ? ZERO : VPID | vpid;
    }

    /** The space of a guest without EPT. */
    long linear(int vpid) {
        return group(vpid);
    }

    /** The space of a guest with EPT. */
    long combined(int vpid, long eptp) {
        return group(vpid) | EPT | tables(eptp) << TABLES_AT;
    }

    /** A VM entry or exit without VPID: linear and combined mappings of VPID 0 go; guest-physical ones stay. */
    void transition() {
        translations.dropSpaces(VPID, HOST, true);
    }

    /** INVEPT: guest-physical and combined mappings of an EP4TA, of every VPID and PCID. */
    void dropTables(long eptp) {
        long tables = tables(eptp);
        translations.dropSpaces(TABLES, EPT | tables << TABLES_AT, true);
        translations.dropGuestPhysical(tables);
    }

    /** INVEPT: guest-physical and combined mappings of every EP4TA. */
    void dropAllTables() {
        translations.dropSpaces(EPT, EPT, true);
        translations.dropGuestPhysical(-1);
    }

    /** INVVPID: linear and combined mappings of a VPID. */
    void dropVpid(int vpid, boolean globalToo) {
        translations.dropSpace(group(vpid), globalToo);
    }

    /** INVVPID: linear and combined mappings of every VPID but 0. */
    void dropVpids() {
        translations.dropSpaces(VPID, VPID, true);
    }

    /** INVVPID: linear and combined mappings of one address, of every PCID and EP4TA. */
    void dropAddress(int vpid, long linear) {
        translations.dropAddress(group(vpid), linear);
    }

    @Override
    public void save(StateWriter out) {
        long[] roots = new long[numbers.size()];
        numbers.forEach((root, number) -> roots[number.intValue()] = root);
        out.section("extended page tables").writeInt(roots.length);
        for (long root : roots) {
            out.writeLong(root);
        }
    }

    @Override
    public void restore(StateReader in) {
        in.section("extended page tables");
        numbers.clear();
        lastRoot = -1;
        formerRoot = -1;
        for (long left = in.readCount(); left > 0; left--) {
            numbers.put(in.readLong(), (long) numbers.size());
        }
    }
}

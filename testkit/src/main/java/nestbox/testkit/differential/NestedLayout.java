package nestbox.testkit.differential;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Where things lie in the physical memory of a nested differential run, beside what {@link Layout} has for L2: all of it L1's own, and
 * none of it in the reach of L2's page tables.
 */
final class NestedLayout {
    static final long MEMORY = 32 << 20;
    static final long L1 = 0x1000000;
    static final long STACK = 0x1080000;
    /** Numbers that L1 keeps, and above them the mutations of the next probe. */
    static final long NUMBERS = 0x1081000;

    static final long ENTRY_FLAGS = NUMBERS + 0x20;
    static final long MUTATIONS = NUMBERS + 0x400;
    static final long ROOT = 0x1082000;
    static final long IDT = 0x1088000;
    static final long GDT = 0x1089000;
    static final long VMXON = 0x108a000;
    /** VMCS or VMCB of the first guest; the second's follows, then one that belongs to no guest. */
    static final long CONTROL = 0x108b000;

    static final long SPARE = 0x108d000;
    static final long HSAVE = 0x108e000;
    static final long OWN = 0x108f000;
    /** Maps of ports: two pages of VMX, three of SVM. */
    static final long PORTS = 0x1090000;

    static final long MSRS = 0x1093000;
    static final long VIRTUAL_APIC = 0x1096000;
    /** Each guest's fields as pairs of encoding and value, in the upper half of a page those that put it back to CPL 0. */
    static final long FIELDS = 0x1097000;

    static final long CPL0_FIELDS = 0x800;
    static final long EXIT_FIELDS = 0x1099000;
    static final long DUMP_FIELDS = 0x109a000;
    static final long PROBE_FIELDS = 0x109b000;
    static final long DUMP = 0x109c000;
    static final long SAVED = 0x109d000;
    /** Gates that lead to "probe", within the reach of L2. */
    static final long PROBE_IDT = 0xa000;
    /** EPT or nested tables of the first guest; the second's lie 10000h higher. */
    static final long STAGE = 0x10a0000;

    static final long STAGE_BYTES = 0x10000;
    /** 100h bytes a step: what L1 has seen of its exit. */
    static final long RECORDS = 0x1100000;

    static final int RECORD_BYTES = 0x100;
    static final int MOST_STEPS = 0x3000;

    /** The same of exits by which a guest hands over to who has the step. */
    static final long HANDOVERS = RECORDS + (long) MOST_STEPS * RECORD_BYTES;

    static final long RECORDS_END = HANDOVERS + (long) MOST_STEPS * RECORD_BYTES;

    private NestedLayout() {}

    static long control(int guest) {
        return CONTROL + 0x1000L * guest;
    }

    /** The names that L1's source has for these places. */
    static String constants() {
        Map<String, Long> names = new LinkedHashMap<>();
        names.put("L1", L1);
        names.put("L1_STACK", STACK);
        names.put("CURRENT", NUMBERS);
        names.put("LAUNCHED", NUMBERS + 0x08);
        names.put("PROBING", NUMBERS + 0x10);
        names.put("SUM", NUMBERS + 0x18);
        names.put("ENTRY_FLAGS", ENTRY_FLAGS);
        names.put("ENTRY_SHADOW", NUMBERS + 0x24);
        names.put("RUNNING", NUMBERS + 0x28);
        names.put("ENTRY_ACTIVITY", NUMBERS + 0x2c);
        names.put("DESCRIPTOR", NUMBERS + 0x30);
        names.put("REGS", NUMBERS + 0x80);
        names.put("L1_GDT_POINTER", GDT + 0x100);
        names.put("L1_IDT_POINTER", GDT + 0x110);
        names.put("MUTATIONS", MUTATIONS);
        names.put("L1_ROOT", ROOT);
        names.put("VMXON", VMXON);
        names.put("CONTROL0", control(0));
        names.put("CONTROL1", control(1));
        names.put("SPARE", SPARE);
        names.put("HSAVE", HSAVE);
        names.put("OWN", OWN);
        names.put("FIELDS", FIELDS);
        names.put("EXIT_FIELDS", EXIT_FIELDS);
        names.put("DUMP_FIELDS", DUMP_FIELDS);
        names.put("PROBE_FIELDS", PROBE_FIELDS);
        names.put("DUMP", DUMP);
        names.put("SAVED", SAVED);
        names.put("RECORDS", RECORDS);
        names.put("HANDOVERS", HANDOVERS);
        StringBuilder text = new StringBuilder();
        names.forEach(
                (name, value) -> text.append(name).append(" equ ").append(value).append('\n'));
        return text.toString();
    }
}

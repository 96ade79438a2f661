package nestbox.vmx.check;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import nestbox.vmx.vmcs.Vmcs;
import nestbox.vmx.vmcs.VmcsField;

/** All VM-entry checks, and the ways to run them (SDM Vol. 3, chapter "VM Entries"). Immutable tables, shared by everybody. */
public final class EntryChecks {
    private static final Map<CheckGroup, List<CheckRow>> BY_GROUP = new EnumMap<>(CheckGroup.class);
    private static final List<CheckRow> ALL;
    private static final CheckSelection EVERY;
    private static final long[] READERS = new long[VmcsField.count()];

    static {
        BY_GROUP.put(CheckGroup.BASIC, BasicRows.rows());
        BY_GROUP.put(CheckGroup.EXECUTION_CONTROLS, ExecutionControlRows.rows());
        BY_GROUP.put(CheckGroup.VIRTUAL_APIC, ExecutionControlRows.virtualApic());
        BY_GROUP.put(CheckGroup.EXIT_CONTROLS, ExitEntryControlRows.exit());
        BY_GROUP.put(CheckGroup.ENTRY_CONTROLS, ExitEntryControlRows.entry());
        BY_GROUP.put(CheckGroup.EVENT_INJECTION, InjectionRows.rows());
        BY_GROUP.put(CheckGroup.HOST_REGISTERS, HostRows.registers());
        BY_GROUP.put(CheckGroup.HOST_SEGMENTS, HostRows.segments());
        BY_GROUP.put(CheckGroup.ADDRESS_SPACE, HostRows.addressSpace());
        BY_GROUP.put(CheckGroup.GUEST_REGISTERS, GuestRegisterRows.rows());
        BY_GROUP.put(CheckGroup.GUEST_SEGMENTS, GuestSegmentRows.rows());
        BY_GROUP.put(CheckGroup.GUEST_TABLES, GuestStateRows.tables());
        BY_GROUP.put(CheckGroup.GUEST_RIP_RFLAGS, GuestStateRows.ripRflags());
        BY_GROUP.put(CheckGroup.GUEST_NON_REGISTER, NonRegisterRows.rows());
        BY_GROUP.put(CheckGroup.VMCS_LINK, MemoryRows.link());
        BY_GROUP.put(CheckGroup.GUEST_PDPTES, MemoryRows.pdptes());
        BY_GROUP.put(CheckGroup.MSR_LOADING, MsrLoadRows.rows());
        ALL = BY_GROUP.values().stream().flatMap(List::stream).toList();
        EVERY = select(row -> true);
        for (CheckRow row : ALL) {
            row.fields()
                    .forEach(field -> READERS[field.ordinal()] |= row.group().mask());
        }
        CheckRow.CONTROL_WORDS.forEach(field -> READERS[field.ordinal()] = -1);
    }

    private EntryChecks() {}

    /** Every row, in the manual's order. */
    public static List<CheckRow> rows() {
        return ALL;
    }

    public static List<CheckRow> rows(CheckGroup group) {
        return BY_GROUP.get(group);
    }

    /** For each field by ordinal the groups that read it; what {@link Vmcs} wants to know, which only reads it. */
    public static long[] readers() {
        return READERS;
    }

    /** Every check that fails, in the manual's order, whatever comes first. */
    public static List<CheckFailure> all(CheckContext context) {
        List<CheckFailure> failures = new ArrayList<>();
        for (CheckRow row : ALL) {
            Failure failure = row.check(context);
            if (failure != null) {
                failures.add(row.explain(context, failure));
            }
        }
        return failures;
    }

    /** The check that a VM entry fails by, or null. */
    public static CheckFailure first(CheckContext context, CheckOrder order) {
        for (CheckGroup group : order.groups()) {
            CheckFailure failure = group(context, group);
            if (failure != null) {
                return failure;
            }
        }
        return null;
    }

    /** As {@link #first(CheckContext, CheckOrder)}, by {@link CheckSelection#first}. */
    public static CheckFailure first(CheckContext context, CheckOrder order, Vmcs vmcs, CheckMemo memo) {
        return EVERY.first(context, order.groups(), vmcs, memo);
    }

    /** Some of the rows. */
    public static CheckSelection select(Predicate<CheckRow> chosen) {
        return new CheckSelection(ALL, chosen);
    }

    /** The first row of a group that fails, or null. */
    public static CheckFailure group(CheckContext context, CheckGroup group) {
        return EVERY.group(context, group);
    }
}

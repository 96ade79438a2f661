package nestbox.vmx.check;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import nestbox.vmx.vmcs.Vmcs;
import nestbox.vmx.vmcs.VmcsField;

/** All VM-entry checks, and the ways to run them (SDM Vol. 3, chapter "VM Entries"). Immutable tables, shared by everybody. */
public final class EntryChecks {
    private static final Map<CheckGroup, List<CheckRow>> BY_GROUP = new EnumMap<>(CheckGroup.class);
    /** As {@link #BY_GROUP}, by ordinal. */
    private static final CheckRow[][] ROWS = new CheckRow[CheckGroup.values().length][];

    private static final List<CheckRow> ALL;
    private static final long[] READERS = new long[VmcsField.count()];
    /** Groups whose rows read nothing but VMCS fields. */
    private static final long MEMOISABLE;

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
        BY_GROUP.forEach((group, rows) -> ROWS[group.ordinal()] = rows.toArray(new CheckRow[0]));
        ALL = BY_GROUP.values().stream().flatMap(List::stream).toList();
        long memoisable = 0;
        for (Map.Entry<CheckGroup, List<CheckRow>> entry : BY_GROUP.entrySet()) {
            if (keyed(entry.getValue())) {
                memoisable |= entry.getKey().mask();
            }
        }
        MEMOISABLE = memoisable;
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

    /**
     * As {@link #first(CheckContext, CheckOrder)}, but skips groups that passed before and of which nothing that they read
     * has changed since: no field, and no other state unless they did not come to read it. The result is the same.
     *
     * @param vmcs the VMCS behind {@code context}; remembers what is stale
     * @param memo what was seen of the processor's other state; one a VMCS and processor
     */
    public static CheckFailure first(CheckContext context, CheckOrder order, Vmcs vmcs, CheckMemo memo) {
        if (memo.changed(context)) {
            memo.take(context);
            memo.forgetAll();
        }
        long stale = vmcs.stale() | ~memo.passed();
        vmcs.markFresh(-1);
        memo.keep(~stale);
        for (CheckGroup group : order.groups()) {
            if ((stale & group.mask()) != 0) {
                context.lookedOutside();
                CheckFailure failure = group(context, group);
                if (failure != null) {
                    return failure;
                }
                if ((MEMOISABLE & group.mask()) != 0 || !context.lookedOutside()) {
                    memo.pass(group);
                }
            }
        }
        return null;
    }

    /** The first row of a group that fails, or null. */
    public static CheckFailure group(CheckContext context, CheckGroup group) {
        return group(context, group, Set.of());
    }

    /** As {@link #group(CheckContext, CheckGroup)} for who leaves some rows out, by their ids. */
    public static CheckFailure group(CheckContext context, CheckGroup group, Set<String> omitted) {
        for (CheckRow row : ROWS[group.ordinal()]) {
            Failure failure = row.check(context);
            if (failure != null && !omitted.contains(row.id())) {
                return row.explain(context, failure);
            }
        }
        return null;
    }

    /** Whether a group's state outside the VMCS is all in {@link CheckMemo}. */
    private static boolean keyed(List<CheckRow> rows) {
        Set<CpuState> states = EnumSet.noneOf(CpuState.class);
        rows.forEach(row -> states.addAll(row.states()));
        return CheckMemo.KEYED.containsAll(states);
    }
}

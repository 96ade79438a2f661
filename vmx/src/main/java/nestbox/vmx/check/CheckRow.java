package nestbox.vmx.check;

import java.util.Collections;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import nestbox.vmx.vmcs.VmcsField;

/**
 * One VM-entry check: what it demands, what it reads, and how an entry fails that violates it. Besides the fields that a row
 * names, every row may read the control words (see {@link #CONTROL_WORDS}).
 */
public final class CheckRow {
    /** Fields that any row may read without naming them: a change of one makes every group stale. */
    public static final Set<VmcsField> CONTROL_WORDS = Collections.unmodifiableSet(EnumSet.of(
            VmcsField.PIN_BASED_VM_EXEC_CONTROL,
            VmcsField.CPU_BASED_VM_EXEC_CONTROL,
            VmcsField.SECONDARY_VM_EXEC_CONTROL,
            VmcsField.TERTIARY_VM_EXEC_CONTROL,
            VmcsField.VM_EXIT_CONTROLS,
            VmcsField.SECONDARY_VM_EXIT_CONTROLS,
            VmcsField.VM_ENTRY_CONTROLS,
            VmcsField.VM_FUNCTION_CONTROL));

    /** Finds how an entry fails; null if the check passes. */
    @FunctionalInterface
    interface Judge {
        Failure judge(CheckContext context);
    }

    private final String id;
    private final CheckGroup group;
    private final String rule;
    private final List<VmcsField> fields;
    private final Set<CpuState> states;
    private final Judge judge;
    private final boolean verified;

    private CheckRow(
            String id,
            CheckGroup group,
            String rule,
            List<VmcsField> fields,
            Set<CpuState> states,
            Judge judge,
            boolean verified) {
        this.id = id;
        this.group = group;
        this.rule = rule;
        this.fields = List.copyOf(fields);
        this.states = states;
        this.judge = judge;
        this.verified = verified;
    }

    /** A row that fails in one way. */
    static CheckRow of(
            String id,
            CheckGroup group,
            Failure failure,
            List<VmcsField> fields,
            String rule,
            Predicate<CheckContext> holds) {
        Judge judge = context -> holds.test(context) ? null : failure;
        return new CheckRow(id, group, rule, fields, Set.of(), judge, true);
    }

    /** A row that fails in several ways. */
    static CheckRow of(String id, CheckGroup group, List<VmcsField> fields, String rule, Judge judge) {
        return new CheckRow(id, group, rule, fields, Set.of(), judge, true);
    }

    /** The row, which also reads state outside the VMCS. */
    CheckRow reads(CpuState first, CpuState... more) {
        return new CheckRow(
                id, group, rule, fields, Collections.unmodifiableSet(EnumSet.of(first, more)), judge, verified);
    }

    /** The row, of which the manual's text could not be read. */
    CheckRow unverified() {
        return new CheckRow(id, group, rule, fields, states, judge, false);
    }

    /** Stable name, {@code area.subject.aspect}. */
    public String id() {
        return id;
    }

    public CheckGroup group() {
        return group;
    }

    /** What the row demands. */
    public String rule() {
        return rule;
    }

    /** The VMCS fields that the row reads besides the {@link #CONTROL_WORDS}. */
    public List<VmcsField> fields() {
        return fields;
    }

    /** The state outside the VMCS that the row reads. */
    public Set<CpuState> states() {
        return states;
    }

    /** False if the manual's text behind the row could not be read. */
    public boolean verified() {
        return verified;
    }

    /** How the entry fails by this row, or null. */
    public Failure check(CheckContext context) {
        return judge.judge(context);
    }

    /** A failure with the values that explain it. */
    CheckFailure explain(CheckContext context, Failure failure) {
        Map<VmcsField, Long> values = new LinkedHashMap<>();
        for (VmcsField field : fields) {
            values.put(field, context.get(field));
        }
        return new CheckFailure(this, failure, Collections.unmodifiableMap(values));
    }

    @Override
    public String toString() {
        return id;
    }
}

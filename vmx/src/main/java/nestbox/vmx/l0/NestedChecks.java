package nestbox.vmx.l0;

import java.util.Arrays;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import nestbox.l0.NestedPolicy;
import nestbox.l0.Vcpu;
import nestbox.vmx.check.CheckFailure;
import nestbox.vmx.check.CheckGroup;
import nestbox.vmx.check.CheckMemo;
import nestbox.vmx.check.CheckRow;
import nestbox.vmx.check.CheckSelection;
import nestbox.vmx.check.EntryChecks;
import nestbox.vmx.vmcs.VmcsField;

/**
 * Which checks of vmcs12 L0 makes itself. A row is <em>delegable</em> if every field that it reads passes through the merge
 * unchanged: as KVM does, L0 leaves it to the silicon, whose VMfail or exit 33 then is vmcs12's. All other rows are L0's alone,
 * as vmcs02 has values of L0's in their fields.
 */
final class NestedChecks {
    /** What vmcs02 takes from vmcs12 as it is, legal or not. */
    static final List<VmcsField> PASSED = passed();

    private static final Set<VmcsField> PASSED_SET = EnumSet.copyOf(PASSED);
    private static final CheckSelection OWN = EntryChecks.select(row -> !delegable(row));
    private static final CheckSelection LEFT = EntryChecks.select(NestedChecks::delegable);
    private static final List<CheckGroup> CONTROLS = groups(CheckGroup.Phase.BASIC, CheckGroup.Phase.CONTROLS_AND_HOST);
    private static final List<CheckGroup> ENTERED = groups(CheckGroup.Phase.CONTROLS_AND_HOST);
    private static final List<CheckGroup> GUEST = groups(CheckGroup.Phase.GUEST);

    private final NestedVmx vmx;
    private final NestedContext context;
    /** {@link #OWN} without what policies leave out. */
    private final CheckSelection own;

    private CheckMemo memo = new CheckMemo();

    NestedChecks(NestedVmx vmx) {
        this.vmx = vmx;
        context = new NestedContext(vmx);
        Set<String> omitted = omitted(vmx.vcpu);
        omitted.addAll(vmx.vcpu.hypervisor().config().nested().omittedChecks(own()));
        own = omitted.isEmpty() ? OWN : EntryChecks.select(row -> !delegable(row) && !omitted.contains(row.id()));
    }

    private static Set<String> omitted(Vcpu vcpu) {
        Set<String> rows = new HashSet<>();
        if (!vcpu.follows(NestedPolicy.CHECK_IA32E)) {
            rows.addAll(Set.of("guest.ia32e.pg", "guest.ia32e.pae"));
        }
        if (!vcpu.follows(NestedPolicy.CHECK_VPID)) {
            rows.add("exec.vpid");
        }
        return rows;
    }

    private static List<VmcsField> passed() {
        EnumSet<VmcsField> set = EnumSet.of(
                VmcsField.GUEST_RIP,
                VmcsField.GUEST_RSP,
                VmcsField.GUEST_RFLAGS,
                VmcsField.GUEST_INTERRUPTIBILITY_INFO,
                VmcsField.GUEST_PENDING_DBG_EXCEPTIONS,
                VmcsField.GUEST_SYSENTER_ESP,
                VmcsField.GUEST_SYSENTER_EIP,
                VmcsField.GUEST_GDTR_BASE,
                VmcsField.GUEST_GDTR_LIMIT,
                VmcsField.GUEST_IDTR_BASE,
                VmcsField.GUEST_IDTR_LIMIT);
        set.addAll(Arrays.asList(VmxGuestState.SELECTOR));
        set.addAll(Arrays.asList(VmxGuestState.BASE));
        set.addAll(Arrays.asList(VmxGuestState.LIMIT));
        set.addAll(Arrays.asList(VmxGuestState.RIGHTS));
        return List.copyOf(set);
    }

    private static List<CheckGroup> groups(CheckGroup.Phase... phases) {
        Set<CheckGroup.Phase> wanted = EnumSet.copyOf(Arrays.asList(phases));
        return Arrays.stream(CheckGroup.values())
                .filter(group -> wanted.contains(group.phase()))
                .toList();
    }

    /**
     * Whether the silicon's check of vmcs02 is the check of vmcs12. The virtual-APIC page is L1's own: it can change at any time,
     * so that only the silicon's look at it counts.
     */
    static boolean delegable(CheckRow row) {
        return switch (row.group().phase()) {
            case CONTROLS_AND_HOST -> row.group() == CheckGroup.VIRTUAL_APIC;
            case GUEST -> !row.fields().isEmpty() && PASSED_SET.containsAll(row.fields());
            default -> false;
        };
    }

    /** Ids of the rows that are L0's own. */
    static Set<String> own() {
        return EntryChecks.rows().stream()
                .filter(row -> !delegable(row))
                .map(CheckRow::id)
                .collect(Collectors.toSet());
    }

    /** Another vmcs12 is current. */
    void forget() {
        memo = new CheckMemo();
    }

    /** The check of controls and host state, of L0's own, that fails; null if none does. */
    CheckFailure controls(boolean launching) {
        context.launching = launching;
        return vmx.vmcs12 == null ? own.group(context, CheckGroup.BASIC) : first(CONTROLS);
    }

    /** The same of an L2 that no instruction enters: what one would find (launch state, blocking by MOV SS) is none of its state. */
    CheckFailure entered() {
        return first(ENTERED);
    }

    /** The check of L2's state, of L0's own, that fails; null if none does. */
    CheckFailure guest() {
        return first(GUEST);
    }

    private CheckFailure first(List<CheckGroup> groups) {
        return own.first(context, groups, vmx.vmcs12, memo);
    }

    /** What the silicon will find, for an entry that will not come to it; null if it finds nothing. */
    CheckFailure left() {
        CheckFailure failure = LEFT.group(context, CheckGroup.VIRTUAL_APIC);
        for (CheckGroup group : GUEST) {
            failure = failure == null ? LEFT.group(context, group) : failure;
        }
        return failure;
    }
}

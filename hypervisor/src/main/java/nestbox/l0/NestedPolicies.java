package nestbox.l0;

import java.util.EnumMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import nestbox.core.NestboxException;
import nestbox.l0.NestedPolicy.NewVpid12;
import nestbox.l0.NestedPolicy.OperandInDevice;
import nestbox.l0.NestedPolicy.VmfailCr3;
import nestbox.l0.NestedPolicy.VmfailMsr;
import nestbox.l0.NestedPolicy.VmfailPdptr;
import nestbox.mmu.core.PolicyValue;

/** A value for each {@link NestedPolicy}, and the checks of nested entries that L0 leaves out. Immutable. */
public final class NestedPolicies {
    /** The name under which {@link #with(String, String)} takes a check to leave out; each is a bug of its own. */
    public static final String OMIT = "check.omit";

    private static final NestedPolicies EXACT = preset(false);
    private static final NestedPolicies KVM = preset(true);

    private final Map<NestedPolicy, PolicyValue> values;
    private final boolean[] applies = new boolean[NestedPolicy.values().length];
    private final Set<String> omitted;

    private NestedPolicies(Map<NestedPolicy, PolicyValue> from, Set<String> omitted) {
        values = new EnumMap<>(from);
        this.omitted = Set.copyOf(omitted);
        values.forEach((policy, value) -> applies[policy.ordinal()] = Boolean.TRUE.equals(value.rule()));
    }

    private static NestedPolicies preset(boolean kvm) {
        Map<NestedPolicy, PolicyValue> map = new EnumMap<>(NestedPolicy.class);
        for (NestedPolicy policy : NestedPolicy.values()) {
            map.put(policy, kvm ? policy.kvm() : policy.exact());
        }
        return new NestedPolicies(map, Set.of());
    }

    /** The right value at every point. */
    public static NestedPolicies exact() {
        return EXACT;
    }

    /** Linux as it stands. */
    public static NestedPolicies kvm() {
        return KVM;
    }

    /** Whether a policy of that name, which {@code =} and a value may follow, is one of these. */
    public static boolean knows(String name) {
        int equals = name.indexOf('=');
        String point = equals < 0 ? name : name.substring(0, equals);
        return point.equals(OMIT) || NestedPolicy.isOne(point);
    }

    public PolicyValue get(NestedPolicy policy) {
        return values.get(policy);
    }

    /** The answer at a point of yes or no. */
    public boolean applies(NestedPolicy policy) {
        return applies[policy.ordinal()];
    }

    public VmfailPdptr vmfailPdptr() {
        return (VmfailPdptr) get(NestedPolicy.VMFAIL_PDPTR).rule();
    }

    public OperandInDevice operandInDevice() {
        return (OperandInDevice) get(NestedPolicy.VMX_OPERAND_IN_DEVICE).rule();
    }

    public NewVpid12 newVpid12() {
        return (NewVpid12) get(NestedPolicy.VPID_NEW).rule();
    }

    public VmfailCr3 vmfailCr3() {
        return (VmfailCr3) get(NestedPolicy.VMFAIL_CR3).rule();
    }

    public VmfailMsr vmfailMsr() {
        return (VmfailMsr) get(NestedPolicy.VMFAIL_MSR).rule();
    }

    /**
     * The checks of vmcs12 or vmcb12 that L0 leaves out.
     *
     * @param own ids of those that it makes
     * @throws NestboxException if another is to be left out
     */
    public Set<String> omittedChecks(Set<String> own) {
        for (String id : omitted) {
            if (!own.contains(id)) {
                throw new NestboxException(
                        OMIT, "'" + id + "' is no check that L0 makes of the guest's nested entries, or the silicon's");
            }
        }
        return omitted;
    }

    /** @throws NestboxException if either name is unknown */
    public NestedPolicies with(String name, String value) {
        if (name.equals(OMIT)) {
            Set<String> more = new TreeSet<>(omitted);
            more.add(value);
            return new NestedPolicies(values, more);
        }
        NestedPolicy policy = NestedPolicy.named(name);
        return with(policy, policy.value(value));
    }

    /**
     * With a value of the user's own at one point.
     *
     * @throws NestboxException if its rule is not of the type that the point's other values have
     */
    public NestedPolicies with(NestedPolicy policy, PolicyValue value) {
        Class<?> wanted = policy.exact().rule().getClass();
        if (!wanted.isInstance(value.rule())) {
            throw new NestboxException(policy.text(), "takes a " + wanted.getSimpleName());
        }
        Map<NestedPolicy, PolicyValue> map = new EnumMap<>(values);
        map.put(policy, value);
        return new NestedPolicies(map, omitted);
    }
}

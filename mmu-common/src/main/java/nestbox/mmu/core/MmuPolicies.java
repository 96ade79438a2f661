package nestbox.mmu.core;

import java.util.EnumMap;
import java.util.Map;
import nestbox.core.NestboxException;

/** A value for each {@link MmuPolicy}. Immutable; {@link #with} and {@link #toBuilder} derive others. */
public final class MmuPolicies {
    private static final MmuPolicies EXACT = preset(false);
    private static final MmuPolicies KVM = preset(true);

    private final Map<MmuPolicy, PolicyValue> values;
    private final Rule[] rules = new Rule[MmuPolicy.values().length];
    private final MmioGvaRule gvaRule;
    private final NgpaLookup ngpaLookup;
    private final UpperLevelUnsync upperLevelUnsync;

    private MmuPolicies(Map<MmuPolicy, PolicyValue> from) {
        values = new EnumMap<>(from);
        for (MmuPolicy policy : MmuPolicy.values()) {
            if (values.get(policy).rule() instanceof Rule rule) {
                rules[policy.ordinal()] = rule;
            }
        }
        ngpaLookup = (NgpaLookup) values.get(MmuPolicy.MMIO_NESTED_LOOKUP).rule();
        upperLevelUnsync = (UpperLevelUnsync)
                values.get(MmuPolicy.SHADOW_UPPER_LEVEL_UNSYNC).rule();
        gvaRule = (MmioGvaRule) values.get(MmuPolicy.MMIO_GVA_ALLOWED).rule();
    }

    private static MmuPolicies preset(boolean kvm) {
        Map<MmuPolicy, PolicyValue> map = new EnumMap<>(MmuPolicy.class);
        for (MmuPolicy policy : MmuPolicy.values()) {
            map.put(policy, kvm ? policy.kvm() : policy.exact());
        }
        return new MmuPolicies(map);
    }

    /** The right value at every point. */
    public static MmuPolicies exact() {
        return EXACT;
    }

    /** Linux as it stands. */
    public static MmuPolicies kvm() {
        return KVM;
    }

    public PolicyValue get(MmuPolicy policy) {
        return values.get(policy);
    }

    boolean applies(MmuPolicy policy, PolicyContext context) {
        return rules[policy.ordinal()].applies(context);
    }

    NgpaLookup ngpaLookup() {
        return ngpaLookup;
    }

    UpperLevelUnsync upperLevelUnsync() {
        return upperLevelUnsync;
    }

    MmioGvaRule gvaRule() {
        return gvaRule;
    }

    /** These with one named value changed: {@code with("mmioCache.gvaAllowed", "sean")}. */
    public MmuPolicies with(String policy, String value) {
        return toBuilder().set(policy, value).build();
    }

    public Builder toBuilder() {
        return new Builder(values);
    }

    /** Changes some values. */
    public static final class Builder {
        private final Map<MmuPolicy, PolicyValue> values;

        private Builder(Map<MmuPolicy, PolicyValue> from) {
            values = new EnumMap<>(from);
        }

        /** @throws NestboxException if either name is unknown */
        public Builder set(String policy, String value) {
            MmuPolicy point = MmuPolicy.named(policy);
            values.put(point, point.value(value));
            return this;
        }

        /** A value of the user's own; its rule must be of the type that the point's other values have. */
        public Builder set(MmuPolicy policy, PolicyValue value) {
            Class<?> wanted = policy.takes();
            if (!wanted.isInstance(value.rule())) {
                throw new NestboxException(policy.text(), "takes a " + wanted.getSimpleName());
            }
            values.put(policy, value);
            return this;
        }

        public MmuPolicies build() {
            return new MmuPolicies(values);
        }
    }
}

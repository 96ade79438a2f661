package nestbox.mmu.core;

import java.util.List;
import nestbox.core.NestboxException;

/** A question that L0 may answer in several ways; the answers are named, so that a wrong one can be tried, too. */
public interface PolicyPoint {
    /** As users write it. */
    String text();

    /** All values, that of the preset {@code exact} first. */
    List<PolicyValue> choices();

    /** The value in KVM. */
    PolicyValue kvm();

    /** The right value. */
    default PolicyValue exact() {
        return choices().get(0);
    }

    /** @throws NestboxException if there is none of this name */
    default PolicyValue value(String name) {
        for (PolicyValue value : choices()) {
            if (value.name().equals(name)) {
                return value;
            }
        }
        throw new NestboxException(
                text(),
                "'" + name + "' is none of "
                        + choices().stream().map(PolicyValue::name).toList());
    }
}

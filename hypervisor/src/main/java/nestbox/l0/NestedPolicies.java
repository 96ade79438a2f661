package nestbox.l0;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;
import nestbox.core.NestboxException;

/**
 * Policy points of nesting (facts A.1, A.4 and H). Immutable.
 *
 * @param vmfailPdptr where L1's PDPTE registers come from when hardware refuses vmcs02
 * @param vmfailCr3 where L1's CR3 comes from then
 */
public record NestedPolicies(VmfailPdptr vmfailPdptr, VmfailCr3 vmfailCr3) {
    /** {@code vmfail.pdptr}. */
    public enum VmfailPdptr {
        /** Right: what the registers held before the entry (proposal of 9 June 2026). */
        SNAPSHOT,
        /** Wrong: loaded again from memory, which L1 may have edited since (patch 1/3 of 4 June 2026). */
        MEMORY,
        /** Wrong: L2's stay (Linux before the patch, without EPT). */
        NONE
    }

    /** {@code vmfail.cr3}. */
    public enum VmfailCr3 {
        /** Right: L1's CR3 as it was before the entry. */
        SNAPSHOT,
        /** Wrong: L2's stays (Linux before bd18bffca353). */
        NONE
    }

    /** The right value at every point. */
    public static NestedPolicies exact() {
        return new NestedPolicies(VmfailPdptr.SNAPSHOT, VmfailCr3.SNAPSHOT);
    }

    /** Linux as it stands: CR3 from a snapshot, PDPTEs left behind. */
    public static NestedPolicies kvm() {
        return new NestedPolicies(VmfailPdptr.NONE, VmfailCr3.SNAPSHOT);
    }

    /** Whether a policy of that name is one of these. */
    public static boolean knows(String name) {
        return name.startsWith("vmfail.");
    }

    /** @throws NestboxException if either name is unknown */
    public NestedPolicies with(String name, String value) {
        return switch (name) {
            case "vmfail.pdptr" -> new NestedPolicies(parse(name, value, VmfailPdptr.values()), vmfailCr3);
            case "vmfail.cr3" -> new NestedPolicies(vmfailPdptr, parse(name, value, VmfailCr3.values()));
            default -> throw new NestboxException("policy " + name, "is not one of vmfail.pdptr, vmfail.cr3");
        };
    }

    private static <E extends Enum<E>> E parse(String name, String value, E[] values) {
        for (E candidate : values) {
            if (candidate.name().toLowerCase(Locale.ROOT).equals(value)) {
                return candidate;
            }
        }
        throw new NestboxException(
                "policy " + name,
                "'" + value + "' is not one of "
                        + Arrays.stream(values)
                                .map(v -> v.name().toLowerCase(Locale.ROOT))
                                .collect(Collectors.joining(", ")));
    }
}

package nestbox.testkit.differential;

import java.util.List;
import java.util.Map;

/**
 * One L1 with two guests.
 *
 * @param vendor whose virtualization L1 uses
 * @param shape paging mode of L2 at the start
 * @param tdp L1 uses EPT or nested paging
 * @param tables entries of L2's page tables at the start, by physical address
 * @param words other memory at the start, 8 bytes each: VMCS fields or VMCBs, EPT or nested tables, bitmaps
 * @param steps what L1 and its guests do
 */
public record NestedCase(
        NestedVendor vendor,
        Shape shape,
        boolean tdp,
        Map<Long, Long> tables,
        Map<Long, Long> words,
        List<NestedStep> steps) {
    /** Those that are not L1's. */
    long stepsOfGuests() {
        return steps.stream()
                .filter(step -> step.who() != NestedStep.HYPERVISOR)
                .count();
    }

    NestedCase with(List<NestedStep> others) {
        return new NestedCase(vendor, shape, tdp, tables, words, others);
    }
}

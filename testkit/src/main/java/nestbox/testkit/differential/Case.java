package nestbox.testkit.differential;

import java.util.List;
import java.util.Map;

/**
 * One guest of a differential run.
 *
 * @param shape paging mode at the start
 * @param cpus processors
 * @param root the first top table
 * @param tables page tables at the start, in words of 4 bytes by physical address
 * @param steps what it does
 */
public record Case(Shape shape, int cpus, long root, Map<Long, Long> tables, List<Step> steps) {
    Case with(List<Step> others) {
        return new Case(shape, cpus, root, tables, others);
    }
}

package nestbox.testkit.scenario;

import java.util.List;
import nestbox.modules.NestboxConfiguration;

/**
 * A sequence of events that a hypervisor can get wrong, as a kernel changelog would number it, with the machine code that makes it
 * happen and what is to be seen under each policy.
 *
 * @param id short name
 * @param title one line
 * @param steps numbered from 0 in the source's comments
 * @param source assembly of the image
 * @param right what the image prints on bare silicon and under every right policy
 * @param columns the ways to run it
 */
public record Scenario(String id, String title, List<String> steps, String source, String right, List<Column> columns) {
    /**
     * One way to run a scenario.
     *
     * @param policies as a user would name them
     * @param configuration the laboratory
     * @param observed what the image prints, or {@code shutdown}
     */
    public record Column(String policies, NestboxConfiguration configuration, String observed) {}

    /** Whether a column is expected to go wrong. */
    public boolean wrong(Column column) {
        return !column.observed().equals(right);
    }
}

package nestbox.testkit.scenario;

import java.util.List;
import nestbox.modules.NestboxConfiguration;

/**
 * A sequence of events that a hypervisor can get wrong, as a kernel changelog would number it, with the machine code that makes it
 * happen and what is to be seen under each policy.
 *
 * @param id short name
 * @param title one line
 * @param origin where the sequence comes from: a mail thread, a commit, a CVE
 * @param notes what else a reader should know
 * @param steps numbered from 0; the source's comments have them
 * @param source assembly of the image
 * @param right what is seen on bare silicon and under every right policy
 * @param probes what else is observed than what the image prints
 * @param reenters the user of L0 runs the guest again when L0 has given it up, once
 * @param columns the ways to run it
 */
public record Scenario(
        String id,
        String title,
        String origin,
        List<String> notes,
        List<String> steps,
        String source,
        String right,
        List<Probe.Kind> probes,
        boolean reenters,
        List<Column> columns) {
    /** What is to be seen of a cell. */
    public enum Verdict {
        RIGHT,
        /** Right, with more work than needed. */
        SLOW,
        WRONG,
        /** The run ends by name: Nestbox does not implement something, or L0 gives its guest up as KVM does. */
        REFUSED
    }

    /**
     * One way to run a scenario.
     *
     * @param text as the scenario's file has it: what runs the image, and settings
     * @param configuration the laboratory
     * @param verdict what is expected
     * @param observed what is expected to be seen
     */
    public record Column(String text, NestboxConfiguration configuration, Verdict verdict, String observed) {}
}

package nestbox.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import nestbox.l0.NestedPolicies;
import nestbox.l0.NestedPolicy;
import nestbox.mmu.core.MmuPolicy;
import nestbox.mmu.core.PolicyPoint;
import nestbox.mmu.core.PolicyValue;
import picocli.CommandLine.Command;

/** {@code nestbox policy}. */
@Command(
        name = "policy",
        description = "Policies of L0, for --policy NAME=VALUE.",
        mixinStandardHelpOptions = true,
        synopsisSubcommandLabel = "list")
final class PolicyCommand {
    @Command(
            name = "list",
            description = "Lists every policy with its values: origin, and whether it is right, slow or wrong.",
            mixinStandardHelpOptions = true)
    int list() {
        List<PolicyPoint> points = new ArrayList<>(List.of(MmuPolicy.values()));
        points.addAll(List.of(NestedPolicy.values()));
        for (PolicyPoint point : points) {
            System.out.println(point.text());
            for (PolicyValue value : point.choices()) {
                String presets = (value == point.exact() ? " exact" : "") + (value == point.kvm() ? " kvm" : "");
                System.out.printf(
                        "    %-10s %-9s%-11s %s (%s)%n",
                        value.name(),
                        value.verdict().name().toLowerCase(Locale.ROOT),
                        presets,
                        value.explanation(),
                        value.origin());
            }
        }
        System.out.println(NestedPolicies.OMIT);
        System.out.println(
                "    ROW        wrong                  L0 leaves out its check ROW of vmcs12 or vmcb12, which `nestbox check`"
                        + " names; may be given again");
        return 0;
    }
}

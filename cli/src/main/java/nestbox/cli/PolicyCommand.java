package nestbox.cli;

import nestbox.mmu.core.MmuPolicy;
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
        for (MmuPolicy policy : MmuPolicy.values()) {
            System.out.println(policy.text());
            for (PolicyValue value : policy.choices()) {
                String presets = (value == policy.exact() ? " exact" : "") + (value == policy.kvm() ? " kvm" : "");
                row(
                        value.name(),
                        value.verdict().name().toLowerCase(java.util.Locale.ROOT),
                        presets,
                        value.explanation(),
                        value.origin());
            }
        }
        System.out.println("vmfail.pdptr");
        row("snapshot", "right", " exact", "L1's PDPTE registers come back as they were", "proposal, 9 June 2026");
        row(
                "memory",
                "wrong",
                "",
                "they are loaded again from memory, which L1 may have edited",
                "patch 1/3, 4 June 2026");
        row("none", "wrong", " kvm", "L2's stay", "Linux");
        System.out.println("vmfail.cr3");
        row("snapshot", "right", " exact kvm", "L1's CR3 comes back as it was", "Linux, June 2026");
        row("none", "wrong", "", "L2's stays", "Linux before bd18bffca353");
        return 0;
    }

    private static void row(String name, String verdict, String presets, String meaning, String origin) {
        System.out.printf("    %-10s %-9s%-11s %s (%s)%n", name, verdict, presets, meaning, origin);
    }
}

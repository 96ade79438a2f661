package nestbox.cli;

import java.util.Locale;
import nestbox.mmu.core.YieldPoint;
import picocli.CommandLine.Command;

/** {@code nestbox yield}. */
@Command(
        name = "yield",
        description = "Points of L0 at which another processor can get in between, for --yield POINT=INSTRUCTIONS[@N].",
        mixinStandardHelpOptions = true,
        synopsisSubcommandLabel = "list")
final class YieldCommand {
    @Command(
            name = "list",
            description =
                    "Lists the points by number, with the lock that L0 holds there and the functions of KVM that have"
                            + " the race. Under lock slots the others' instructions are not emulated; under lock mmu they stay in"
                            + " the guest.",
            mixinStandardHelpOptions = true)
    int list() {
        for (YieldPoint point : YieldPoint.values()) {
            System.out.printf(
                    "%2d %-18s %-5s %s (%s)%n",
                    point.ordinal(),
                    point.id(),
                    point.lock().name().toLowerCase(Locale.ROOT),
                    point.meaning(),
                    point.where());
        }
        return 0;
    }
}

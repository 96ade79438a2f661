package nestbox.testkit.differential;

import nestbox.modules.L0Mode;
import nestbox.modules.NestboxConfiguration;

/**
 * One way to run a case.
 *
 * @param name short, for reports and the command line: {@code shadow/keep}
 * @param configuration the laboratory
 * @param check a ledger judges every translation, and ends the run at a stale one that had to be gone
 * @param userspace memory slots are logged, moved, taken away and brought back meanwhile
 */
public record Subject(String name, NestboxConfiguration configuration, boolean check, boolean userspace) {
    /** Behind a way's name. */
    static final String CHECK = "+check";

    static final String USERSPACE = "+userspace";

    Subject checked() {
        return new Subject(name + CHECK, configuration, true, userspace);
    }

    Subject withUserspace() {
        return new Subject(name + USERSPACE, configuration, check, true);
    }

    /**
     * A guest on one vendor's silicon.
     *
     * @param silicon model with virtualization
     * @param guest model that the guest sees, on bare silicon too
     */
    static Subject of(L0Mode mode, String tlb, String silicon, String guest, int cpus, long seed) {
        NestboxConfiguration.Builder builder = NestboxConfiguration.bareSilicon().toBuilder()
                .memoryBytes(Layout.MEMORY)
                .cpus(cpus)
                .seed(seed)
                .tlb(tlb);
        builder = mode == L0Mode.NONE
                ? builder.cpu(guest)
                : builder.cpu(silicon).guestCpu(guest).l0(mode);
        return new Subject(mode.text() + "/" + tlb, builder.build(), false, false);
    }
}

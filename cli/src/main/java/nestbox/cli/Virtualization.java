package nestbox.cli;

import java.io.PrintStream;
import java.util.HashSet;
import java.util.Set;
import nestbox.svm.silicon.CleanBitPolicy;
import nestbox.svm.silicon.CleanBitReport;
import nestbox.svm.silicon.SvmProvider;
import nestbox.vmx.silicon.VmxProvider;
import nestbox.x86.VirtualizationProvider;

/** What the command plugs into processors; each model decides by its features which of it it gets. */
final class Virtualization {
    /** Places of one VMCB field that are told apart; later ones at the same place say nothing new. */
    private record Place(int cpu, long vmcb, String field) {}

    private Virtualization() {}

    /** The extensions as the settings want them; wrongly set clean bits are reported once a field and VMCB. */
    static VirtualizationProvider provider(RunSettings settings, PrintStream err) {
        CleanBitPolicy policy = CleanBitPolicy.parse("--vmcb-clean", settings.vmcbClean);
        Set<Place> seen = new HashSet<>();
        return new VmxProvider().orElse(new SvmProvider(policy, report -> {
            if (seen.add(place(report))) {
                err.println("nestbox: " + report);
            }
        }));
    }

    private static Place place(CleanBitReport report) {
        return new Place(report.cpu(), report.vmcb(), report.bit() + report.field());
    }
}

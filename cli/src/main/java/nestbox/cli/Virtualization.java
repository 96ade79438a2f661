package nestbox.cli;

import nestbox.svm.silicon.SvmProvider;
import nestbox.vmx.silicon.VmxProvider;
import nestbox.x86.VirtualizationProvider;

/** What the command plugs into processors; each model decides by its features which of it it gets. */
final class Virtualization {
    static final VirtualizationProvider PROVIDER = new VmxProvider().orElse(new SvmProvider());

    private Virtualization() {}
}

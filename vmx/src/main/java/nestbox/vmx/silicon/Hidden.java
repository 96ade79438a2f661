package nestbox.vmx.silicon;

import java.util.Collections;
import java.util.EnumSet;
import java.util.Set;
import nestbox.vmx.capability.VmxFeature;

/**
 * What the tables know and the silicon does not do: no capability MSR reports it, so that VM entry refuses it, and
 * {@code --cpu +name} is refused by name.
 */
public final class Hidden {
    private static final Set<VmxFeature> FEATURES = Collections.unmodifiableSet(EnumSet.of(
            VmxFeature.TERTIARY_CONTROLS,
            VmxFeature.VIRTUALIZE_SPEC_CTRL,
            VmxFeature.SECONDARY_EXIT_CONTROLS,
            VmxFeature.ENTRY_LOAD_PERF_GLOBAL_CTRL,
            VmxFeature.EXIT_LOAD_PERF_GLOBAL_CTRL,
            VmxFeature.EXIT_SAVE_PERF_GLOBAL_CTRL));

    private Hidden() {}

    public static Set<VmxFeature> features() {
        return FEATURES;
    }
}

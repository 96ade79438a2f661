package nestbox.testkit;

import java.util.ArrayList;
import java.util.List;
import nestbox.l0.NestedPolicy;
import nestbox.modules.L0Mode;
import nestbox.modules.NestboxConfiguration;

/** One combination of the dimensions of a {@link NestedTest}. */
record NestedCase(String cpu, L0Mode l0, String tlb, String policy, int megabytes, long seed, boolean checkTlb) {
    static final String BARE = "bare silicon";

    static List<NestedCase> of(NestedTest test) {
        List<NestedCase> cases = new ArrayList<>();
        for (String cpu : test.cpu()) {
            for (L0Mode l0 : test.l0()) {
                for (String tlb : test.tlb()) {
                    for (String policy : l0 == L0Mode.NONE ? new String[] {""} : test.policy()) {
                        cases.add(new NestedCase(cpu, l0, tlb, policy, test.megabytes(), test.seed(), test.checkTlb()));
                    }
                }
            }
        }
        return cases;
    }

    String name() {
        String below = l0 == L0Mode.NONE ? BARE : l0.text() + " " + policy;
        return cpu + " | " + below + " | tlb " + tlb;
    }

    /** Whether every one of the filter's words is part of the name. */
    boolean matches(String filter) {
        for (String word : filter.split(",")) {
            if (!name().contains(word.trim())) {
                return false;
            }
        }
        return true;
    }

    /** L0 does not shadow vmcs12 unless the case's policies say so: what L1 reads and writes would not be seen. */
    NestboxConfiguration configuration() {
        NestboxConfiguration.Builder builder = NestboxConfiguration.bareSilicon().toBuilder()
                .cpu(cpu)
                .l0(l0)
                .tlb(tlb)
                .memoryBytes((long) megabytes << 20)
                .seed(seed);
        if (l0 != L0Mode.NONE) {
            builder.guestCpu(cpu).policies(policy);
            if (!policy.contains(NestedPolicy.VMCS_SHADOWING.text())) {
                builder.policy(NestedPolicy.VMCS_SHADOWING.text(), "off");
            }
        }
        return builder.build();
    }
}

package nestbox.modules;

import java.util.ArrayList;
import java.util.List;
import nestbox.core.NestboxException;
import nestbox.l0.EntryInjections;
import nestbox.l0.GuestOffer;
import nestbox.l0.NestedPolicies;
import nestbox.l0.VendorBackendFactory;
import nestbox.machine.MachineConfig;
import nestbox.mmu.core.MmuPolicies;
import nestbox.svm.l0.SvmOffer;
import nestbox.x86.model.CpuModel;
import nestbox.x86.model.CpuModelException;
import nestbox.x86.model.Feature;
import nestbox.x86.model.Vendor;

/**
 * A laboratory as data: which silicon, what runs on it, under which policies. Immutable; start from a preset and change what
 * matters with {@link #toBuilder}. {@link Builder#build} refuses impossible combinations with all reasons at once.
 *
 * @param cpu model of the silicon, in QEMU's grammar ({@code Skylake-Server,-pku})
 * @param guestCpu model that L0 shows its guest; empty: {@code cpu} without virtualization
 * @param l0 what runs the image
 * @param policies of L0's MMU
 * @param nesting policies of nesting
 * @param tlb retention policy of the silicon's translation caches: keep, none, lru:N, seeded:S
 * @param memoryBytes of the machine that the image sees
 * @param cpus number of its processors
 * @param seed of every choice
 * @param injections {@code STEP=FAILURE[@N]}: steps of nested entries that are made to fail
 */
public record NestboxConfiguration(
        String cpu,
        String guestCpu,
        L0Mode l0,
        MmuPolicies policies,
        NestedPolicies nesting,
        String tlb,
        long memoryBytes,
        int cpus,
        long seed,
        List<String> injections) {
    public NestboxConfiguration {
        injections = List.copyOf(injections);
    }

    private static final long MEMORY = 128L << 20;

    /** Bare silicon of the most capable Intel model. */
    public static NestboxConfiguration bareSilicon() {
        return new NestboxConfiguration(
                "max,+vmx",
                "",
                L0Mode.NONE,
                MmuPolicies.exact(),
                NestedPolicies.exact(),
                "keep",
                MEMORY,
                1,
                0,
                List.of());
    }

    /** L0 with TDP on Intel's silicon; its guest may nest. */
    public static NestboxConfiguration nested() {
        return new NestboxConfiguration(
                "max,+vmx",
                "max,+vmx",
                L0Mode.TDP,
                MmuPolicies.exact(),
                NestedPolicies.exact(),
                "keep",
                MEMORY,
                1,
                0,
                List.of());
    }

    /** As {@link #nested} with shadow paging. */
    public static NestboxConfiguration nestedOnShadow() {
        return nested().toBuilder().l0(L0Mode.SHADOW).build();
    }

    public Builder toBuilder() {
        return new Builder(this);
    }

    /** The silicon's model. */
    CpuModel silicon() {
        return CpuModel.parse(cpu);
    }

    /** The model that the image sees. */
    CpuModel visible() {
        if (l0 == L0Mode.NONE) {
            return silicon();
        }
        if (!guestCpu.isEmpty()) {
            return limit(CpuModel.parse(guestCpu));
        }
        return limit(CpuModel.parse(cpu + (silicon().vendor() == Vendor.AMD ? ",-svm" : ",-vmx")));
    }

    /** @throws NestboxException for one that names no step or failure of this vendor */
    EntryInjections injections(VendorBackendFactory backends) {
        EntryInjections parsed = EntryInjections.none();
        for (String text : injections) {
            parsed = parsed.with(text, backends.entrySteps());
        }
        return parsed;
    }

    private CpuModel limit(CpuModel model) {
        boolean tdp = l0 == L0Mode.TDP;
        return GuestOffer.limit(SvmOffer.limit(model, tdp), tdp);
    }

    /** Changes some of a configuration's values. */
    public static final class Builder {
        private String cpu;
        private String guestCpu;
        private L0Mode l0;
        private MmuPolicies policies;
        private NestedPolicies nesting;
        private String tlb;
        private long memoryBytes;
        private int cpus;
        private long seed;
        private final List<String> injections;

        private Builder(NestboxConfiguration from) {
            cpu = from.cpu;
            guestCpu = from.guestCpu;
            l0 = from.l0;
            policies = from.policies;
            nesting = from.nesting;
            tlb = from.tlb;
            memoryBytes = from.memoryBytes;
            cpus = from.cpus;
            seed = from.seed;
            injections = new ArrayList<>(from.injections);
        }

        public Builder cpu(String value) {
            cpu = value;
            return this;
        }

        public Builder guestCpu(String value) {
            guestCpu = value;
            return this;
        }

        public Builder l0(L0Mode value) {
            l0 = value;
            return this;
        }

        public Builder policies(MmuPolicies value) {
            policies = value;
            return this;
        }

        public Builder nesting(NestedPolicies value) {
            nesting = value;
            return this;
        }

        /** One policy by name, of the MMU or of nesting. */
        public Builder policy(String name, String value) {
            if (NestedPolicies.knows(name)) {
                nesting = nesting.with(name, value);
            } else {
                policies = policies.with(name, value);
            }
            return this;
        }

        /**
         * Policies as one text: words that are a preset's name ({@code exact}, {@code kvm}) or {@code NAME=VALUE}, each changing
         * what those before it have left.
         */
        public Builder policies(String words) {
            for (String word : words.trim().split("\\s+")) {
                int equals = word.indexOf('=');
                if (equals > 0) {
                    policy(word.substring(0, equals), word.substring(equals + 1));
                } else if (word.equals("exact") || word.equals("kvm")) {
                    policies = word.equals("kvm") ? MmuPolicies.kvm() : MmuPolicies.exact();
                    nesting = word.equals("kvm") ? NestedPolicies.kvm() : NestedPolicies.exact();
                } else {
                    throw new NestboxException(
                            "policy", "'" + word + "' is neither NAME=VALUE nor a preset (exact, kvm)");
                }
            }
            return this;
        }

        public Builder tlb(String value) {
            tlb = value;
            return this;
        }

        public Builder memoryBytes(long value) {
            memoryBytes = value;
            return this;
        }

        public Builder cpus(int value) {
            cpus = value;
            return this;
        }

        public Builder seed(long value) {
            seed = value;
            return this;
        }

        /** One more step of nested entries that is made to fail: {@code STEP=FAILURE[@N]}. */
        public Builder inject(String text) {
            injections.add(text);
            return this;
        }

        /** @throws NestboxException with every reason why the combination is impossible */
        public NestboxConfiguration build() {
            List<String> reasons = new ArrayList<>();
            CpuModel silicon = model("cpu", cpu, reasons);
            CpuModel guest = guestCpu.isEmpty() ? null : model("guestCpu", guestCpu, reasons);
            if (silicon != null && l0 != L0Mode.NONE) {
                boolean amd = silicon.vendor() == Vendor.AMD;
                if (!silicon.has(amd ? Feature.SVM : Feature.VMX)) {
                    reasons.add("cpu " + cpu + " has no virtualization for L0 to use");
                }
                if (l0 == L0Mode.TDP && amd && !silicon.has(Feature.NPT)) {
                    reasons.add("cpu " + cpu + " has no nested paging for l0 TDP");
                }
            }
            if (guest != null && l0 == L0Mode.NONE) {
                reasons.add("guestCpu without L0");
            }
            if (silicon != null && guest != null && silicon.vendor() != guest.vendor()) {
                reasons.add("guestCpu of " + guest.vendor() + " on silicon of " + silicon.vendor());
            }
            if (cpus < 1 || cpus > MachineConfig.MAX_CPUS) {
                reasons.add("cpus " + cpus + " is not between 1 and " + MachineConfig.MAX_CPUS);
            }
            if (!reasons.isEmpty()) {
                throw new NestboxException("configuration", String.join("; ", reasons));
            }
            return new NestboxConfiguration(
                    cpu, guestCpu, l0, policies, nesting, tlb, memoryBytes, cpus, seed, injections);
        }

        private static CpuModel model(String name, String text, List<String> reasons) {
            try {
                return CpuModel.parse(text);
            } catch (CpuModelException e) {
                reasons.add(name + ": " + e.getMessage());
                return null;
            }
        }
    }
}

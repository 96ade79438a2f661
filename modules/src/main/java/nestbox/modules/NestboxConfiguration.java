package nestbox.modules;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import nestbox.core.NestboxException;
import nestbox.l0.EntryInjections;
import nestbox.l0.EntryStepRow;
import nestbox.l0.GuestOffer;
import nestbox.l0.L0Config;
import nestbox.l0.NestedPolicies;
import nestbox.l0.VendorBackendFactory;
import nestbox.machine.MachineConfig;
import nestbox.mmu.core.MmuPolicies;
import nestbox.mmu.tlb.RetentionPolicy;
import nestbox.svm.l0.NestedSvmProvider;
import nestbox.svm.l0.SvmBackendFactory;
import nestbox.svm.l0.SvmOffer;
import nestbox.svm.silicon.SvmProvider;
import nestbox.vmx.l0.NestedVmxProvider;
import nestbox.vmx.l0.VmxBackendFactory;
import nestbox.vmx.silicon.VmxProvider;
import nestbox.x86.Cpu;
import nestbox.x86.VirtualizationProvider;
import nestbox.x86.mem.SiliconPort;
import nestbox.x86.model.CpuFeatures;
import nestbox.x86.model.CpuModel;
import nestbox.x86.model.Feature;
import nestbox.x86.model.Vendor;

/**
 * A laboratory as data: which silicon, what runs on it, and the configurations of the rooms that it is made of. Immutable; start from
 * a preset and change what matters with {@link #toBuilder}. {@link Builder#build} refuses impossible combinations with all reasons at
 * once.
 *
 * @param cpu model of the silicon, in QEMU's grammar ({@code Skylake-Server,-pku})
 * @param guestCpu model that L0 shows its guest; empty: {@code cpu} without virtualization
 * @param l0 what runs the image
 * @param machine the machine that the image sees; its processor model is what the three above come to
 * @param injections {@code STEP=FAILURE[@N]}: steps of nested entries that are made to fail
 * @param hypervisor L0, as it would be even where {@code l0} is none; its silicon is {@code cpu}, its injections those above
 */
public record NestboxConfiguration(
        String cpu, String guestCpu, L0Mode l0, MachineConfig machine, List<String> injections, L0Config hypervisor) {
    public NestboxConfiguration {
        injections = List.copyOf(injections);
    }

    /** To start from bare silicon of the most capable Intel model. */
    public static Builder builder() {
        return new Builder();
    }

    /** Bare silicon of the most capable Intel model. */
    public static NestboxConfiguration bareSilicon() {
        return new Builder().build();
    }

    /** L0 with TDP on Intel's silicon; its guest may nest. */
    public static NestboxConfiguration nested() {
        return new Builder().l0(L0Mode.TDP).guestCpu(Builder.MODEL).build();
    }

    /** As {@link #nested} with shadow paging. */
    public static NestboxConfiguration nestedOnShadow() {
        return nested().toBuilder().l0(L0Mode.SHADOW).build();
    }

    /** As {@link #nested} on AMD's silicon. */
    public static NestboxConfiguration nestedOnAmd() {
        return nested().toBuilder()
                .cpu(Builder.AMD_MODEL)
                .guestCpu(Builder.AMD_MODEL)
                .build();
    }

    public Builder toBuilder() {
        return new Builder(this);
    }

    /** Policies of L0's MMU. */
    public MmuPolicies policies() {
        return hypervisor.policies();
    }

    /** Policies of nesting. */
    public NestedPolicies nesting() {
        return hypervisor.nested();
    }

    /** Why a model cannot be the silicon of this laboratory. */
    static List<String> reasonsAgainst(CpuFeatures silicon, String name, L0Mode l0) {
        List<String> reasons = new ArrayList<>();
        if (l0 == L0Mode.NONE) {
            return reasons;
        }
        boolean amd = silicon.vendor() == Vendor.AMD;
        if (!silicon.has(amd ? Feature.SVM : Feature.VMX)) {
            reasons.add("cpu " + name + " has no virtualization for L0 to use");
        }
        if (l0.tdp() && amd && !silicon.has(Feature.NPT)) {
            reasons.add("cpu " + name + " has no nested paging for l0 TDP");
        }
        return reasons;
    }

    /** How L0 uses that silicon. */
    static VendorBackendFactory backends(CpuFeatures silicon) {
        return silicon.vendor() == Vendor.AMD ? new SvmBackendFactory() : new VmxBackendFactory();
    }

    /** What L0's guests get of virtualization. */
    static VirtualizationProvider nesting(CpuFeatures silicon, boolean tdp) {
        return new NestedVmxProvider(silicon, tdp).orElse(new NestedSvmProvider());
    }

    /** Changes some of a configuration's values. */
    public static final class Builder {
        static final String MODEL = "max,+vmx";
        static final String AMD_MODEL = "max,+svm";
        private static final String TLB = "keep";

        private String cpu = MODEL;
        private String guestCpu = "";
        private L0Mode l0 = L0Mode.NONE;
        private MachineConfig.Builder machine;
        private L0Config.Builder hypervisor;
        private final List<String> injections = new ArrayList<>();
        /** What setters could not take; {@link #build} names it with the rest. */
        private final List<String> refused = new ArrayList<>();

        private Builder() {
            CpuModel model = CpuModel.parse(MODEL);
            machine = MachineConfig.builder(model).tlbPolicy(TLB);
            hypervisor = L0Config.builder(model, new VmxProvider().orElse(new SvmProvider()), ports(TLB));
        }

        private Builder(NestboxConfiguration from) {
            cpu = from.cpu;
            guestCpu = from.guestCpu;
            l0 = from.l0;
            machine = from.machine.toBuilder();
            hypervisor = from.hypervisor.toBuilder();
            injections.addAll(from.injections);
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

        /** Changes the machine that the image sees; its processor model and virtualization follow from the others. */
        public Builder machine(UnaryOperator<MachineConfig.Builder> change) {
            return take(() -> machine = change.apply(machine));
        }

        /** VMX or SVM of the silicon. */
        public Builder virtualization(VirtualizationProvider value) {
            hypervisor.virtualization(value);
            return this;
        }

        /** Changes L0; its silicon, engine, seed, injections and kind of paging follow from the others. */
        public Builder hypervisor(UnaryOperator<L0Config.Builder> change) {
            return take(() -> hypervisor = change.apply(hypervisor));
        }

        public Builder policies(MmuPolicies value) {
            hypervisor.policies(value);
            return this;
        }

        public Builder nesting(NestedPolicies value) {
            hypervisor.nested(value);
            return this;
        }

        /** One policy by name, of the MMU or of nesting. */
        public Builder policy(String name, String value) {
            return take(() -> {
                L0Config present = hypervisor.build();
                if (NestedPolicies.knows(name)) {
                    hypervisor.nested(present.nested().with(name, value));
                } else {
                    hypervisor.policies(present.policies().with(name, value));
                }
            });
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
                } else if (word.equals("exact")) {
                    hypervisor.policies(MmuPolicies.exact()).nested(NestedPolicies.exact());
                } else if (word.equals("kvm")) {
                    hypervisor.policies(MmuPolicies.kvm()).nested(NestedPolicies.kvm());
                } else {
                    refused.add("policy: '" + word + "' is neither NAME=VALUE nor a preset (exact, kvm)");
                }
            }
            return this;
        }

        /** Retention policy of the silicon's translation caches: keep, none, lru:N, seeded:S. */
        public Builder tlb(String value) {
            machine.tlbPolicy(value);
            return this;
        }

        public Builder memoryBytes(long value) {
            machine.memoryBytes(value);
            return this;
        }

        public Builder cpus(int value) {
            machine.cpus(value);
            return this;
        }

        /** The source of every choice, of the machine's and of L0's. */
        public Builder seed(long value) {
            machine.seed(value);
            return this;
        }

        /** One more step of nested entries that is made to fail: {@code STEP=FAILURE[@N]}. */
        public Builder inject(String text) {
            injections.add(text);
            return this;
        }

        /** One more turn of another processor within L0's work: {@code POINT=INSTRUCTIONS[@N]} or {@code seeded:S}. */
        public Builder yieldAt(String text) {
            return take(() -> hypervisor.yields(hypervisor.build().yields().with(text)));
        }

        private Builder take(Runnable change) {
            try {
                change.run();
            } catch (NestboxException e) {
                refused.add(e.getMessage());
            }
            return this;
        }

        /** @throws NestboxException with every reason why the combination is impossible */
        public NestboxConfiguration build() {
            List<String> reasons = new ArrayList<>(refused);
            CpuModel silicon = model("cpu", cpu, reasons);
            CpuModel guest = guestCpu.isEmpty() ? null : model("guestCpu", guestCpu, reasons);
            if (silicon != null) {
                reasons.addAll(reasonsAgainst(silicon, cpu, l0));
            }
            if (guest != null && l0 == L0Mode.NONE) {
                reasons.add("guestCpu " + guestCpu + " without L0");
            }
            if (silicon != null && guest != null && silicon.vendor() != guest.vendor()) {
                reasons.add("guestCpu of %s (%s) on silicon of %s (%s)"
                        .formatted(guest.vendor(), guestCpu, silicon.vendor(), cpu));
            }
            MachineConfig plain = collect(reasons, machine::build);
            EntryInjections failures = silicon == null ? null : injections(silicon, reasons);
            reasonsAgainstYields(plain, reasons);
            if (silicon != null) {
                collect(
                        reasons,
                        () -> hypervisor
                                .build()
                                .nested()
                                .omittedChecks(backends(silicon).ownChecks()));
            }
            if (!reasons.isEmpty()) {
                throw new NestboxException("configuration", String.join("; ", reasons));
            }
            boolean tdp = l0.tdp();
            MachineConfig seen = plain.toBuilder()
                    .cpu(visible(silicon, guest, tdp).toBuilder()
                            .processors(plain.cpus())
                            .build())
                    .virtualization(
                            l0 == L0Mode.NONE
                                    ? hypervisor.build().virtualization()
                                    : NestboxConfiguration.nesting(silicon, tdp))
                    .build();
            L0Config below = hypervisor
                    .silicon(silicon)
                    .ports(ports(plain.tlbPolicy()))
                    .blocks(plain.engine() == MachineConfig.Engine.BLOCK)
                    .blockSize(plain.blockSize())
                    .seed(plain.seed())
                    .tdp(tdp)
                    .reference(l0.reference())
                    .injections(failures)
                    .build();
            return new NestboxConfiguration(cpu, guestCpu, l0, seen, injections, below);
        }

        /** The model that the image sees. */
        private CpuModel visible(CpuModel silicon, CpuModel guest, boolean tdp) {
            if (l0 == L0Mode.NONE) {
                return silicon;
            }
            boolean amd = silicon.vendor() == Vendor.AMD;
            CpuModel shown = guest != null ? guest : CpuModel.parse(cpu + (amd ? ",-svm" : ",-vmx"));
            return GuestOffer.limit(SvmOffer.limit(shown, tdp), silicon, tdp);
        }

        private void reasonsAgainstYields(MachineConfig plain, List<String> reasons) {
            if (hypervisor.build().yields().isEmpty()) {
                return;
            }
            if (l0 == L0Mode.NONE) {
                reasons.add("yield points without L0");
            }
            if (plain != null && plain.cpus() < 2) {
                reasons.add("yield points without a second processor");
            }
        }

        /** Each text is read by itself, so that every wrong one is named. */
        private EntryInjections injections(CpuModel silicon, List<String> reasons) {
            if (!injections.isEmpty() && l0 == L0Mode.NONE) {
                reasons.add("inject without L0");
                return null;
            }
            EntryInjections all = EntryInjections.none();
            List<? extends EntryStepRow> steps = backends(silicon).entrySteps();
            for (String text : injections) {
                EntryInjections before = all;
                EntryInjections more = collect(reasons, () -> before.with(text, steps));
                all = more == null ? all : more;
            }
            return all;
        }

        private static Cpu.PortFactory ports(String tlb) {
            RetentionPolicy retention = RetentionPolicy.parse("tlb", tlb);
            return processor -> new SiliconPort(processor, processor.physical, retention);
        }

        private static CpuModel model(String name, String text, List<String> reasons) {
            return collect(reasons, () -> {
                try {
                    return CpuModel.parse(text);
                } catch (NestboxException e) {
                    throw new NestboxException(name, e.getMessage(), e);
                }
            });
        }

        private static <T> T collect(List<String> reasons, Supplier<T> part) {
            try {
                return part.get();
            } catch (NestboxException e) {
                reasons.add(e.getMessage());
                return null;
            }
        }
    }
}

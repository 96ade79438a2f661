package nestbox.fuzz;

import nestbox.machine.MachineConfig.Engine;
import nestbox.modules.L0Mode;
import nestbox.modules.NestboxConfiguration;

/** What random guests run on. */
enum Way {
    BARE_INTEL("max,+vmx", L0Mode.NONE),
    TDP_INTEL("max,+vmx", L0Mode.TDP),
    SHADOW_INTEL("max,+vmx", L0Mode.SHADOW),
    BARE_AMD("max,+svm", L0Mode.NONE),
    TDP_AMD("max,+svm", L0Mode.TDP),
    SHADOW_AMD("max,+svm", L0Mode.SHADOW),
    BARE_NEHALEM("Nehalem,+vmx", L0Mode.NONE),
    TDP_NEHALEM("Nehalem,+vmx", L0Mode.TDP),
    SHADOW_PENRYN("Penryn,+vmx", L0Mode.SHADOW),
    TDP_NAPLES("EPYC,+svm", L0Mode.TDP);

    final String cpu;
    final L0Mode l0;

    Way(String cpu, L0Mode l0) {
        this.cpu = cpu;
        this.l0 = l0;
    }

    boolean intel() {
        return cpu.endsWith("vmx");
    }

    /** The processor has all that the random hypervisors use. */
    boolean newest() {
        return cpu.startsWith("max");
    }

    /** L0 as the guest sees it offers second-level paging. */
    boolean nestsTdp() {
        return l0 != L0Mode.SHADOW;
    }

    NestboxConfiguration configuration(int cpus, long seed, Engine engine) {
        NestboxConfiguration.Builder builder = NestboxConfiguration.bareSilicon().toBuilder()
                .cpu(cpu)
                .memoryBytes(RandomGuest.MEMORY)
                .cpus(cpus)
                .seed(seed)
                .machine(machine -> machine.engine(engine));
        return l0 == L0Mode.NONE
                ? builder.build()
                : builder.guestCpu(cpu).l0(l0).build();
    }
}

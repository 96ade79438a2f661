package nestbox.testkit.scenario;

import java.util.List;
import nestbox.l0.Vcpu;
import nestbox.mmu.core.YieldPoint;
import nestbox.modules.Nestbox;

/** Lets the second processor run a little where L0 has checked vmcb12 and has not used it yet: the worst moment of a real race. */
final class RaceProbe extends Probe {
    private static final int INSTRUCTIONS = 500;

    @Override
    void begin(Nestbox lab) {
        lab.hypervisor()
                .ifPresent(hypervisor -> hypervisor.mmu().setYieldPoints(point -> {
                    List<Vcpu> vcpus = hypervisor.vcpus();
                    if (point == YieldPoint.VMCB12_CHECKED && vcpus.size() > 1) {
                        vcpus.get(1).run(INSTRUCTIONS);
                    }
                }));
    }
}

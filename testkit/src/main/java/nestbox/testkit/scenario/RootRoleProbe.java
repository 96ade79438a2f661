package nestbox.testkit.scenario;

import nestbox.l0.Vcpu;
import nestbox.mmu.core.CachedRoot;
import nestbox.mmu.core.Gva;
import nestbox.modules.Nestbox;

/** Whether the shadow root that L2 runs with has the role of guest mode (facts G12). */
final class RootRoleProbe extends Probe {
    private String observed = "";

    @Override
    void mark(int step, boolean flushed, Nestbox lab) {
        if (lab.hypervisor().isEmpty()) {
            return;
        }
        Vcpu vcpu = lab.hypervisor().get().vcpus().get(0);
        for (CachedRoot root : CachedRoot.of(vcpu.mmu(), new Gva(0))) {
            if (root.current() && root.guestMode() != vcpu.guestMode()) {
                observed = (root.guestMode() ? "L2's" : "L1's") + "@" + step;
            }
        }
    }

    @Override
    String observed(Nestbox lab) {
        return observed;
    }
}

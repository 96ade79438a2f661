package nestbox.svm.silicon;

import nestbox.x86.Cpu;
import nestbox.x86.VirtualizationExtension;
import nestbox.x86.VirtualizationProvider;
import nestbox.x86.model.Feature;

/** Plugs SVM into processors whose model has it. */
public final class SvmProvider implements VirtualizationProvider {
    @Override
    public VirtualizationExtension create(Cpu cpu) {
        if (!cpu.features.has(Feature.SVM)) {
            return null;
        }
        cpu.msrs.register(SvmMsrs.rows());
        return new Svm(cpu);
    }
}

package nestbox.svm.l0;

import nestbox.svm.world.SvmMsrs;
import nestbox.x86.Cpu;
import nestbox.x86.VirtualizationExtension;
import nestbox.x86.VirtualizationProvider;
import nestbox.x86.model.Feature;
import nestbox.x86.model.Vendor;

/** Gives nested SVM to guests of L0 whose CPU model shows SVM; {@link SvmOffer} says what such a model may show. */
public final class NestedSvmProvider implements VirtualizationProvider {
    @Override
    public VirtualizationExtension create(Cpu cpu) {
        if (!cpu.features.has(Feature.SVM) || cpu.features.vendor() != Vendor.AMD) {
            return null;
        }
        cpu.msrs.register(SvmMsrs.rows());
        return new NestedSvm(cpu);
    }
}

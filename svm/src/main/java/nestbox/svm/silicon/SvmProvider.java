package nestbox.svm.silicon;

import java.util.function.Consumer;
import nestbox.svm.world.SvmMsrs;
import nestbox.x86.Cpu;
import nestbox.x86.VirtualizationExtension;
import nestbox.x86.VirtualizationProvider;
import nestbox.x86.model.Feature;

/** Plugs SVM into processors whose model has it. */
public final class SvmProvider implements VirtualizationProvider {
    private final CleanBitPolicy cleanBits;
    private final Consumer<CleanBitReport> reports;

    /** Clean bits are ignored. */
    public SvmProvider() {
        this(CleanBitPolicy.IGNORE, report -> {});
    }

    /**
     * With a policy of clean bits.
     *
     * @param reports told of wrongly set bits under {@link CleanBitPolicy#REPORT}
     */
    public SvmProvider(CleanBitPolicy cleanBits, Consumer<CleanBitReport> reports) {
        this.cleanBits = cleanBits;
        this.reports = reports;
    }

    @Override
    public VirtualizationExtension create(Cpu cpu) {
        if (!cpu.features.has(Feature.SVM)) {
            return null;
        }
        cpu.msrs.register(SvmMsrs.rows());
        return new Svm(cpu, cleanBits, reports);
    }
}

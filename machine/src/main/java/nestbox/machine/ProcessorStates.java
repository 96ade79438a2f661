package nestbox.machine;

import java.util.List;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.UnsupportedFeatureException;
import nestbox.machine.apic.LocalApic;
import nestbox.x86.CpuState;
import nestbox.x86.VirtualizationExtension;
import nestbox.x86.engine.Execution;

/** A machine's processors in its saved state, each with its local APIC, its cached translations and its VMX or SVM. */
final class ProcessorStates {
    private final Execution[] processors;
    private final List<LocalApic> apics;

    /** @param apics one for each processor, by the time that anything is saved */
    ProcessorStates(Execution[] processors, List<LocalApic> apics) {
        this.processors = processors;
        this.apics = apics;
    }

    /** @throws UnsupportedFeatureException if a processor has a virtualization extension that does not save its state */
    void check() {
        for (Execution processor : processors) {
            VirtualizationExtension extension = processor.cpu().extension;
            if (extension != null && !extension.saves()) {
                throw new UnsupportedFeatureException("saved state", "the state of a processor with VMX or SVM");
            }
        }
    }

    void save(StateWriter out) {
        for (int i = 0; i < processors.length; i++) {
            CpuState.save(processors[i].cpu(), out);
            apics.get(i).save(out);
        }
    }

    void saveTranslations(StateWriter out) {
        out.section("translations");
        for (Execution processor : processors) {
            processor.cpu().mem.port().control().saveTranslations(out);
        }
    }

    void saveExtensions(StateWriter out) {
        for (Execution processor : processors) {
            if (processor.cpu().extension != null) {
                processor.cpu().extension.save(out);
            }
        }
    }

    /** Everything, in the order in which it was saved. */
    void restore(StateReader in) {
        for (int i = 0; i < processors.length; i++) {
            CpuState.restore(processors[i].cpu(), in);
            apics.get(i).restore(in);
        }
        in.section("translations");
        for (Execution processor : processors) {
            processor.cpu().mem.port().control().restoreTranslations(in);
        }
        for (Execution processor : processors) {
            if (processor.cpu().extension != null) {
                processor.cpu().extension.restore(in);
            }
        }
    }
}

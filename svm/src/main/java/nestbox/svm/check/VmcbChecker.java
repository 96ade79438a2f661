package nestbox.svm.check;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import nestbox.core.Seed;
import nestbox.x86.check.CheckResult;
import nestbox.x86.check.CheckSequence;
import nestbox.x86.check.StateChecker;
import nestbox.x86.check.StateDocument;
import nestbox.x86.model.CpuFeatures;
import nestbox.x86.model.Feature;
import nestbox.x86.model.Vendor;

/** VMRUN's checks for {@code nestbox check}; {@link VmcbDocument} says what a document holds. */
public final class VmcbChecker implements StateChecker {
    private static final String INVALID = "VMEXIT_INVALID";

    @Override
    public String structure() {
        return "vmcb";
    }

    @Override
    public boolean serves(CpuFeatures cpu) {
        return cpu.vendor() == Vendor.AMD && cpu.has(Feature.SVM);
    }

    /** All failures look alike to software; the sequence decides which of them is called the first. */
    @Override
    public CheckResult check(StateDocument document, CpuFeatures cpu, CheckSequence sequence) {
        VmcbDocument vmcb = VmcbDocument.read(document, cpu);
        List<VmrunCheck> failed = VmrunChecks.all(vmcb);
        List<VmrunCheck> order = new ArrayList<>(failed);
        switch (sequence.kind()) {
            case REVERSED -> Collections.reverse(order);
            case SHUFFLED -> shuffle(order, new Seed(sequence.seed()));
            default -> {}
        }
        return new CheckResult(
                VmrunChecks.rows().size(),
                order.isEmpty() ? "VMRUN" : INVALID,
                order.isEmpty() ? "" : order.get(0).id(),
                failed.stream().map(row -> failed(row, vmcb)).toList());
    }

    private static void shuffle(List<VmrunCheck> order, Seed choice) {
        for (int i = order.size() - 1; i > 0; i--) {
            Collections.swap(order, i, choice.nextInt(i + 1));
        }
    }

    private static CheckResult.Failed failed(VmrunCheck row, VmcbDocument vmcb) {
        Map<String, Long> fields = new LinkedHashMap<>();
        row.fields().forEach(field -> fields.put(field.name(), vmcb.get(field)));
        row.segments()
                .forEach(segment -> fields.put(segment + VmcbDocument.ATTRIBUTES, (long) vmcb.attributes(segment)));
        String section = "APM Vol. 2, \"" + row.section() + '"';
        return new CheckResult.Failed(row.id(), section, row.rule(), INVALID, row.verified(), fields);
    }
}

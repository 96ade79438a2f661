package nestbox.vmx.check;

import java.util.LinkedHashMap;
import java.util.Map;
import nestbox.vmx.VmxModel;
import nestbox.x86.check.CheckResult;
import nestbox.x86.check.CheckSequence;
import nestbox.x86.check.StateChecker;
import nestbox.x86.check.StateDocument;
import nestbox.x86.model.CpuFeatures;
import nestbox.x86.model.Feature;
import nestbox.x86.model.Vendor;

/** VM-entry checks for {@code nestbox check}; {@link VmcsDocument} says what a document holds. */
public final class VmcsChecker implements StateChecker {
    @Override
    public String structure() {
        return "vmcs";
    }

    @Override
    public boolean serves(CpuFeatures cpu) {
        return cpu.vendor() == Vendor.INTEL && cpu.has(Feature.VMX);
    }

    @Override
    public CheckResult check(StateDocument document, CpuFeatures cpu, CheckSequence sequence) {
        VmcsDocument vmcs = VmcsDocument.read(document, VmxModel.of(cpu));
        CheckFailure first = EntryChecks.first(vmcs, CheckOrder.of(sequence));
        return new CheckResult(
                EntryChecks.rows().size(),
                first == null ? "VM entry" : first.failure().text(),
                first == null ? "" : first.row().id(),
                EntryChecks.all(vmcs).stream().map(VmcsChecker::failed).toList());
    }

    private static CheckResult.Failed failed(CheckFailure failure) {
        CheckRow row = failure.row();
        Map<String, Long> fields = new LinkedHashMap<>();
        failure.values().forEach((field, value) -> fields.put(field.name(), value));
        String section = "SDM Vol. 3, \"" + row.group().section() + '"';
        return new CheckResult.Failed(
                row.id(), section, row.rule(), failure.failure().text(), row.verified(), fields);
    }
}

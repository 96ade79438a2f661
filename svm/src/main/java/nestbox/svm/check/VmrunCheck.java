package nestbox.svm.check;

import java.util.List;
import java.util.function.Predicate;
import nestbox.svm.vmcb.VmcbField;

/**
 * One check of VMRUN, whose violation is #VMEXIT(VMEXIT_INVALID).
 *
 * @param id stable name, {@code area.subject.aspect}
 * @param section title of the APM Vol. 2 section that demands it
 * @param rule what it demands
 * @param fields what it reads
 * @param holds whether the VMCB satisfies it
 */
public record VmrunCheck(
        String id, String section, String rule, List<VmcbField> fields, Predicate<CheckContext> holds) {
    public VmrunCheck {
        fields = List.copyOf(fields);
    }

    public boolean passes(CheckContext context) {
        return holds.test(context);
    }

    @Override
    public String toString() {
        return id;
    }
}

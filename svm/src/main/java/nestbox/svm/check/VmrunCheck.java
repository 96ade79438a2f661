package nestbox.svm.check;

import java.util.List;
import java.util.function.Predicate;
import nestbox.svm.vmcb.VmcbField;
import nestbox.svm.vmcb.VmcbSegment;

/**
 * One check of VMRUN, whose violation is #VMEXIT(VMEXIT_INVALID).
 *
 * @param id stable name, {@code area.subject.aspect}
 * @param section title of the APM Vol. 2 section that demands it
 * @param verified false if nobody could read the manual's sentence; the row then follows what is known of hardware
 * @param rule what it demands
 * @param fields what it reads
 * @param segments whose attributes it reads
 * @param holds whether the VMCB satisfies it
 */
public record VmrunCheck(
        String id,
        String section,
        boolean verified,
        String rule,
        List<VmcbField> fields,
        List<VmcbSegment> segments,
        Predicate<CheckContext> holds) {
    public VmrunCheck {
        fields = List.copyOf(fields);
        segments = List.copyOf(segments);
    }

    public boolean passes(CheckContext context) {
        return holds.test(context);
    }

    @Override
    public String toString() {
        return id;
    }
}

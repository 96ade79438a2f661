package nestbox.svm.check;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.LinkedHashMap;
import java.util.Map;
import nestbox.svm.Lab;
import nestbox.svm.vmcb.ExitCode;
import nestbox.svm.vmcb.Vmcb;
import nestbox.svm.vmcb.VmcbField;
import nestbox.svm.vmcb.VmcbSegment;
import nestbox.x86.check.CheckResult;
import nestbox.x86.check.CheckSequence;
import nestbox.x86.check.StateDocument;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** From a valid VMCB, each bit of each field flipped alone: VMRUN takes it, or {@code nestbox check} names a row. */
class FlippedBitsTest {
    @ParameterizedTest
    @ValueSource(strings = {"EPYC-Milan", "max,+svm"})
    void validOrNamed(String model) {
        Lab lab = Lab.of(model).nested().guest("vmmcall");
        byte[] valid = new byte[Vmcb.BYTES];
        lab.intercept(0x7f).memory.copyOut(Lab.VMCB, valid, 0, valid.length);
        int named = 0;
        for (VmcbField field : VmcbField.values()) {
            boolean there = field.feature() == null || lab.cpu.features.has(field.feature());
            for (int bit = 0; there && field.bytes() <= 8 && bit < 8 * field.bytes(); bit++) {
                lab.memory.copyIn(Lab.VMCB, valid, 0, valid.length);
                lab.set(field, lab.get(field) ^ 1L << bit);
                boolean bad = !document(lab).failures().isEmpty();
                if (bad) {
                    named++;
                    lab.run();
                    assertThat(lab.exitCode()).as("%s bit %d", field, bit).isEqualTo(ExitCode.INVALID.code());
                } else if (enters(field)) {
                    lab.run();
                    assertThat(lab.exitCode()).as("%s bit %d", field, bit).isNotEqualTo(ExitCode.INVALID.code());
                }
            }
        }
        assertThat(named).isGreaterThan(200);
    }

    /** Flips of these let the guest run wild, or be interrupted, before it leaves by itself. */
    private static boolean enters(VmcbField field) {
        return switch (field) {
            case CR3, RIP, EFER, CR4, CR0, RFLAGS, N_CR3, EVENTINJ, INTERRUPT_CONTROL, IOPM_BASE_PA, MSRPM_BASE_PA ->
                false;
            default -> true;
        };
    }

    private static StateDocument text(Lab lab) {
        Map<String, Object> fields = new LinkedHashMap<>();
        for (VmcbField field : VmcbField.values()) {
            boolean there = field.feature() == null || lab.cpu.features.has(field.feature());
            if (there && field.bytes() <= 8) {
                fields.put(field.name(), "0x" + Long.toHexString(lab.get(field)));
            }
        }
        fields.put("CS.attributes", lab.vmcb.attributes(VmcbSegment.CS));
        return StateDocument.of("a VMCB", Map.of("fields", fields));
    }

    private static CheckResult document(Lab lab) {
        return new VmcbChecker().check(text(lab), lab.cpu.features, CheckSequence.MANUAL);
    }
}

package nestbox.svm.check;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.LinkedHashMap;
import java.util.Map;
import nestbox.x86.check.BadDocumentException;
import nestbox.x86.check.CheckResult;
import nestbox.x86.check.CheckSequence;
import nestbox.x86.check.StateDocument;
import nestbox.x86.model.CpuModel;
import org.junit.jupiter.api.Test;

class VmcbDocumentTest {
    private static final CpuModel MILAN = CpuModel.parse("EPYC-Milan");

    private static Map<String, Object> valid() {
        return new LinkedHashMap<>(Map.of(
                "INTERCEPT_MISC2", 1,
                "0x58", "1",
                "EFER", "0x1500",
                "CR0", "0x8001_0033",
                "CR4", "0x20",
                "CS.attributes", "0xa9b",
                "DR6", "0xffff0ff0"));
    }

    private static CheckResult check(Map<String, Object> fields, Map<String, Object> state, CheckSequence sequence) {
        StateDocument document = StateDocument.of("a VMCB", Map.of("fields", fields, "state", state));
        return new VmcbChecker().check(document, MILAN, sequence);
    }

    @Test
    void validVmcbPasses() {
        CheckResult result = check(valid(), Map.of(), CheckSequence.MANUAL);
        assertThat(result.failures()).isEmpty();
        assertThat(result.outcome()).isEqualTo("VMRUN");
        assertThat(result.checks()).isEqualTo(VmrunChecks.rows().size());
    }

    @Test
    void namesEveryFailureWithItsFields() {
        Map<String, Object> fields = valid();
        fields.put("0x58", 0);
        fields.put("CS.attributes", "0xe9b");
        fields.put("NESTED_CONTROL", 1);
        CheckResult result = check(fields, Map.of("host-paging", false), CheckSequence.MANUAL);
        assertThat(result.outcome()).isEqualTo("VMEXIT_INVALID");
        assertThat(result.seen()).isEqualTo("control.asid.nonzero");
        assertThat(result.failures())
                .extracting(CheckResult.Failed::id)
                .containsExactly("control.asid.nonzero", "save.long-mode.cs", "nested.host-paging");
        assertThat(result.failures().get(1).fields())
                .containsEntry("CS.attributes", 0xe9bL)
                .containsEntry("CR4", 0x20L);
        assertThat(result.failures().get(2).verified()).isTrue();
        assertThat(check(fields, Map.of(), CheckSequence.REVERSED).seen()).isEqualTo("save.long-mode.cs");
    }

    @Test
    void whatTheModelOrTheVmcbLacksIsNamed() {
        Map<String, Object> fields = valid();
        fields.put("S_CET", 1);
        fields.put("CR9", 1);
        fields.put("CPL", 256);
        fields.put("CR3", "three");
        assertThatThrownBy(() -> check(fields, Map.of("host", true), CheckSequence.MANUAL))
                .isInstanceOf(BadDocumentException.class)
                .hasMessageContaining("S_CET: does not exist on this model")
                .hasMessageContaining("CR9: there is no such field")
                .hasMessageContaining("CPL: 0x100 is wider")
                .hasMessageContaining("CR3: 'three' is not a number")
                .hasMessageContaining("host: there is no such state");
    }

    @Test
    void servesAmdWithSvm() {
        VmcbChecker checker = new VmcbChecker();
        assertThat(checker.serves(MILAN)).isTrue();
        assertThat(checker.serves(CpuModel.parse("EPYC-Milan,-svm,unchecked"))).isFalse();
        assertThat(checker.serves(CpuModel.parse("Skylake-Server"))).isFalse();
    }
}

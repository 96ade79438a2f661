package nestbox.vmx.check;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import nestbox.core.NestboxException;
import nestbox.vmx.TestCpu;
import nestbox.vmx.VmxModel;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.check.BadDocumentException;
import nestbox.x86.check.CheckResult;
import nestbox.x86.check.CheckSequence;
import nestbox.x86.check.StateDocument;
import nestbox.x86.model.CpuModel;
import org.junit.jupiter.api.Test;

class VmcsDocumentTest {
    private static final VmxModel MODEL = VmxModel.of(TestCpu.of("Skylake-Server"));

    /** The fields of a valid VMCS as a document. */
    private static Map<String, Object> fields() {
        Map<String, Object> fields = new LinkedHashMap<>();
        TestState state = Guests.LONG.state(MODEL);
        for (VmcsField field : VmcsField.values()) {
            if (MODEL.has(field)) {
                fields.put(field.name(), "0x" + Long.toHexString(state.peek(field)));
            }
        }
        return fields;
    }

    private static CheckResult check(Map<String, Map<String, Object>> parts) {
        return new VmcsChecker().check(StateDocument.of("a VMCS", parts), MODEL.cpu(), CheckSequence.MANUAL);
    }

    @Test
    void validVmcsPasses() {
        CheckResult result = check(Map.of("fields", fields()));
        assertThat(result.failures()).isEmpty();
        assertThat(result.passed()).isTrue();
        assertThat(result.outcome()).isEqualTo("VM entry");
        assertThat(result.checks()).isEqualTo(EntryChecks.rows().size());
    }

    @Test
    void reportsEveryFailureAndTheFirst() {
        Map<String, Object> fields = fields();
        fields.put("0x681e", "0x0100_0000_0000_0000");
        fields.put("Host CS selector", 0);
        CheckResult result = check(Map.of("fields", fields));
        assertThat(result.outcome()).isEqualTo("VMfailValid(8)");
        assertThat(result.seen()).isEqualTo("host.cs-selector.null");
        assertThat(result.failures())
                .extracting(CheckResult.Failed::id)
                .containsExactly("host.cs-selector.null", "guest.rip.width");
        CheckResult.Failed rip = result.failures().get(1);
        assertThat(rip.fields()).containsEntry("GUEST_RIP", 0x0100_0000_0000_0000L);
        assertThat(rip.section()).isEqualTo("SDM Vol. 3, \"Checks on Guest RIP, RFLAGS, and SSP\"");
        assertThat(rip.outcome()).isEqualTo("exit 33, qualification 0");
    }

    @Test
    void theOrderDecidesWhatIsSeen() {
        Map<String, Object> fields = fields();
        fields.put("CR3_TARGET_COUNT", 5);
        fields.put("HOST_CS_SELECTOR", 0);
        StateDocument document = StateDocument.of("a VMCS", Map.of("fields", fields));
        VmcsChecker checker = new VmcsChecker();
        CheckResult manual = checker.check(document, MODEL.cpu(), CheckSequence.MANUAL);
        CheckResult reversed = checker.check(document, MODEL.cpu(), CheckSequence.REVERSED);
        assertThat(manual.outcome()).isEqualTo("VMfailValid(7)");
        assertThat(reversed.outcome()).isEqualTo("VMfailValid(8)");
        assertThat(reversed.failures()).isEqualTo(manual.failures());
        assertThat(CheckSequence.parse("--order", "shuffled:7").seed()).isEqualTo(7);
        assertThatThrownBy(() -> CheckSequence.parse("--order", "sideways"))
                .isInstanceOf(NestboxException.class)
                .hasMessageContaining("sideways");
    }

    @Test
    void stateAndMemoryCount() {
        Map<String, Object> fields = fields();
        fields.put("VM_ENTRY_MSR_LOAD_COUNT", 1);
        fields.put("VM_ENTRY_MSR_LOAD_ADDR", 0x5000);
        CheckResult result = check(Map.of(
                "fields", fields,
                "memory", Map.of("0x5000", "0xc0000100"),
                "state", Map.of("vmresume", true)));
        assertThat(result.failures()).extracting(CheckResult.Failed::id).containsExactly("basic.resume", "msr.base");
    }

    @Test
    void refusesWithAllReasons() {
        Map<String, Map<String, Object>> document = Map.of(
                "fields", Map.of("GUEST_CR9", 1, "GUEST_CS_SELECTOR", "0x12345", "HLAT_POINTER", 0, "GUEST_RIP", "x"),
                "state", Map.of("asleep", true, "smm", "perhaps"),
                "nonsense", Map.of("a", 1));
        assertThatThrownBy(() -> check(document))
                .isInstanceOf(BadDocumentException.class)
                .hasMessageContaining("a VMCS: ")
                .hasMessageContaining("GUEST_CR9: there is no such field")
                .hasMessageContaining("GUEST_CS_SELECTOR: 0x12345 is wider than the field")
                .hasMessageContaining("HLAT_POINTER: does not exist on this model")
                .hasMessageContaining("GUEST_RIP: 'x' is not a number")
                .hasMessageContaining("asleep: there is no such state")
                .hasMessageContaining("smm: 'perhaps' is neither true nor false")
                .hasMessageContaining("unknown part 'nonsense'");
    }

    /** The processor's own models give their VMX capabilities. */
    @Test
    void realModels() {
        for (String name : List.of("IvyBridge", "Skylake-Server", "SapphireRapids", "max")) {
            VmxModel model = VmxModel.of(CpuModel.parse(name));
            for (Guests guest : Guests.values()) {
                assertThat(EntryChecks.all(guest.state(model)))
                        .as("%s %s", name, guest)
                        .isEmpty();
            }
        }
    }

    @Test
    void msrRulesAreTheProcessors() {
        ModelMsrs msrs = new ModelMsrs(TestCpu.of("Skylake-Server"));
        assertThat(msrs.reserved(MsrValues.EFER)).isEqualTo(~0xd01L);
        assertThat(msrs.reserved(MsrValues.DEBUGCTL) & 2).as("BTF").isZero();
        assertThat(msrs.refuses(0x1234_5678, 0)).isTrue();
        assertThat(msrs.refuses(0xc000_0080, 0x500)).isFalse();
    }
}

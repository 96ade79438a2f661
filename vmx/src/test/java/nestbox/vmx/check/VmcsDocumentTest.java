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

    @Test
    void validVmcsPasses() {
        CheckReport report = CheckReport.of(VmcsDocument.read(Map.of("fields", fields()), MODEL), CheckOrder.MANUAL);
        assertThat(report.passed()).as(report.text()).isTrue();
        assertThat(report.toMap()).containsEntry("succeeds", true);
    }

    @Test
    void reportsEveryFailureAndTheFirst() {
        Map<String, Object> fields = fields();
        fields.put("0x681e", "0x0100_0000_0000_0000");
        fields.put("Host CS selector", 0);
        CheckReport report = CheckReport.of(VmcsDocument.read(Map.of("fields", fields), MODEL), CheckOrder.MANUAL);
        assertThat(report.first().failure()).isEqualTo(Failure.HOST_STATE);
        assertThat(report.all())
                .extracting(failure -> failure.row().id())
                .containsExactly("host.cs-selector.null", "guest.rip.width");
        assertThat(report.text())
                .contains("VMfailValid(8)", "GUEST_RIP=0x100000000000000", "\"Checks on Guest RIP, RFLAGS, and SSP\"");
        List<?> failures = (List<?>) report.toMap().get("failures");
        assertThat(failures).hasSize(2);
    }

    @Test
    void stateAndMemoryCount() {
        Map<String, Object> document = new LinkedHashMap<>();
        Map<String, Object> fields = fields();
        fields.put("VM_ENTRY_MSR_LOAD_COUNT", 1);
        fields.put("VM_ENTRY_MSR_LOAD_ADDR", 0x5000);
        document.put("fields", fields);
        document.put("memory", Map.of("0x5000", "0xc0000100"));
        document.put("state", Map.of("vmresume", true));
        CheckReport report = CheckReport.of(VmcsDocument.read(document, MODEL), CheckOrder.MANUAL);
        assertThat(report.all()).extracting(failure -> failure.row().id()).containsExactly("basic.resume", "msr.base");
    }

    @Test
    void refusesWithAllReasons() {
        Map<String, Object> document = Map.of(
                "fields", Map.of("GUEST_CR9", 1, "GUEST_CS_SELECTOR", "0x12345", "HLAT_POINTER", 0, "GUEST_RIP", "x"),
                "state", Map.of("asleep", true),
                "nonsense", Map.of("a", 1));
        assertThatThrownBy(() -> VmcsDocument.read(document, MODEL))
                .isInstanceOf(NestboxException.class)
                .hasMessageContaining("unknown field 'GUEST_CR9'")
                .hasMessageContaining("wider than the field")
                .hasMessageContaining("HLAT_POINTER does not exist on this model")
                .hasMessageContaining("'x' is not a number")
                .hasMessageContaining("unknown state 'asleep'")
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

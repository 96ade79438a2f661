package nestbox.l0;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.StringWriter;
import nestbox.core.trace.TextSink;
import nestbox.l0.EntryLab.Vendor;
import nestbox.l0.EntryLab.Way;
import nestbox.modules.NestboxConfiguration;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.vmx.vmcs.VmcsLayout;
import nestbox.x86.insn.Asm;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** KVM's tracepoints of nesting, as text. */
class NestedTraceTest {
    private static final int STEPS = 100;

    private static String trace(EntryLab lab) {
        StringWriter text = new StringWriter();
        lab.lab.machine().trace().addSink(new TextSink(text));
        lab.lab.run(STEPS);
        return text.toString();
    }

    @ParameterizedTest
    @EnumSource(Vendor.class)
    void anEntryAndAnExit(Vendor vendor) {
        EntryLab lab =
                EntryLab.before(vendor, Way.NESTED_TDP, EntryLab.GOOD, EntryLab.configuration(vendor, Way.NESTED_TDP));
        String exit = vendor == Vendor.VMX ? "reason=0x12(VMCALL)" : "reason=0x81(VMMCALL)";
        assertThat(trace(lab))
                .contains("kvm_nested_vmenter: rip=")
                .contains("kvm_nested_vmexit: vcpu=0 reason=" + (vendor == Vendor.VMX ? "0x12" : "0x81"))
                .contains("kvm_nested_vmexit_inject: " + exit);
        L0Counters counters = lab.lab.hypervisor().orElseThrow().counters();
        assertThat(counters.nestedExits).isEqualTo(1);
        assertThat(counters.exitsOfL2).isBetween(4L, counters.exits - 1);
    }

    /** The check is named; a step that was made to fail, too. */
    @ParameterizedTest
    @EnumSource(Vendor.class)
    void anEntryThatFails(Vendor vendor) {
        NestboxConfiguration configuration = EntryLab.configuration(vendor, Way.NESTED_TDP);
        EntryLab bad = EntryLab.before(vendor, Way.NESTED_TDP, EntryLab.BAD_STATE, configuration);
        // L0 leaves the check of RFLAGS to the silicon.
        String check = vendor == Vendor.VMX ? "hardware" : "save.dr6.high";
        assertThat(trace(bad)).containsPattern("guest-L1 .*kvm_nested_vmenter_failed: check=\\d+\\(" + check + "\\)");
        EntryLab forced = EntryLab.before(
                vendor,
                Way.NESTED_TDP,
                EntryLab.GOOD,
                configuration.toBuilder().inject("mmu=vmfail@1").build());
        assertThat(trace(forced)).containsPattern("kvm_nested_vmenter_failed: check=\\d+\\(mmu\\)");
    }

    /** OUTS of L2 is emulated, and its operand is where EPT12 or NPT12 has nothing. */
    @ParameterizedTest
    @EnumSource(Vendor.class)
    void aFaultThatTheEmulatorMeets(Vendor vendor) {
        EntryLab lab =
                EntryLab.before(vendor, Way.NESTED_TDP, EntryLab.GOOD, EntryLab.configuration(vendor, Way.NESTED_TDP));
        byte[] code = Asm.assemble(32, lab.address("guest"), "mov esi, 0x40000000\nmov edx, 0x3f8\noutsb\nhlt\n");
        lab.lab.machine().memory().copyIn(lab.address("guest"), code, 0, code.length);
        lab.lab.machine().memory().write(0x304000, 4, 0x40000083);
        String name = vendor == Vendor.VMX ? "EPT_VIOLATION" : "NPF";
        assertThat(trace(lab))
                .containsOnlyOnce("kvm_nested_page_fault: ")
                .containsPattern(
                        "kvm_nested_page_fault: address=0x40000000 host_error_code=0x10000000[04] error_code=0x[04]")
                .containsPattern("kvm_nested_vmexit_inject: reason=0x[0-9a-f]+\\(" + name + "\\)");
    }

    /** A check of L0's own that it leaves out: vmcs02 or vmcb02 has nothing of it, and L2 runs. */
    @ParameterizedTest
    @CsvSource({
        "SVM, save.dr6.high, true, ''",
        "SVM, save.dr6.high, false, save.dr6.high",
        "VMX, exec.cr3-target-count, true, ''",
        "VMX, exec.cr3-target-count, false, exec.cr3-target-count"
    })
    void aCheckThatIsLeftOut(Vendor vendor, String row, boolean omitted, String found) {
        NestboxConfiguration.Builder builder = EntryLab.configuration(vendor, Way.NESTED_TDP).toBuilder();
        if (omitted) {
            builder.policy(NestedPolicies.OMIT, row);
        }
        int bad = vendor == Vendor.SVM ? EntryLab.BAD_STATE : EntryLab.GOOD;
        EntryLab lab = EntryLab.before(vendor, Way.NESTED_TDP, bad, builder.build());
        if (vendor == Vendor.VMX) {
            NestedState state = lab.vcpu().nestedState();
            state.set(NestedState.HEADER + VmcsLayout.offset(VmcsField.CR3_TARGET_COUNT), 4, 5);
            lab.vcpu().setNestedState(state);
        }
        String trace = trace(lab);
        if (found.isEmpty()) {
            assertThat(trace).doesNotContain("kvm_nested_vmenter_failed");
            assertThat(lab.printed()).startsWith("321B");
        } else {
            assertThat(trace).containsPattern("kvm_nested_vmenter_failed: check=\\d+\\(" + found + "\\)");
        }
    }

    @ParameterizedTest
    @CsvSource({"VMX, guest.rflags.fixed", "VMX, nonsense", "SVM, exec.vpid"})
    void onlyChecksOfL0CanBeLeftOut(Vendor vendor, String row) {
        NestboxConfiguration.Builder builder =
                EntryLab.configuration(vendor, Way.NESTED_TDP).toBuilder().policy(NestedPolicies.OMIT, row);
        assertThatThrownBy(builder::build).hasMessageContaining("check.omit").hasMessageContaining(row);
    }
}

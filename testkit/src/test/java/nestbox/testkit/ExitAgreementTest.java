package nestbox.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.function.Consumer;
import nestbox.core.trace.TraceEventType;
import nestbox.core.trace.TraceSink;
import nestbox.machine.Machine;
import nestbox.machine.Outcome;
import nestbox.modules.L0Mode;
import nestbox.modules.Nestbox;
import nestbox.modules.NestboxConfiguration;
import nestbox.svm.vmcb.VmcbField;
import nestbox.testkit.guest.Guest;
import nestbox.vmx.l0.NestedVmxInvariants;
import nestbox.vmx.vmcs.CurrentVmcs;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.VirtualizationExtension;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** What L1 can read of an exit agrees with what hardware left; where it is made not to, the test kit says so. */
class ExitAgreementTest {
    private static final Guest INTEL = Guest.longMode()
            .vmcs("vmcs", v -> v)
            .body("vmlaunch\njmp vmx_failed")
            .label("l2", "mov ebx, 5\nvmcall");
    private static final Guest AMD = Guest.longMode()
            .vmcb("vmcb", v -> v)
            .body("mov rax, vmcb\nvmrun\njmp finish")
            .label("l2", "mov ebx, 5\nvmmcall");

    /** Does something wrong when L0 is about to enter L1 behind an exit, as a defect of L0's would have done it before. */
    private record Defect(Machine machine, Consumer<Machine> what, boolean[] exited) implements TraceSink {
        @Override
        public void event(TraceEventType type, long time, int cpu, int level, long[] values) {
            if (type.name().equals("kvm_entry") && exited[0]) {
                exited[0] = false;
                what.accept(machine);
            }
            exited[0] |= type.name().equals("kvm_nested_vmexit_inject");
        }

        @Override
        public void close() {
            // Nothing is buffered.
        }
    }

    private static ExitAgreement run(Guest guest, L0Mode l0, String policies, Consumer<Machine> defect) {
        String cpu = guest == AMD ? "max,+svm" : "max,+vmx";
        NestboxConfiguration configuration = NestboxConfiguration.builder()
                .cpu(cpu)
                .guestCpu(cpu)
                .l0(l0)
                .memoryBytes(32 << 20)
                .policies(policies)
                .build();
        Machine machine = Nestbox.create(configuration).machine();
        ExitAgreement agreement = new ExitAgreement(machine);
        machine.trace().addSink(new Defect(machine, defect, new boolean[1]));
        machine.trace().addSink(agreement);
        machine.load(guest.image(), "", List.of());
        assertThat(machine.run(1_000_000).kind()).isEqualTo(Outcome.Kind.DEBUG_EXIT);
        return agreement;
    }

    private static void set(Machine machine, VmcsField field, long value) {
        ((CurrentVmcs) machine.cpu(0).extension).currentVmcs().set(field, value);
    }

    @ParameterizedTest
    @CsvSource({"TDP, on", "TDP, off", "SHADOW, on", "SHADOW, off"})
    void everyExitOfHardwareIsCompared(L0Mode l0, String shadowing) {
        for (Guest guest : List.of(INTEL, AMD)) {
            ExitAgreement agreement = run(guest, l0, "vmcs.shadowing=" + shadowing, machine -> {});
            assertThat(agreement.wrong()).isEmpty();
            assertThat(agreement.compared()).isPositive();
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = VmcsField.class,
            names = {"GUEST_RIP", "GUEST_RFLAGS", "GUEST_CS_BASE", "GUEST_RSP", "VM_EXIT_REASON", "EXIT_QUALIFICATION"})
    void aFieldOfVmcs12ThatIsNotHardwaresIsFound(VmcsField field) {
        ExitAgreement agreement = run(INTEL, L0Mode.TDP, "exact", machine -> set(machine, field, 0x55));
        assertThat(agreement.wrong()).singleElement().asString().contains("vmcs12 has " + field + " = 0x55, hardware ");
    }

    @ParameterizedTest
    @EnumSource(
            value = VmcbField.class,
            names = {"RIP", "RAX", "CR2", "EXITCODE", "EXITINFO1", "NRIP"})
    void aFieldOfVmcb12ThatIsNotHardwaresIsFound(VmcbField field) {
        long vmcb12 = AMD.assemble().labels().get("vmcb");
        ExitAgreement agreement = run(
                AMD,
                L0Mode.TDP,
                "exact",
                machine -> machine.memory().write(vmcb12 + field.offset(), field.bytes(), 0x55));
        assertThat(agreement.wrong()).singleElement().asString().contains("vmcb12 has " + field + " = 0x55, vmcb02 ");
    }

    /** What L1 reads by VMREAD without an exit is the shadow VMCS's. */
    @Test
    void aShadowVmcsThatIsNotVmcs12IsFound() {
        NestboxConfiguration configuration = NestboxConfiguration.nested();
        Nestbox lab = Nestbox.create(configuration);
        lab.load(INTEL.image(), "");
        lab.run(1_000_000);
        VirtualizationExtension extension = lab.machine().cpu(0).extension;
        assertThat(NestedVmxInvariants.broken(extension, false)).isEmpty();
        set(lab.machine(), VmcsField.EXIT_QUALIFICATION, 0x55);
        assertThat(NestedVmxInvariants.broken(extension, false))
                .containsExactly("the shadow VMCS has EXIT_QUALIFICATION = 0x0, vmcs12 0x55");
    }
}

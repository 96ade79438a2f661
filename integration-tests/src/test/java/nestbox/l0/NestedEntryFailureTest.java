package nestbox.l0;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.stream.Stream;
import nestbox.l0.EntryLab.Vendor;
import nestbox.l0.EntryLab.Way;
import nestbox.machine.Outcome;
import nestbox.modules.NestboxConfiguration;
import nestbox.svm.l0.SvmBackendFactory;
import nestbox.vmx.l0.VmxBackendFactory;
import nestbox.x86.Flags;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Nested entries made to fail at each step, in each of the three ways: what has changed afterwards is what the manual allows, and the
 * next entry works.
 */
class NestedEntryFailureTest {
    private static final int VMFAIL_INVALID_CONTROLS = 7;

    /** One forced failure. */
    record Forced(Vendor vendor, Way way, EntryStepRow step, EntryFailure failure) {
        NestboxConfiguration configuration() {
            return EntryLab.configuration(vendor, way).toBuilder()
                    .inject(step.id() + "=" + failure.text() + "@1")
                    .build();
        }

        EntryLab before() {
            return EntryLab.before(vendor, way, EntryLab.GOOD, configuration());
        }

        /** The VMCB gets the exit; vmcs12 is the processor's, and not in memory. */
        Set<Long> changes() {
            return vendor == Vendor.VMX ? Set.of() : Set.of(EntryLab.CONTROL);
        }

        /**
         * Lets the entry fail, and says how many instructions that took: the silicon refuses when the next one, L2's first, is to
         * run, and then L1's NOP runs.
         */
        int advance(EntryLab lab) {
            lab.step();
            if (!step.id().equals("hardware")) {
                return 1;
            }
            lab.step();
            return 2;
        }

        @Override
        public String toString() {
            return vendor + " " + way + " " + step.id() + "=" + failure.text();
        }
    }

    private static Stream<Forced> all(EntryFailure... wanted) {
        List<Forced> list = new ArrayList<>();
        for (Vendor vendor : Vendor.values()) {
            VendorBackendFactory factory = vendor == Vendor.VMX ? new VmxBackendFactory() : new SvmBackendFactory();
            for (EntryStepRow step : factory.entrySteps()) {
                for (EntryFailure failure : wanted) {
                    if (step.failures().contains(failure)) {
                        for (Way way : List.of(Way.SHADOW_ON_SHADOW, Way.SHADOW_ON_TDP, Way.NESTED_TDP)) {
                            list.add(new Forced(vendor, way, step, failure));
                        }
                    }
                }
            }
        }
        return list.stream();
    }

    static Stream<Forced> vmfails() {
        return all(EntryFailure.VMFAIL);
    }

    static Stream<Forced> states() {
        return all(EntryFailure.GUEST_STATE, EntryFailure.MSR_LOAD);
    }

    static Stream<Forced> givesUp() {
        return all(EntryFailure.UNBACKED_PAGE, EntryFailure.OUT_OF_MEMORY);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("vmfails")
    void whatTheSiliconRefusesHasNotHappened(Forced forced) {
        EntryLab lab = forced.before();
        byte[] before = lab.state();
        long rip = lab.cpu().rip;
        long flags = lab.cpu().rflags();
        long retired = lab.cpu().retired;
        SortedMap<Long, Integer> memory = lab.memory(forced.changes());
        var root = lab.vcpu().mmu().currentRoot();
        int steps = forced.advance(lab);
        assertThat(lab.cpu().rip).isEqualTo(lab.address("after") + steps - 1);
        long expected = forced.vendor == Vendor.VMX ? flags & ~(long) Flags.ARITHMETIC | Flags.ZF : flags;
        assertThat(lab.cpu().rflags()).isEqualTo(expected);
        assertThat(lab.cpu().retired).isEqualTo(retired + steps);
        assertThat(lab.state(rip, flags, retired)).isEqualTo(before);
        assertThat(lab.memory(forced.changes())).isEqualTo(memory);
        if (root != null && !root.pae()) {
            assertThat(lab.vcpu().mmu().currentRoot()).isEqualTo(root);
        }
        assertThat(lab.finish()).isEqualTo(forced.vendor == Vendor.VMX ? "VBA" : "FBA");
        if (forced.vendor == Vendor.VMX) {
            assertThat(lab.lab.machine().memory().read(0x309000, 4)).isEqualTo(VMFAIL_INVALID_CONTROLS);
        }
    }

    /** Bare silicon, whose L1 has given it such a state or such a list, says what L1 finds. */
    @ParameterizedTest(name = "{0}")
    @MethodSource("states")
    void anEntryThatFailsByItsStateLeavesWhatSiliconLeaves(Forced forced) {
        boolean list = forced.failure == EntryFailure.MSR_LOAD
                || forced.vendor == Vendor.SVM && ((Enum<?>) forced.step).ordinal() >= 6;
        Way bare = forced.way.bare();
        EntryLab silicon = EntryLab.before(
                forced.vendor,
                bare,
                list ? EntryLab.BAD_LIST : EntryLab.BAD_STATE,
                EntryLab.configuration(forced.vendor, bare));
        EntryLab lab = forced.before();
        int steps = forced.advance(lab);
        for (int i = 0; i < steps; i++) {
            silicon.step();
        }
        assertThat(lab.cpu().rip).isEqualTo(silicon.cpu().rip);
        assertThat(lab.differences(silicon)).isEmpty();
        assertThat(lab.cpu().rflags()).isEqualTo(silicon.cpu().rflags());
        assertThat(lab.memory(EntryLab.DIFFERENT)).isEqualTo(silicon.memory(EntryLab.DIFFERENT));
        assertThat(lab.finish()).isEqualTo("FBA");
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("givesUp")
    void whatL0CannotDoCanBeTriedAgain(Forced forced) {
        EntryLab lab = forced.before();
        byte[] before = lab.state();
        SortedMap<Long, Integer> memory = lab.memory(Set.of());
        Outcome outcome = lab.step();
        assertThat(outcome.kind()).isEqualTo(Outcome.Kind.HYPERVISOR);
        assertThat(outcome.detail()).contains("KVM_EXIT_INTERNAL_ERROR", forced.step.id());
        assertThat(lab.state()).isEqualTo(before);
        assertThat(lab.memory(Set.of())).isEqualTo(memory);
        assertThat(lab.finish()).isEqualTo("BA");
    }
}

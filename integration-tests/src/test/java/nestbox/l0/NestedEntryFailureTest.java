package nestbox.l0;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.stream.Stream;
import nestbox.core.NestboxException;
import nestbox.l0.EntryLab.Vendor;
import nestbox.l0.EntryLab.Way;
import nestbox.machine.Outcome;
import nestbox.modules.NestboxConfiguration;
import nestbox.svm.l0.SvmBackendFactory;
import nestbox.vmx.l0.VmxBackendFactory;
import nestbox.x86.Flags;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Nested entries made to fail at each step, in each of the three ways: what has changed afterwards is what the manual allows, and the
 * next entry works.
 */
class NestedEntryFailureTest {
    private static final int VMFAIL_INVALID_CONTROLS = 7;
    private static final List<Way> WAYS = List.of(Way.SHADOW_ON_SHADOW, Way.SHADOW_ON_TDP, Way.NESTED_TDP);

    private static final long HPET = 0xfed00000L;
    /** What L1 and L2 map to different memory. */
    private static final long RAM = 0x40000000L;

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
                        for (Way way : WAYS) {
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
        long ticks = lab.cpu().ticks;
        SortedMap<Long, Integer> memory = lab.memory(forced.changes());
        var root = lab.vcpu().mmu().currentRoot();
        // With TDP the cache knows L1-physical addresses alone.
        assertThat(lab.mmioCached(HPET)).isEqualTo(forced.way == Way.SHADOW_ON_SHADOW ? HPET : -1);
        int steps = forced.advance(lab);
        assertThat(lab.cpu().rip).isEqualTo(lab.address("after") + steps - 1);
        long expected = forced.vendor == Vendor.VMX ? flags & ~(long) Flags.ARITHMETIC | Flags.ZF : flags;
        assertThat(lab.cpu().rflags()).isEqualTo(expected);
        assertThat(lab.cpu().ticks).isEqualTo(ticks + steps);
        assertThat(lab.state(rip, flags, ticks)).isEqualTo(before);
        assertThat(lab.memory(forced.changes())).isEqualTo(memory);
        if (root != null && !root.pae()) {
            assertThat(lab.vcpu().mmu().currentRoot()).isEqualTo(root);
        }
        mmioCacheIsOfL1(lab);
        assertThat(lab.finish()).isEqualTo(forced.vendor == Vendor.VMX ? "V321BA" : "F321BA");
        if (forced.vendor == Vendor.VMX) {
            assertThat(lab.lab.machine().memory().read(0x309000, 4)).isEqualTo(VMFAIL_INVALID_CONTROLS);
        }
    }

    /** What it says is true of L1's tables: it may have been cleared. */
    private static void mmioCacheIsOfL1(EntryLab lab) {
        assertThat(lab.mmioCached(HPET)).isIn(HPET, -1L);
        assertThat(lab.mmioCached(RAM)).isEqualTo(-1);
    }

    /** Bare silicon, whose L1 has given it such a state or such a list, says what L1 finds. */
    @ParameterizedTest(name = "{0}")
    @MethodSource("states")
    void anEntryThatFailsByItsStateLeavesWhatSiliconLeaves(Forced forced) {
        boolean list = forced.failure == EntryFailure.MSR_LOAD;
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
        mmioCacheIsOfL1(lab);
        assertThat(lab.cpu().rflags()).isEqualTo(silicon.cpu().rflags());
        SortedMap<Long, Integer> memory = lab.memory(EntryLab.DIFFERENT);
        silicon.memory(EntryLab.DIFFERENT)
                .forEach((page, digest) ->
                        assertThat(memory).withFailMessage("page %x", page).containsEntry(page, digest));
        assertThat(lab.finish()).isEqualTo("F321BA");
    }

    /** One that L1 has made wrong itself. */
    record Wrong(Vendor vendor, Way way, int bad) {}

    static Stream<Wrong> wrongs() {
        List<Wrong> list = new ArrayList<>();
        for (Way way : WAYS) {
            for (int bad : new int[] {EntryLab.BAD_STATE, EntryLab.BAD_LIST, EntryLab.BAD_SECOND, EntryLab.LONG_LIST}) {
                list.add(new Wrong(Vendor.VMX, way, bad));
            }
            list.add(new Wrong(Vendor.SVM, way, EntryLab.BAD_STATE));
            if (way != Way.NESTED_TDP) {
                list.add(new Wrong(Vendor.SVM, way, EntryLab.BAD_LIST));
            }
        }
        return list.stream();
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("wrongs")
    void whatL1MadeWrongFailsAsOnSilicon(Wrong wrong) {
        Way bare = wrong.way.bare();
        EntryLab silicon = EntryLab.before(wrong.vendor, bare, wrong.bad, EntryLab.configuration(wrong.vendor, bare));
        EntryLab lab =
                EntryLab.before(wrong.vendor, wrong.way, wrong.bad, EntryLab.configuration(wrong.vendor, wrong.way));
        lab.step();
        silicon.step();
        if (lab.vcpu().guestMode()) {
            // The check is left to the silicon, which makes it when L2's first instruction is to run: L1's handler is
            // reached then.
            lab.step();
            silicon.step();
        }
        assertThat(lab.differences(silicon)).isEmpty();
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
        assertThat(lab.finish()).isEqualTo("321BA");
    }

    private static EntryLab underKvm(Vendor vendor, String step) {
        NestboxConfiguration configuration = EntryLab.configuration(vendor, Way.SHADOW_ON_SHADOW).toBuilder()
                .nesting(NestedPolicies.kvm())
                .inject(step + "=vmfail@1")
                .build();
        EntryLab lab = EntryLab.before(vendor, Way.SHADOW_ON_SHADOW, EntryLab.GOOD, configuration);
        lab.step();
        lab.step();
        return lab;
    }

    /** {@code vmfail.pdptr=none} and {@code vmfail.msr=exitList}: the exit list has no such MSR. */
    @Test
    void kvmLeavesPdptesAndMsrsOfL2Behind() {
        EntryLab lab = underKvm(Vendor.VMX, "hardware");
        assertThat(lab.cpu().pdpte[1]).isEqualTo(0x304001);
        assertThat(lab.cpu().kernelGsBase).isEqualTo(0x1234);
        assertThat(lab.cpu().cr3).isEqualTo(0x300000);
    }

    /** {@code svm.invalidExit=kvm}; silicon does it the other way round. */
    @Test
    void kvmClearsTheInjectedEventOfAVmrunThatFails() {
        EntryLab lab = underKvm(Vendor.SVM, "check");
        assertThat(lab.lab.machine().memory().read(EntryLab.CONTROL + 0xa8, 8)).isZero();
        assertThat(lab.lab.machine().memory().read(EntryLab.CONTROL + 0x88, 8)).isEqualTo(0x456);
    }

    @Test
    void unknownStepsAndFailuresAreRefusedWithTheList() {
        for (String text :
                List.of("snapshots=vmfail", "snapshot=vmfale", "merge=msr-load", "snapshot", "mmu=vmfail@0")) {
            NestboxConfiguration.Builder configuration = EntryLab.configuration(Vendor.VMX, Way.NESTED_TDP).toBuilder()
                    .inject(text);
            assertThatThrownBy(configuration::build)
                    .isInstanceOf(NestboxException.class)
                    .hasMessageContaining("inject " + text);
        }
    }
}

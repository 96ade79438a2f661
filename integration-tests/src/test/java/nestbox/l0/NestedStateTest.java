package nestbox.l0;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;
import nestbox.core.NestboxException;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.trace.TraceEventType;
import nestbox.core.trace.TraceSink;
import nestbox.l0.EntryLab.Vendor;
import nestbox.l0.EntryLab.Way;
import nestbox.machine.Outcome;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.vmx.vmcs.VmcsLayout;
import nestbox.x86.Cpu;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The state of a machine under L0, and KVM's nested state, saved and restored at every instruction boundary around L2's life. */
class NestedStateTest {
    private static final int MOST = 200;
    private static final int LINK = VmcsLayout.offset(VmcsField.VMCS_LINK_POINTER);

    /** What L0 does for itself, which depends on what its caches hold. */
    private static boolean own(String event) {
        return event.startsWith("kvm_mmu_")
                || event.equals("kvm_entry")
                || event.equals("kvm_exit")
                || event.equals("kvm_nested_vmexit")
                || event.equals("kvm_page_fault");
    }

    static Stream<Arguments> ways() {
        List<Arguments> list = new ArrayList<>();
        for (Vendor vendor : Vendor.values()) {
            for (Way way : List.of(Way.SHADOW_ON_SHADOW, Way.SHADOW_ON_TDP, Way.NESTED_TDP)) {
                list.add(Arguments.of(vendor, way));
            }
        }
        return list.stream();
    }

    private static EntryLab before(Vendor vendor, Way way) {
        return EntryLab.before(vendor, way, EntryLab.GOOD, EntryLab.configuration(vendor, way));
    }

    /** Events of the guests' world, as text. */
    private static void record(EntryLab lab, List<String> events) {
        lab.lab.machine().trace().addSink(new TraceSink() {
            @Override
            public void event(TraceEventType type, long time, int cpu, int level, long[] values) {
                if (!own(type.name())) {
                    int fields = type.fields().size();
                    events.add(time + " " + type.name() + Arrays.toString(Arrays.copyOf(values, fields)));
                }
            }

            @Override
            public void close() {}
        });
    }

    private static EntryLab moved(EntryLab from) {
        StateWriter out = new StateWriter();
        from.lab.machine().save(out);
        EntryLab to = from.another();
        to.lab.machine().restore(new StateReader(out.toByteArray()));
        return to;
    }

    /** Runs to the end, each instruction on another machine; what was printed and the events. */
    private static EntryLab runMoving(
            EntryLab start, List<String> events, StringBuilder printed, Consumer<EntryLab> arrived) {
        EntryLab lab = start;
        record(lab, events);
        for (int i = 0; i < MOST; i++) {
            Outcome outcome = lab.step();
            if (outcome.kind() != Outcome.Kind.LIMIT) {
                assertThat(outcome.kind()).isEqualTo(Outcome.Kind.DEBUG_EXIT);
                printed.append(lab.printed());
                return lab;
            }
            printed.append(lab.printed());
            lab = moved(lab);
            arrived.accept(lab);
            record(lab, events);
        }
        throw new AssertionError("no end at " + Long.toHexString(lab.cpu().rip));
    }

    private static void sameAsWithoutMoving(Vendor vendor, Way way, Consumer<EntryLab> arrived) {
        EntryLab straight = before(vendor, way);
        List<String> expected = new ArrayList<>();
        record(straight, expected);
        String printed = straight.finish();
        List<String> seen = new ArrayList<>();
        StringBuilder moved = new StringBuilder();
        EntryLab last = runMoving(before(vendor, way), seen, moved, arrived);
        assertThat(moved).hasToString(printed);
        assertThat(seen).isEqualTo(expected);
        assertThat(last.state()).isEqualTo(straight.state());
        assertThat(last.memory(Set.of())).isEqualTo(straight.memory(Set.of()));
    }

    @ParameterizedTest
    @MethodSource("ways")
    void aMachineMovesBetweenAnyTwoInstructions(Vendor vendor, Way way) {
        sameAsWithoutMoving(vendor, way, lab -> {});
    }

    /** L0 has been told to make the silicon refuse vmcs02 or vmcb02, which is to be entered next. */
    @ParameterizedTest
    @MethodSource("ways")
    void aForcedRefusalThatIsToComeMoves(Vendor vendor, Way way) {
        EntryLab lab = EntryLab.before(
                vendor,
                way,
                EntryLab.GOOD,
                EntryLab.configuration(vendor, way).toBuilder()
                        .inject("hardware=vmfail@1")
                        .build());
        lab.step();
        assertThat(moved(lab).finish()).isEqualTo(vendor == Vendor.VMX ? "V321BA" : "F321BA");
    }

    /** The registers move as before; nested state by KVM's layout. */
    @ParameterizedTest
    @MethodSource("ways")
    void kvmsNestedStateIsEnough(Vendor vendor, Way way) {
        sameAsWithoutMoving(vendor, way, lab -> {
            Cpu cpu = lab.cpu();
            byte[] state = lab.vcpu().nestedState().toBytes();
            byte[] registers = lab.state();
            lab.vcpu().setNestedState(NestedState.parse(state));
            assertThat(lab.state()).isEqualTo(registers);
            assertThat(lab.vcpu().nestedState().toBytes()).isEqualTo(state);
            assertThat(cpu.activity).isEqualTo(Cpu.ACTIVE);
        });
    }

    /** A state that is good but for what a row says. */
    record Bad(Vendor vendor, String row, Consumer<NestedState> change) {
        @Override
        public String toString() {
            return vendor + " " + row;
        }
    }

    private static Bad vmx(String row, Consumer<NestedState> change) {
        return new Bad(Vendor.VMX, row, change);
    }

    private static Bad svm(String row, Consumer<NestedState> change) {
        return new Bad(Vendor.SVM, row, change);
    }

    private static void flags(NestedState state, int flags) {
        state.set(0, 2, flags);
    }

    private static void off(NestedState state) {
        flags(state, 0);
        state.set(8, 8, -1);
        state.set(16, 8, -1);
    }

    static Stream<Bad> bad() {
        return Stream.of(
                vmx("unknown-flags", s -> flags(s, 1 | 0x1000)),
                vmx("run-pending", s -> flags(s, 2)),
                vmx("format", s -> s.set(2, 2, 1)),
                vmx("off-smm", s -> {
                    off(s);
                    s.set(24, 2, 2);
                }),
                vmx("off-vmcs12", s -> {
                    off(s);
                    s.set(16, 8, 0x401000);
                }),
                vmx("off-flags", s -> {
                    off(s);
                    flags(s, 1);
                }),
                vmx("vmxon-address", s -> s.set(8, 8, 0x400008)),
                vmx("smm-or-guest-mode", s -> s.set(24, 2, 3)),
                vmx("smm-flags", s -> {
                    flags(s, 0);
                    s.set(24, 2, 4);
                }),
                vmx("header-flags", s -> s.set(28, 4, 2)),
                vmx("outside-smm", s -> {
                    flags(s, 0);
                    s.set(24, 2, 2);
                }),
                vmx("evmcs", s -> flags(s, 1 | 4)),
                vmx("size-vmcs12", s -> s.set(4, 4, 128)),
                vmx("vmcs12-address", s -> s.set(16, 8, 0x400000)),
                vmx("revision", s -> s.set(128, 4, 1)),
                vmx("size-shadow", s -> {
                    s.set(128 + LINK, 8, 0x402000);
                    s.set(4, 4, 128 + 4096);
                }),
                vmx("shadow-revision", s -> s.set(128 + LINK, 8, 0x402000)),
                svm("run-pending", s -> flags(s, 2)),
                svm("format", s -> s.set(2, 2, 0)),
                svm("flags", s -> flags(s, 1 | 4)),
                svm("vmcb-address", s -> s.set(8, 8, 0x401010)),
                svm("size", s -> s.set(4, 4, 128)),
                svm("controls", s -> s.set(128 + 0x58, 4, 0)),
                svm("l1-paging", s -> s.set(128 + 0x558, 8, 0x11)),
                svm("l1-virtual-8086", s -> s.set(128 + 0x570, 8, 0x20002)),
                svm("l1-state", s -> s.set(128 + 0x4d0, 8, 0)));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("bad")
    void whatKvmRefusesIsRefusedByName(Bad bad) {
        EntryLab lab = before(bad.vendor, Way.NESTED_TDP);
        lab.step();
        lab.step();
        byte[] good = lab.vcpu().nestedState().toBytes();
        NestedState state = NestedState.parse(good);
        bad.change.accept(state);
        assertThatThrownBy(() -> lab.vcpu().setNestedState(state))
                .isInstanceOf(NestboxException.class)
                .hasMessageContaining("EINVAL: " + bad.row + ":");
        lab.vcpu().setNestedState(NestedState.parse(good));
        assertThat(lab.finish()).isEqualTo("321BA");
    }

    /** A processor that a good state, or one that has changed, does not fit. */
    record Unfit(Vendor vendor, String row, Consumer<Cpu> processor, Consumer<NestedState> change) {
        @Override
        public String toString() {
            return vendor + " " + row;
        }
    }

    static Stream<Unfit> unfit() {
        return Stream.of(
                new Unfit(Vendor.VMX, "in-smm", c -> c.smm = true, s -> {}),
                new Unfit(Vendor.VMX, "smm-vmxon", c -> c.smm = true, s -> {
                    flags(s, 0);
                    s.set(24, 2, 1);
                }),
                new Unfit(Vendor.SVM, "svme", c -> c.efer &= ~Cpu.EFER_SVME, s -> {}),
                new Unfit(Vendor.SVM, "smm", c -> c.smm = true, s -> {}),
                new Unfit(Vendor.SVM, "cache-control", c -> c.cr0 |= Cpu.CR0_NW, s -> {}));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("unfit")
    void whatDoesNotFitTheProcessorIsRefusedByName(Unfit unfit) {
        EntryLab lab = before(unfit.vendor, Way.NESTED_TDP);
        lab.step();
        lab.step();
        NestedState state = lab.vcpu().nestedState();
        unfit.change.accept(state);
        unfit.processor.accept(lab.cpu());
        assertThatThrownBy(() -> lab.vcpu().setNestedState(state))
                .isInstanceOf(NestboxException.class)
                .hasMessageContaining("EINVAL: " + unfit.row + ":");
    }
}

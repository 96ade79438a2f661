package nestbox.l0;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.stream.Stream;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.l0.EntryLab.Vendor;
import nestbox.l0.EntryLab.Way;
import nestbox.machine.Outcome;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.vmx.vmcs.VmcsLayout;
import nestbox.x86.Cpu;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * SMIs while L2 runs that L1 does not intercept: SMM lies outside L2, and RSM goes back to it as if nothing had been (SDM Vol. 3,
 * "Default Treatment of SMIs and SMM with VMX Operation and SMX Operation"; APM Vol. 2, "SMM Support").
 */
class SmiInL2Test {
    private static final int COUNT = 0x9000;
    private static final String HANDLER = "inc dword [0x9000]\nmov eax, 0x1234\nrsm\n";
    private static final int MOST = 2000;

    static Stream<Arguments> ways() {
        List<Arguments> list = new ArrayList<>();
        for (Vendor vendor : Vendor.values()) {
            for (Way way : List.of(Way.SHADOW_ON_SHADOW, Way.SHADOW_ON_TDP, Way.NESTED_TDP)) {
                list.add(Arguments.of(vendor, way));
            }
        }
        return list.stream();
    }

    /** What differs between L0 and silicon, the state save area (L0 masks virtual interrupts), and how often the handler ran. */
    private static final Set<Long> DIFFERENT = different();

    private static Set<Long> different() {
        Set<Long> pages = new TreeSet<>(EntryLab.DIFFERENT);
        pages.add(0x3f000L);
        pages.add((long) COUNT);
        return pages;
    }

    private static EntryLab lab(Vendor vendor, Way way) {
        return EntryLab.withFirmware(vendor, way, EntryLab.configuration(vendor, way), HANDLER);
    }

    /** At a boundary, and then at each where no handler runs; the silicon itself says what must come out. */
    private static void interrupt(EntryLab lab, Consumer<EntryLab> each) {
        boolean due = true;
        for (int i = 0; i < MOST; i++) {
            if (!lab.cpu().smm) {
                if (due) {
                    lab.cpu().pend(Cpu.PENDING_SMI);
                }
                due = !due;
            }
            each.accept(lab);
            if (lab.step().kind() != Outcome.Kind.LIMIT) {
                return;
            }
        }
        throw new AssertionError("no end at " + Long.toHexString(lab.cpu().rip));
    }

    private static void sameAsBare(Vendor vendor, Way way, Consumer<EntryLab> each) {
        EntryLab lab = lab(vendor, way);
        EntryLab bare = lab(vendor, way.bare());
        interrupt(lab, each);
        interrupt(bare, b -> {});
        assertThat(bare.printed()).isEqualTo("321BA");
        assertThat(lab.printed()).isEqualTo("321BA");
        assertThat(bare.lab.machine().memory().read(COUNT, 4)).isGreaterThan(50);
        assertThat(lab.differences(bare)).isEmpty();
        assertThat(lab.memory(DIFFERENT)).isEqualTo(bare.memory(DIFFERENT));
    }

    @ParameterizedTest
    @MethodSource("ways")
    void l2GoesOnBehindTheHandler(Vendor vendor, Way way) {
        sameAsBare(vendor, way, lab -> {});
    }

    /** KVM's nested state, taken and given back at every boundary, SMM included. */
    @ParameterizedTest
    @MethodSource("ways")
    void kvmsNestedStateIsEnough(Vendor vendor, Way way) {
        sameAsBare(vendor, way, lab -> {
            byte[] state = lab.vcpu().nestedState().toBytes();
            lab.vcpu().setNestedState(NestedState.parse(state));
            assertThat(lab.vcpu().nestedState().toBytes()).isEqualTo(state);
        });
    }

    /** The state of the whole machine, moved to another one while the handler runs. */
    @ParameterizedTest
    @MethodSource("ways")
    void theMachineMovesInTheHandler(Vendor vendor, Way way) {
        EntryLab lab = lab(vendor, way);
        lab.step();
        lab.step();
        lab.cpu().pend(Cpu.PENDING_SMI);
        lab.step();
        assertThat(lab.cpu().smm).isTrue();
        StateWriter out = new StateWriter();
        lab.lab.machine().save(out);
        EntryLab to = lab.another();
        to.lab.machine().restore(new StateReader(out.toByteArray()));
        assertThat(to.finish()).isEqualTo("321BA");
        assertThat(to.lab.machine().memory().read(COUNT, 4)).isEqualTo(1);
    }

    /** What RSM goes back to has been spoilt meanwhile: vmcs12 in nested state, vmcb12 in memory. */
    @ParameterizedTest
    @EnumSource
    void controlsAreCheckedAgainAtRsm(Vendor vendor) {
        EntryLab lab = lab(vendor, Way.NESTED_TDP);
        lab.step();
        lab.step();
        lab.cpu().pend(Cpu.PENDING_SMI);
        lab.step();
        NestedState state = lab.vcpu().nestedState();
        if (vendor == Vendor.VMX) {
            assertThat(state.get(24, 2)).as("SMM flags").isEqualTo(3);
            state.set(NestedState.HEADER + VmcsLayout.offset(VmcsField.CR3_TARGET_COUNT), 4, 5);
        } else {
            lab.lab.machine().memory().write(EntryLab.CONTROL + 0x58, 4, 0);
        }
        lab.vcpu().setNestedState(state);
        lab.lab.run(1000);
        assertThat(lab.cpu().activity).isEqualTo(Cpu.SHUTDOWN);
    }
}

package nestbox.vmx.check;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import nestbox.vmx.TestCpu;
import nestbox.vmx.VmxModel;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.vmcs.Vmcs;
import nestbox.vmx.vmcs.VmcsField;
import org.junit.jupiter.api.Test;

/** Random changes of valid VMCSs: an entry has one architectural outcome, and skipping checks never changes it. */
class CheckPropertyTest {
    private static final int ROUNDS = 200;
    private static final int FLIPS = 50;

    private static final List<VmxModel> MODELS = List.of(
            VmxModel.of(TestCpu.of("Penryn")),
            VmxModel.of(TestCpu.of("Nehalem")),
            VmxModel.of(TestCpu.of("Haswell")),
            VmxModel.of(TestCpu.of("Skylake-Server")),
            VmxModel.of(TestCpu.of("SapphireRapids")));

    /** One flipped field either leaves the VMCS valid or names a row that reads the field. */
    @Test
    void oneFlippedFieldIsNamedByItsRows() {
        Random random = new Random(4);
        for (int round = 0; round < ROUNDS * 5; round++) {
            TestState state = start(random);
            VmcsField field = VmcsField.values()[random.nextInt(VmcsField.count())];
            state.set(field, state.peek(field) ^ pattern(random));
            for (CheckFailure failure : EntryChecks.all(state)) {
                boolean reads = failure.row().fields().contains(field) || CheckRow.CONTROL_WORDS.contains(field);
                assertThat(reads)
                        .as("%s after a change of %s", failure.row(), field)
                        .isTrue();
            }
        }
    }

    /** Running only the groups whose inputs changed gives what running all of them gives. */
    @Test
    void memoisedRunsAgreeWithFullRuns() {
        Random random = new Random(5);
        int passed = 0;
        for (int round = 0; round < ROUNDS; round++) {
            TestState outside = start(random);
            Vmcs vmcs = new Vmcs(TestState.CURRENT, EntryChecks.readers());
            for (VmcsField field : VmcsField.values()) {
                vmcs.set(field, outside.peek(field));
            }
            CheckMemo memo = new CheckMemo();
            CheckOrder order = CheckOrder.shuffled(round);
            for (int flip = 0; flip < FLIPS; flip++) {
                VmcsField field = VmcsField.values()[random.nextInt(VmcsField.count())];
                long before = vmcs.get(field);
                vmcs.set(field, before ^ pattern(random));
                outside.set(field, vmcs.get(field));
                outside.ia32eMode ^= random.nextInt(20) == 0;
                boolean blocking = outside.movSsBlocking;
                outside.movSsBlocking ^= random.nextInt(10) == 0;
                boolean launching = outside.launching;
                outside.launching ^= random.nextInt(10) == 0;
                if (random.nextInt(4) == 0) {
                    corrupt(outside, random);
                }
                CheckFailure full = EntryChecks.first(outside, order);
                CheckFailure memoised = EntryChecks.first(outside, order, vmcs, memo);
                assertThat(memoised == null ? null : memoised.text()).isEqualTo(full == null ? null : full.text());
                passed += full == null ? 1 : 0;
                outside.movSsBlocking = blocking;
                outside.launching = launching;
                if (random.nextInt(4) != 0) {
                    vmcs.set(field, before);
                    outside.set(field, before);
                }
            }
        }
        assertThat(passed).isGreaterThan(ROUNDS);
    }

    /** A run that passed leaves only the groups that look outside the VMCS. */
    @Test
    void unchangedVmcsRunsOnlyGroupsThatLookOutside() {
        TestState state = Guests.LONG.state();
        Vmcs vmcs = new Vmcs(TestState.CURRENT, EntryChecks.readers());
        for (VmcsField field : VmcsField.values()) {
            vmcs.set(field, state.peek(field));
        }
        CheckMemo memo = new CheckMemo();
        assertThat(EntryChecks.first(state, CheckOrder.MANUAL, vmcs, memo)).isNull();
        state.read.clear();
        assertThat(EntryChecks.first(state, CheckOrder.MANUAL, vmcs, memo)).isNull();
        assertThat(state.read).doesNotContain(VmcsField.GUEST_CS_AR_BYTES, VmcsField.HOST_RIP, VmcsField.EPT_POINTER);
        vmcs.set(VmcsField.GUEST_RIP, 0x2000);
        state.set(VmcsField.GUEST_RIP, 0x2000).read.clear();
        assertThat(EntryChecks.first(state, CheckOrder.MANUAL, vmcs, memo)).isNull();
        assertThat(state.read).contains(VmcsField.GUEST_RIP).doesNotContain(VmcsField.GUEST_SS_LIMIT);
    }

    @Test
    void randomStatesNeverThrow() {
        Random random = new Random(6);
        for (int round = 0; round < ROUNDS * 5; round++) {
            TestState state = start(random);
            for (VmcsField field : VmcsField.values()) {
                if (random.nextInt(3) == 0) {
                    state.set(field, random.nextLong());
                }
            }
            state.inSmm = random.nextBoolean();
            List<CheckFailure> all = EntryChecks.all(state);
            CheckFailure first = EntryChecks.first(state, CheckOrder.MANUAL);
            List<String> texts =
                    new ArrayList<>(all.stream().map(CheckFailure::text).toList());
            if (first != null) {
                assertThat(texts).first().isEqualTo(first.text());
            } else {
                assertThat(texts).isEmpty();
            }
        }
    }

    /** Changes memory that some field points at. */
    private static void corrupt(TestState state, Random random) {
        long[] areas = {
            TestState.MSR_AREA,
            TestState.VIRTUAL_APIC + 0x80,
            TestState.SHADOW,
            state.peek(VmcsField.GUEST_CR3) & ~0x1fL,
            state.peek(VmcsField.VMCS_LINK_POINTER)
        };
        long at = areas[random.nextInt(areas.length)] + random.nextInt(32);
        state.poke(at, 1, random.nextInt(256));
    }

    private static TestState start(Random random) {
        VmxModel model = MODELS.get(random.nextInt(MODELS.size()));
        Guests guest = Guests.values()[random.nextInt(Guests.values().length)];
        if (guest == Guests.REAL && !model.has(VmxFeature.UNRESTRICTED_GUEST)) {
            guest = Guests.LONG;
        }
        return guest.state(model);
    }

    static long pattern(Random random) {
        return switch (random.nextInt(4)) {
            case 0 -> 1L << random.nextInt(64);
            case 1 -> 1L << random.nextInt(16);
            case 2 -> random.nextLong();
            default -> -1L << random.nextInt(64);
        };
    }
}

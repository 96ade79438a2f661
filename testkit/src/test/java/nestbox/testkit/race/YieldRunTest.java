package nestbox.testkit.race;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.EnumSet;
import java.util.Set;
import java.util.function.UnaryOperator;
import nestbox.core.NestboxException;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.UnsupportedFeatureException;
import nestbox.core.trace.HashSink;
import nestbox.l0.Hypervisor;
import nestbox.machine.Machine;
import nestbox.machine.MachineConfig;
import nestbox.machine.Outcome;
import nestbox.machine.load.ImageFile;
import nestbox.mmu.core.YieldPoint;
import nestbox.mmu.core.YieldPoint.Lock;
import nestbox.modules.L0Mode;
import nestbox.modules.Nestbox;
import nestbox.modules.NestboxConfiguration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Turns of other processors within L0's work: repeatable, saved, and no further than L0's locks let them go. */
class YieldRunTest {
    private static final ImageFile IMAGE = ParallelGuest.image(3, 200);
    private static final long LIMIT = 5_000_000;
    /** Points to which this guest does not bring L0. */
    private static final Set<YieldPoint> ELSEWHERE = EnumSet.of(
            YieldPoint.ROOTS_BEFORE_LOCK,
            YieldPoint.ZAP_BATCH,
            YieldPoint.DIRTY_PROTECTED,
            YieldPoint.VMCB12_CHECKED,
            YieldPoint.VMCS12_CHECKED);

    private static Nestbox lab(UnaryOperator<NestboxConfiguration.Builder> change) {
        NestboxConfiguration.Builder builder = NestboxConfiguration.bareSilicon().toBuilder()
                .l0(L0Mode.SHADOW)
                .cpus(2)
                .memoryBytes(16 << 20);
        Nestbox lab = Nestbox.create(change.apply(builder).build());
        lab.load(IMAGE, "");
        return lab;
    }

    private static String hash(Nestbox lab) {
        HashSink hash = new HashSink();
        lab.machine().trace().addSink(hash);
        assertThat(lab.run(LIMIT).kind()).isEqualTo(Outcome.Kind.DEBUG_EXIT);
        return hash.hash();
    }

    private static String hash(String plan, MachineConfig.Engine engine, int blockSize) {
        return hash(lab(builder ->
                builder.yieldAt(plan).machine(machine -> machine.engine(engine).blockSize(blockSize))));
    }

    @ParameterizedTest
    @CsvSource({"BLOCK, 4", "BLOCK, 1", "REFERENCE, 64"})
    void aScheduleIsTheSameOnEveryEngine(MachineConfig.Engine engine, int blockSize) {
        assertThat(hash("seeded:1", engine, blockSize)).isEqualTo(hash("seeded:1", MachineConfig.Engine.BLOCK, 64));
    }

    @Test
    void seedsDiffer() {
        String without = hash(lab(builder -> builder));
        String first = hash("seeded:1", MachineConfig.Engine.BLOCK, 64);
        assertThat(first).isNotEqualTo(without).isNotEqualTo(hash("seeded:2", MachineConfig.Engine.BLOCK, 64));
    }

    @Test
    void aRuleMayHoldOnce() {
        Nestbox each = lab(builder -> builder.yieldAt("sync-entry=10"));
        Nestbox once = lab(builder -> builder.yieldAt("sync-entry=10@20"));
        each.run(LIMIT);
        once.run(LIMIT);
        assertThat(counters(once).yields).isEqualTo(1);
        // PAUSE, which the last of them may be, takes 64 ticks.
        assertThat(counters(once).yieldTicks).isBetween(10L, 74L);
        assertThat(counters(each).yields).isGreaterThan(10);
    }

    private static nestbox.l0.L0Counters counters(Nestbox lab) {
        return lab.hypervisor().orElseThrow().counters();
    }

    /** The generator goes with the machine; a moment at which an exit waits for a lock cannot be saved, and says so. */
    @Test
    void aScheduleGoesOnBehindSavedState() {
        int saved = 0;
        int refused = 0;
        for (int at = 300; at < 2200; at += 250) {
            Machine machine = lab(builder -> builder.yieldAt("seeded:1")).machine();
            assertThat(machine.run(at).kind()).isEqualTo(Outcome.Kind.LIMIT);
            StateWriter out = new StateWriter();
            try {
                machine.save(out);
            } catch (UnsupportedFeatureException e) {
                assertThat(e).hasMessageContaining("waits for a lock");
                refused++;
                continue;
            }
            saved++;
            Machine first = restored(out.toByteArray());
            Machine second = restored(out.toByteArray());
            assertThat(first.run(LIMIT).kind()).isEqualTo(Outcome.Kind.DEBUG_EXIT);
            second.run(LIMIT);
            assertThat(second.digest()).isEqualTo(first.digest());
        }
        assertThat(saved).isGreaterThan(refused);
    }

    private static Machine restored(byte[] state) {
        Machine machine = lab(builder -> builder.yieldAt("seeded:1")).machine();
        machine.restore(new StateReader(state));
        return machine;
    }

    /** Who holds mmu_lock keeps the others from L0, who holds slots_lock from devices and emulation. */
    @ParameterizedTest
    @EnumSource(YieldPoint.class)
    void othersGoNoFurtherThanTheLockLetsThem(YieldPoint point) {
        Nestbox lab = lab(builder -> builder);
        Hypervisor hypervisor = lab.hypervisor().orElseThrow();
        int[] reached = new int[1];
        hypervisor.atYield(point, moment -> {
            reached[0]++;
            long faults = hypervisor.mmu().counters().pfTaken;
            long emulated = hypervisor.counters().insnEmulation;
            assertThat(moment.run(1 - moment.vcpu().guest().id, 300)).isLessThan(400);
            if (point.lock() == Lock.MMU) {
                assertThat(hypervisor.mmu().counters().pfTaken).isEqualTo(faults);
            }
            if (point.lock() != Lock.NONE) {
                assertThat(hypervisor.counters().insnEmulation).isEqualTo(emulated);
            }
        });
        assertThat(lab.run(LIMIT).kind()).isEqualTo(Outcome.Kind.DEBUG_EXIT);
        assertThat(reached[0] == 0).isEqualTo(ELSEWHERE.contains(point));
    }

    @Test
    void whatCannotBeIsRefused() {
        assertThatThrownBy(NestboxConfiguration.bareSilicon().toBuilder().yieldAt("seeded:1")::build)
                .isInstanceOf(NestboxException.class)
                .hasMessageContaining("without L0")
                .hasMessageContaining("without a second processor");
        NestboxConfiguration.Builder several = NestboxConfiguration.bareSilicon().toBuilder()
                .yieldAt("nowhere=1")
                .yieldAt("zap-batch")
                .yieldAt("zap-batch=0")
                .yieldAt("zap-batch=1@0")
                .yieldAt("seeded:x");
        assertThatThrownBy(several::build)
                .hasMessageContaining("none of fault-walked")
                .hasMessageContaining("POINT=INSTRUCTIONS")
                .hasMessageContaining("zap-batch=0: '0' is no number from 1")
                .hasMessageContaining("zap-batch=1@0: '0' is no number from 1")
                .hasMessageContaining("'x' is no number");
    }

    /** A run that ended within a turn leaves another processor in the middle of L0: it neither goes on nor is saved. */
    @Test
    void whoIsLeftInTheMiddleDoesNotGoOn() {
        Nestbox lab = lab(builder -> builder);
        Hypervisor hypervisor = lab.hypervisor().orElseThrow();
        hypervisor.atYield(YieldPoint.EMULATE_FETCH, moment -> {
            throw moment.vcpu().giveUp("the test wants it");
        });
        assertThat(lab.run(LIMIT).kind()).isEqualTo(Outcome.Kind.HYPERVISOR);
        assertThat(lab.run(LIMIT).detail()).contains("yield points: ");
        assertThatThrownBy(() -> lab.machine().save(new StateWriter())).isInstanceOf(UnsupportedFeatureException.class);
    }
}

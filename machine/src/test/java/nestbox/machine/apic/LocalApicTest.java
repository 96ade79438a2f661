package nestbox.machine.apic;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** SDM Vol. 3, "Advanced Programmable Interrupt Controller (APIC)". */
class LocalApicTest {
    private static final int FIXED = 0x4000;
    private final ApicRig rig = new ApicRig(4);

    /** Shorthands, physical and flat logical destinations; LDR of APIC n has bit n. */
    @ParameterizedTest
    @CsvSource({
        "0x000040, 2, 2",
        "0x000040, 0xff, 0123",
        "0x040040, 0, 0",
        "0x080040, 0, 0123",
        "0x0c0040, 0, 123",
        "0x000840, 0x05, 02",
        "0x000840, 0xff, 0123",
        "0x000840, 0x00, ''",
        "0x000040, 9, ''",
    })
    void ipisReachTheirDestinations(String low, String destination, String expected) {
        for (int i = 0; i < 4; i++) {
            rig.write(i, ApicReg.LDR, 1L << (24 + i));
        }
        rig.icr(0, Integer.decode(destination), Long.decode(low) | FIXED);
        assertThat(rig.raised()).isEqualTo(expected);
        assertThat(rig.read(0, ApicReg.ICR) & 1 << 12)
                .as("delivery status: idle")
                .isZero();
    }

    @ParameterizedTest
    @CsvSource({"0x11, 0", "0x12, 1", "0x13, 01", "0x21, 2", "0x31, ''", "0xff, 0123"})
    void clusterModelComparesClusterAndMember(String destination, String expected) {
        int[] logical = {0x11, 0x12, 0x21, 0x22};
        for (int i = 0; i < 4; i++) {
            rig.write(i, ApicReg.DFR, 0x0fffffffL);
            rig.write(i, ApicReg.LDR, (long) logical[i] << 24);
        }
        rig.icr(0, Integer.decode(destination), 0x840 | FIXED);
        assertThat(rig.raised()).isEqualTo(expected);
    }

    @ParameterizedTest
    @CsvSource({
        "0x4400, nmi 1",
        "0x4200, smi 1",
        "0x4500, init 1",
        "0xc500, init 1",
        "0x4608, sipi 1 8",
    })
    void deliveryModesReachTheProcessor(String low, String expected) {
        rig.icr(0, 1, Long.decode(low));
        assertThat(rig.log).containsExactly(expected);
    }

    @Test
    void initLevelDeassertDoesNothing() {
        rig.icr(0, 1, 0x8500);
        assertThat(rig.log).isEmpty();
    }

    @Test
    void lowestPriorityGoesToTheProcessorWithTheLowestPpr() {
        for (int i = 0; i < 4; i++) {
            rig.write(i, ApicReg.LDR, 0xff000000L);
            rig.write(i, ApicReg.TPR, 0x80 - 0x10 * (i % 3));
        }
        rig.icr(3, 0xff, 0x9f1 | FIXED);
        assertThat(rig.raised()).isEqualTo("2");
    }

    @Test
    void tprAndServiceHoldBackTheirClassAndLowerOnes() {
        rig.write(0, ApicReg.TPR, 0x50);
        rig.icr(0, 0, 0x5f | FIXED);
        assertThat(rig.line[0]).isFalse();
        rig.icr(0, 0, 0x60 | FIXED);
        assertThat(rig.line[0]).isTrue();
        assertThat(rig.apics[0].acknowledge()).isEqualTo(0x60);
        assertThat(rig.read(0, ApicReg.PPR)).isEqualTo(0x60);
        rig.icr(0, 0, 0x6f | FIXED);
        assertThat(rig.line[0]).as("same class").isFalse();
        rig.icr(0, 0, 0x71 | FIXED);
        assertThat(rig.apics[0].acknowledge()).isEqualTo(0x71);
        rig.write(0, ApicReg.EOI, 0);
        assertThat(rig.read(0, ApicReg.ISR + 0x30)).as("60h still in service").isEqualTo(1);
        rig.write(0, ApicReg.EOI, 0);
        assertThat(rig.apics[0].acknowledge()).isEqualTo(0x6f);
        rig.write(0, ApicReg.EOI, 0);
        assertThat(rig.read(0, ApicReg.PPR)).isEqualTo(0x50);
        rig.write(0, ApicReg.TPR, 0);
        assertThat(rig.apics[0].acknowledge()).isEqualTo(0x5f);
    }

    @Test
    void illegalVectorsAreErrors() {
        rig.write(0, ApicReg.LVT_ERROR, 0xe1);
        rig.icr(0, 1, 0x0f | FIXED);
        assertThat(rig.read(0, ApicReg.ESR)).as("shown only after a write").isZero();
        assertThat(rig.apics[0].acknowledge()).isEqualTo(0xe1);
        rig.write(0, ApicReg.ESR, 0);
        assertThat(rig.read(0, ApicReg.ESR)).isEqualTo(0x20);
        rig.write(0, ApicReg.ESR, 0);
        assertThat(rig.read(0, ApicReg.ESR)).isZero();
        rig.read(0, 0x3f0 - 0x10);
        rig.write(0, 0x2e0, 1);
        rig.write(0, ApicReg.ESR, 0);
        assertThat(rig.read(0, ApicReg.ESR)).as("illegal register").isEqualTo(0x80);
    }

    @Test
    void softwareDisableMasksEveryLvtEntry() {
        rig.write(0, ApicReg.LVT_TIMER, 0x31);
        rig.write(0, ApicReg.SVR, 0xff);
        assertThat(rig.read(0, ApicReg.LVT_TIMER)).isEqualTo(0x10031);
        rig.write(0, ApicReg.LVT_TIMER, 0x31);
        assertThat(rig.read(0, ApicReg.LVT_TIMER)).as("masks stay").isEqualTo(0x10031);
        rig.icr(1, 0, 0x40 | FIXED);
        assertThat(rig.line[0]).isFalse();
        rig.icr(1, 0, 0x4400);
        assertThat(rig.log).containsExactly("nmi 0");
    }

    @Test
    void oneShotTimerExpiresAtItsExactTick() {
        rig.write(0, ApicReg.LVT_TIMER, 0x31);
        rig.write(0, ApicReg.DIVIDE, 1);
        rig.write(0, ApicReg.INITIAL_COUNT, 100);
        rig.advance(399);
        assertThat(rig.line[0]).isFalse();
        assertThat(rig.read(0, ApicReg.CURRENT_COUNT)).isEqualTo(1);
        rig.advance(1);
        assertThat(rig.line[0]).isTrue();
        assertThat(rig.read(0, ApicReg.CURRENT_COUNT)).isZero();
        rig.apics[0].acknowledge();
        rig.advance(1000);
        assertThat(rig.line[0]).isFalse();
    }

    @ParameterizedTest
    @CsvSource({"0, 2", "1, 4", "2, 8", "3, 16", "8, 32", "9, 64", "0xa, 128", "0xb, 1"})
    void divideConfigurationFollowsTheTable(String code, int divisor) {
        rig.write(0, ApicReg.DIVIDE, Long.decode(code));
        rig.write(0, ApicReg.INITIAL_COUNT, 1000);
        rig.advance(10L * divisor);
        assertThat(rig.read(0, ApicReg.CURRENT_COUNT)).isEqualTo(990);
    }

    @Test
    void periodicTimerRepeatsWithoutDrift() {
        rig.write(0, ApicReg.LVT_TIMER, 0x20031);
        rig.write(0, ApicReg.DIVIDE, 0xb);
        rig.write(0, ApicReg.INITIAL_COUNT, 50);
        for (int i = 1; i <= 5; i++) {
            rig.advance(49);
            assertThat(rig.line[0]).isFalse();
            rig.advance(1);
            assertThat(rig.apics[0].acknowledge()).isEqualTo(0x31);
            rig.write(0, ApicReg.EOI, 0);
            assertThat(rig.read(0, ApicReg.CURRENT_COUNT)).isEqualTo(50);
        }
    }

    @Test
    void deadlineModeFiresWhenTheTimeStampReachesIt() {
        rig.timeStampOffset = 1000;
        rig.write(0, ApicReg.LVT_TIMER, 0x40031);
        rig.apics[0].setDeadline(1300);
        assertThat(rig.apics[0].deadline()).isEqualTo(1300);
        rig.advance(299);
        assertThat(rig.line[0]).isFalse();
        rig.advance(1);
        assertThat(rig.line[0]).isTrue();
        assertThat(rig.apics[0].deadline()).isZero();
        rig.write(0, ApicReg.INITIAL_COUNT, 5);
        assertThat(rig.read(0, ApicReg.INITIAL_COUNT))
                .as("ignored in this mode")
                .isZero();
    }

    @Test
    void leavingDeadlineModeDisarms() {
        rig.write(0, ApicReg.LVT_TIMER, 0x40031);
        rig.apics[0].setDeadline(100);
        rig.write(0, ApicReg.LVT_TIMER, 0x31);
        rig.advance(200);
        assertThat(rig.line[0]).isFalse();
        rig.apics[0].setDeadline(100);
        assertThat(rig.apics[0].deadline()).as("reads 0 in other modes").isZero();
    }

    @Test
    void lint0TakesThe8259() {
        rig.write(0, ApicReg.LVT_LINT0, 0x700);
        rig.write(0, ApicReg.TPR, 0xff);
        rig.apics[0].setPin(0, true);
        assertThat(rig.line[0]).as("ExtINT ignores the TPR").isTrue();
        assertThat(rig.apics[0].externalPending()).isTrue();
        rig.write(0, ApicReg.LVT_LINT0, 0x10700);
        assertThat(rig.line[0]).isFalse();
    }
}

package nestbox.machine.device;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Intel 8254 data sheet, "Mode Definitions"; cycles are counted from the write of the count, which the next clock loads. */
class PitTest {
    private static PitChannel loaded(int mode, int count) {
        PitChannel channel = new PitChannel(true);
        channel.control(0x30 | mode << 1);
        channel.write(count & 0xff, 0);
        channel.write(count >>> 8, 0);
        return channel;
    }

    /** The output over cycles 1 to n as a string of 0 and 1. */
    private static String wave(PitChannel channel, int from, int to) {
        StringBuilder wave = new StringBuilder();
        for (int cycle = from; cycle <= to; cycle++) {
            wave.append(channel.output(cycle) ? '1' : '0');
        }
        return wave.toString();
    }

    @ParameterizedTest
    @CsvSource({
        "0, 4, 00001111111",
        "2, 3, 11011011011",
        "3, 4, 11001100110",
        "3, 5, 11100111001",
        "4, 3, 11101111111",
    })
    void outputFollowsTheMode(int mode, int count, String expected) {
        assertThat(wave(loaded(mode, count), 1, 11)).isEqualTo(expected);
    }

    @ParameterizedTest
    @CsvSource({"1, 3, 00011111", "5, 3, 11101111"})
    void triggeredModesStartAtTheGatesRisingEdge(int mode, int count, String expected) {
        PitChannel channel = loaded(mode, count);
        assertThat(wave(channel, 1, 5)).isEqualTo("11111");
        channel.setGate(false, 5);
        channel.setGate(true, 6);
        assertThat(wave(channel, 7, 14)).isEqualTo(expected);
    }

    @ParameterizedTest
    @CsvSource({"0, 5", "1, 5", "2, 5", "3, 6", "3, 7", "4, 5", "5, 5"})
    void nextChangeFindsEveryTransition(int mode, int count) {
        PitChannel channel = loaded(mode, count);
        channel.setGate(false, 2);
        channel.setGate(true, 3);
        for (int cycle = 3; cycle < 40; cycle++) {
            long next = channel.nextChange(cycle);
            for (long quiet = cycle + 1; quiet < Math.min(next, 60); quiet++) {
                assertThat(channel.output(quiet))
                        .as("mode %d cycle %d", mode, quiet)
                        .isEqualTo(channel.output(cycle));
            }
        }
    }

    @Test
    void countsDownAndLatches() {
        PitChannel channel = loaded(2, 1000);
        channel.latchCount(101);
        assertThat(channel.read(500) | channel.read(500) << 8).isEqualTo(900);
        assertThat(channel.read(501) | channel.read(501) << 8).isEqualTo(500);
    }

    @Test
    void bcdCountsInDecimal() {
        PitChannel channel = new PitChannel(true);
        channel.control(0x35);
        channel.write(0x00, 0);
        channel.write(0x10, 0);
        channel.latchCount(2);
        assertThat(channel.read(2) | channel.read(2) << 8).isEqualTo(0x999);
    }

    @Test
    void aNewCountOfAPeriodicModeWaitsForTheEndOfThePeriod() {
        PitChannel channel = loaded(2, 4);
        channel.write(6, 2);
        channel.write(0, 2);
        assertThat(wave(channel, 1, 16)).isEqualTo("1110111110111110");
    }

    @Test
    void gateStopsCounting() {
        PitChannel channel = loaded(0, 10);
        channel.setGate(false, 4);
        assertThat(channel.output(100)).isFalse();
        channel.setGate(true, 100);
        assertThat(channel.output(106)).isFalse();
        assertThat(channel.output(107)).isTrue();
    }

    @Test
    void statusTellsModeOutputAndNullCount() {
        PitChannel channel = new PitChannel(true);
        channel.control(0x34);
        channel.latchStatus(0);
        assertThat(channel.read(0)).isEqualTo(0xf4);
        channel.write(1, 0);
        channel.write(1, 0);
        channel.latchStatus(1);
        assertThat(channel.read(1)).isEqualTo(0xb4);
    }

    @Test
    void frequencyConversionsAgree() {
        Frequency pit = new Frequency(1_193_182);
        for (long cycle = 1; cycle < 3_000_000_000_000L; cycle = cycle * 3 + 1) {
            long tick = pit.tick(cycle);
            assertThat(pit.cycles(tick)).isEqualTo(cycle);
            assertThat(pit.cycles(tick - 1)).isEqualTo(cycle - 1);
        }
    }
}

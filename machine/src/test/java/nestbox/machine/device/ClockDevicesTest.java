package nestbox.machine.device;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import nestbox.core.Clock;
import nestbox.core.EventQueue;
import nestbox.machine.bus.RecordingBus;
import org.junit.jupiter.api.Test;

/** MC146818A data sheet; IA-PC HPET Specification 1.0a; ACPI Specification, "Power Management Timer". */
class ClockDevicesTest {
    /** 2026-12-31 23:59:58 UTC, a Thursday. */
    private static final long NEW_YEARS_EVE = 1_798_761_598L;

    private final Clock clock = new Clock();
    private final EventQueue events = new EventQueue();
    private final RecordingBus bus = new RecordingBus();
    private final List<String> lines = new ArrayList<>();

    private void line(int number, boolean raised) {
        lines.add(number + (raised ? "+" : "-") + clock.exact());
    }

    private void advanceTo(long tick) {
        while (events.nextDue() <= tick) {
            clock.endSlice(events.nextDue());
            events.runDue(clock.exact());
        }
        clock.endSlice(tick);
    }

    private int cmos(int index) {
        bus.out8(0x70, index);
        return bus.in8(0x71);
    }

    private void cmos(int index, int value) {
        bus.out8(0x70, index);
        bus.out8(0x71, value);
    }

    private Rtc rtc() {
        Rtc rtc = new Rtc(clock, events, this::line, NEW_YEARS_EVE);
        rtc.attach(bus);
        return rtc;
    }

    @Test
    void rtcCarriesIntoTheNewYearInBcd() {
        rtc();
        assertThat(cmos(0)).isEqualTo(0x58);
        assertThat(cmos(6)).as("Thursday").isEqualTo(5);
        advanceTo(2 * Clock.HZ);
        assertThat(new int[] {cmos(0), cmos(2), cmos(4), cmos(7), cmos(8), cmos(9), cmos(0x32)})
                .containsExactly(0, 0, 0, 1, 1, 0x27, 0x20);
    }

    @Test
    void rtcKnowsTwelveHoursAndBinary() {
        rtc();
        cmos(11, 0x04);
        assertThat(cmos(4)).as("11 p.m.").isEqualTo(0x8b);
        assertThat(cmos(2)).isEqualTo(59);
        cmos(4, 12);
        cmos(11, 0x06);
        assertThat(cmos(4)).as("12 a.m. is midnight").isZero();
    }

    @Test
    void rtcUpdateAndAlarmInterruptAtTheSecond() {
        rtc();
        cmos(1, 0);
        cmos(3, 0xff);
        cmos(5, 0xc0);
        cmos(11, 0x22);
        advanceTo(3 * Clock.HZ);
        assertThat(lines).contains("8+" + 2 * Clock.HZ);
        assertThat(cmos(12)).as("PF is set whether enabled or not").isEqualTo(0xf0);
        assertThat(cmos(12)).as("reading clears").isZero();
        assertThat(lines.get(lines.size() - 1)).startsWith("8-");
    }

    @Test
    void rtcUpdateInProgressShows244MicrosecondsAhead() {
        rtc();
        advanceTo(Clock.HZ - 244_001);
        assertThat(cmos(10) & 0x80).isZero();
        advanceTo(Clock.HZ - 244_000);
        assertThat(cmos(10) & 0x80).isEqualTo(0x80);
        advanceTo(Clock.HZ);
        assertThat(cmos(10) & 0x80).isZero();
    }

    @Test
    void rtcPeriodicInterruptsFollowTheRate() {
        rtc();
        cmos(10, 0x26);
        cmos(11, 0x42);
        for (int i = 1; i <= 3; i++) {
            advanceTo((i * Clock.HZ + 1023) / 1024);
            assertThat(cmos(12)).isEqualTo(0xc0);
        }
    }

    @Test
    void powerManagementTimerRunsAt3579545Hertz() {
        AcpiPm pm = new AcpiPm(clock, events, this::line, type -> lines.add("sleep " + type), new NoSmi());
        pm.attach(bus);
        advanceTo(Clock.HZ);
        assertThat(bus.ports.in(0x608, 4)).isEqualTo(3_579_545);
        bus.ports.out(0x602, 2, 1);
        bus.ports.out(0xb2, 1, 0xf1);
        assertThat(bus.ports.in(0x604, 2)).isEqualTo(1);
        advanceTo(3 * Clock.HZ);
        assertThat(bus.ports.in(0x600, 2) & 1).isEqualTo(1);
        assertThat(lines).anyMatch(text -> text.startsWith("9+"));
        bus.ports.out(0x604, 2, 0x2400);
        assertThat(lines).contains("sleep 1");
    }

    /** The I/O APIC has 24 inputs, the route's field five bits (IA-PC HPET Specification 1.0a, 2.3.8). */
    @Test
    void hpetRoutesBeyondTheInputsLeadNowhere() {
        Hpet hpet = new Hpet(clock, events, (line, raised) -> {
            assertThat(line).isLessThan(24);
        });
        hpet.write(0x100, 8, 31 << 9 | 4 | 2);
        hpet.write(0x108, 8, 100);
        hpet.write(0x10, 8, 1);
        clock.endSlice(2000);
        events.runDue(2000);
        hpet.write(0x20, 8, 1);
        assertThat(hpet.read(0x20, 8)).isZero();
    }

    @Test
    void hpetComparatorsFireOnceOrPeriodically() {
        Hpet hpet = new Hpet(clock, events, this::line);
        assertThat(hpet.read(0, 8) >>> 32).as("femtoseconds a count").isEqualTo(10_000_000);
        hpet.write(0x100, 8, 20 << 9 | 4);
        hpet.write(0x108, 8, 100);
        hpet.write(0x120, 8, 21 << 9 | 4 | 8 | 0x40);
        hpet.write(0x128, 8, 300);
        hpet.write(0x10, 8, 1);
        advanceTo(10_000);
        assertThat(hpet.read(0xf0, 8)).isEqualTo(1000);
        lines.removeIf(text -> text.contains("-"));
        assertThat(lines).containsExactly("20+1000", "21+3000", "21+6000", "21+9000");
        hpet.write(0x10, 8, 0);
        advanceTo(20_000);
        assertThat(hpet.read(0xf4, 4)).isZero();
        assertThat(hpet.read(0xf0, 4)).isEqualTo(1000);
    }

    /** A board without an SMI handler. */
    private static final class NoSmi implements AcpiPm.SmiPin {
        @Override
        public boolean onCommand() {
            return false;
        }

        @Override
        public void raise() {
            throw new AssertionError("SMI#");
        }
    }
}

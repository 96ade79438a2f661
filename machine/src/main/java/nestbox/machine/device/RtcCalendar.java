package nestbox.machine.device;

import java.time.DateTimeException;
import java.time.LocalDateTime;
import java.time.ZoneOffset;

/** Converts between seconds since 1970 and the RTC's registers in their two number and two hour formats. */
final class RtcCalendar {
    static final int SECONDS = 0;
    static final int MINUTES = 2;
    static final int HOURS = 4;
    static final int WEEKDAY = 6;
    static final int DAY = 7;
    static final int MONTH = 8;
    static final int YEAR = 9;
    static final int CENTURY = 0x32;
    private static final int PM = 0x80;

    private RtcCalendar() {}

    /** Whether the CMOS byte is part of the date or time. */
    static boolean isTime(int index) {
        return index == CENTURY || (index <= YEAR && index != 1 && index != 3 && index != 5);
    }

    static int encode(int value, boolean binary) {
        return binary ? value : value / 10 << 4 | value % 10;
    }

    static int decode(int value, boolean binary) {
        return binary ? value : (value >>> 4) * 10 + (value & 15);
    }

    static int encodeHour(int hour, boolean binary, boolean hours24) {
        if (hours24) {
            return encode(hour, binary);
        }
        int twelve = hour % 12 == 0 ? 12 : hour % 12;
        return encode(twelve, binary) | (hour >= 12 ? PM : 0);
    }

    static int decodeHour(int value, boolean binary, boolean hours24) {
        if (hours24) {
            return decode(value, binary);
        }
        return decode(value & ~PM, binary) % 12 + ((value & PM) != 0 ? 12 : 0);
    }

    /** Fills the time registers of {@code cmos}. */
    static void toRegisters(long epochSecond, int[] cmos, boolean binary, boolean hours24) {
        LocalDateTime time = LocalDateTime.ofEpochSecond(epochSecond, 0, ZoneOffset.UTC);
        cmos[SECONDS] = encode(time.getSecond(), binary);
        cmos[MINUTES] = encode(time.getMinute(), binary);
        cmos[HOURS] = encodeHour(time.getHour(), binary, hours24);
        cmos[WEEKDAY] = encode(time.getDayOfWeek().getValue() % 7 + 1, binary);
        cmos[DAY] = encode(time.getDayOfMonth(), binary);
        cmos[MONTH] = encode(time.getMonthValue(), binary);
        cmos[YEAR] = encode(time.getYear() % 100, binary);
        cmos[CENTURY] = encode(time.getYear() / 100, binary);
    }

    /** The seconds that the registers show, or {@code otherwise} if they hold no date. */
    static long fromRegisters(int[] cmos, boolean binary, boolean hours24, long otherwise) {
        try {
            int year = decode(cmos[CENTURY], binary) * 100 + decode(cmos[YEAR], binary);
            LocalDateTime time = LocalDateTime.of(
                    year,
                    decode(cmos[MONTH], binary),
                    decode(cmos[DAY], binary),
                    decodeHour(cmos[HOURS], binary, hours24),
                    decode(cmos[MINUTES], binary),
                    decode(cmos[SECONDS], binary));
            return time.toEpochSecond(ZoneOffset.UTC);
        } catch (DateTimeException e) {
            return otherwise;
        }
    }
}

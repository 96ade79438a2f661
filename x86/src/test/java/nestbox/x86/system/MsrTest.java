package nestbox.x86.system;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.EnumSet;
import java.util.Set;
import nestbox.x86.Cpu;
import nestbox.x86.GuestFault;
import nestbox.x86.model.Feature;
import nestbox.x86.model.Vendor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** SDM Vol. 4, "Architectural MSRs"; APM Vol. 2, "System Resources". */
class MsrTest {
    private static long hex(String text) {
        return Long.parseUnsignedLong(text, 16);
    }

    @ParameterizedTest
    @EnumSource(Vendor.class)
    void everyIndexHasOneRow(Vendor vendor) {
        assertThat(SystemBench.real(vendor, Set.of()).cpu.msrs.rows())
                .extracting(Msr::index)
                .doesNotHaveDuplicates();
    }

    @ParameterizedTest
    @CsvSource({
        // vendor, index, value, accepted
        "INTEL, 174, 1234, true",
        "INTEL, 175, 123456789abc, true",
        "INTEL, 175, 0200000000000000, false",
        "INTEL, 48, 7, true",
        "INTEL, 48, 8, false",
        "INTEL, 49, 1, true",
        "INTEL, 49, 2, false",
        "INTEL, 10b, 1, true",
        "INTEL, 10b, 2, false",
        "INTEL, 3a, 5, true",
        "INTEL, fe, 0, false",
        "INTEL, 10a, 0, false",
        "INTEL, 179, 0, false",
        "INTEL, 17b, ffffffffffffffff, true",
        "INTEL, 17b, 1, false",
        "INTEL, 1a0, 400c50809, true",
        "INTEL, 1a0, 2, false",
        "INTEL, 1d9, 2, true",
        "INTEL, 1d9, 4, false",
        "INTEL, 200, 6, true",
        "INTEL, 200, 2, false",
        "INTEL, 200, 106, false",
        "INTEL, 200, 1000000006, false",
        "INTEL, 201, 800, true",
        "INTEL, 201, 1, false",
        "INTEL, 250, 0606060606060606, true",
        "INTEL, 250, 0606060606060602, false",
        "INTEL, 2ff, c06, true",
        "INTEL, 2ff, 1006, false",
        "INTEL, 277, 0007040600070406, true",
        "INTEL, 277, 0007040600070402, false",
        "INTEL, 277, 0807040600070406, false",
        "INTEL, 400, ffffffffffffffff, true",
        "INTEL, 400, 1, false",
        "INTEL, 401, 0, true",
        "INTEL, 401, 1, false",
        "INTEL, 402, 8000000000000001, true",
        "INTEL, 428, 0, false",
        "INTEL, c0000082, 00ffffffffffffff, true",
        "INTEL, c0000082, 0200000000000000, false",
        "INTEL, c0000084, ffffffff, true",
        "INTEL, c0000084, 100000000, false",
        "INTEL, c0000100, 8000000000000000, false",
        "INTEL, c0000102, ff00000000000000, true",
        "INTEL, c0000103, ffffffff, true",
        "INTEL, c0000103, 100000000, false",
        "INTEL, c0010015, 0, false",
        "INTEL, 12345, 0, false",
        "AMD, 1a0, 0, false",
        "AMD, 3a, 1, false",
        "AMD, c0010010, 40000, true",
        "AMD, c0010010, 1, false",
        "AMD, c0010015, 1000040, true",
        "AMD, c0010015, 2, false",
        "AMD, c001001a, 80000000, true",
        "AMD, c001001a, 1, false",
        "AMD, c0011029, 2, true",
        "AMD, c0010117, 0, false",
        "AMD, 8b, 0, false",
    })
    void writes(Vendor vendor, String index, String value, boolean accepted) {
        Cpu cpu = SystemBench.real(vendor, Set.of()).cpu;
        int number = (int) hex(index);
        if (accepted) {
            assertThatCode(() -> cpu.msrs.write(number, hex(value))).doesNotThrowAnyException();
        } else {
            assertThatThrownBy(() -> cpu.msrs.write(number, hex(value))).isInstanceOf(GuestFault.class);
            assertThat(SystemBench.text(cpu.fault)).isEqualTo("13(0)");
        }
    }

    @ParameterizedTest
    @CsvSource({
        "10, TSC",
        "3b, TSC_ADJUST",
        "174, SEP",
        "fe, MTRR",
        "277, PAT",
        "179, MCA",
        "c0000100, LM",
        "c0000081, SYSCALL",
        "da0, XSAVES",
        "10a, ARCH_CAPABILITIES",
    })
    void absentWithoutTheirFeature(String index, Feature feature) {
        Cpu with = SystemBench.real(Vendor.INTEL, Set.of()).cpu;
        assertThatCode(() -> with.msrs.read((int) hex(index))).doesNotThrowAnyException();
        Cpu without = SystemBench.real(Vendor.INTEL, EnumSet.of(feature)).cpu;
        assertThatThrownBy(() -> without.msrs.read((int) hex(index))).isInstanceOf(GuestFault.class);
    }

    @ParameterizedTest
    @CsvSource({"49", "10b"})
    void commandsCannotBeRead(String index) {
        Cpu cpu = SystemBench.real().cpu;
        assertThatThrownBy(() -> cpu.msrs.read((int) hex(index))).isInstanceOf(GuestFault.class);
    }

    @Test
    void readOnlyBitsStay() {
        Cpu cpu = SystemBench.real().cpu;
        long before = cpu.msrs.read(0x1a0);
        cpu.msrs.write(0x1a0, 0);
        assertThat(cpu.msrs.read(0x1a0)).isEqualTo(before & 0x1880);
    }

    @Test
    void featureControlLocks() {
        Cpu cpu = SystemBench.real().cpu;
        cpu.msrs.write(0x3a, 5);
        assertThatThrownBy(() -> cpu.msrs.write(0x3a, 5)).isInstanceOf(GuestFault.class);
    }

    @Test
    void timeStampAndItsAdjustmentMoveTogether() {
        Cpu cpu = SystemBench.real().cpu;
        cpu.msrs.write(0x10, 1000);
        assertThat(cpu.msrs.read(0x3b)).isEqualTo(1000);
        cpu.msrs.write(0x3b, 5000);
        assertThat(cpu.msrs.read(0x10)).isEqualTo(5000);
    }

    @Test
    void statusOfABankIsWritableOnAmdOnceAllowed() {
        Cpu cpu = SystemBench.real(Vendor.AMD, Set.of()).cpu;
        assertThatThrownBy(() -> cpu.msrs.write(0x401, 1)).isInstanceOf(GuestFault.class);
        cpu.msrs.write(0xc0010015, 1 << 18);
        cpu.msrs.write(0x401, 1);
        assertThat(cpu.msrs.read(0x401)).isEqualTo(1);
    }
}

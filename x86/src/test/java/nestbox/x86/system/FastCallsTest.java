package nestbox.x86.system;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Reg;
import nestbox.x86.model.Vendor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** SDM Vol. 2 and APM Vol. 3: "SYSCALL", "SYSRET", "SYSENTER", "SYSEXIT", "SWAPGS". */
class FastCallsTest {
    private static final long NOT_CANONICAL = 1L << 62;

    private static SystemBench bench(Vendor vendor, int cpl) {
        SystemBench b = SystemBench.longMode(vendor, cpl);
        b.cpu.star = 0x0013000800000000L;
        b.cpu.lstar = 0x5000;
        b.cpu.fmask = Flags.IF | Flags.TF;
        return b;
    }

    @ParameterizedTest
    @EnumSource(Vendor.class)
    void syscallAndBack(Vendor vendor) {
        SystemBench b = bench(vendor, 3);
        b.cpu.setRflags(Flags.FIXED | Flags.IF | Flags.CF);
        assertThat(b.step("syscall")).isEqualTo("ok");
        assertThat(b.cpu.rip).isEqualTo(0x5000);
        assertThat(b.cpu.cpl).isZero();
        assertThat(b.cpu.r[Reg.RCX]).isEqualTo(SystemBench.CODE_AT + 2);
        assertThat(b.cpu.r[Reg.R11]).isEqualTo(Flags.FIXED | Flags.IF | Flags.CF);
        assertThat(b.cpu.rflags()).isEqualTo(Flags.FIXED | Flags.CF);
        assertThat(b.cpu.selector[Reg.CS]).isEqualTo(8);
        assertThat(b.cpu.selector[Reg.SS]).isEqualTo(0x10);

        assertThat(b.step("db 0x48, 0x0f, 0x07")).isEqualTo("ok");
        assertThat(b.cpu.cpl).isEqualTo(3);
        assertThat(b.cpu.rip).isEqualTo(SystemBench.CODE_AT + 2);
        assertThat(b.cpu.selector[Reg.CS]).isEqualTo(0x23);
        assertThat(b.cpu.selector[Reg.SS] & ~3).isEqualTo(0x18);
        assertThat(b.cpu.rflags()).isEqualTo(Flags.FIXED | Flags.IF | Flags.CF);
    }

    @ParameterizedTest
    @CsvSource({"INTEL, 13(0), 0", "AMD, ok, 3"})
    void returnToAnAddressThatIsNotCanonical(Vendor vendor, String expected, int cpl) {
        SystemBench b = bench(vendor, 0);
        b.cpu.r[Reg.RCX] = NOT_CANONICAL;
        b.cpu.r[Reg.R11] = Flags.FIXED;
        assertThat(b.step("db 0x48, 0x0f, 0x07")).isEqualTo(expected);
        assertThat(b.cpu.cpl).isEqualTo(cpl);
    }

    @Test
    void disabledOrUnprivileged() {
        SystemBench b = bench(Vendor.INTEL, 3);
        assertThat(b.step("db 0x48, 0x0f, 0x07")).isEqualTo("13(0)");
        b.cpu.efer &= ~Cpu.EFER_SCE;
        assertThat(b.step("syscall")).isEqualTo("6");
    }

    @Test
    void legacyModeHasSyscallOnAmdAlone() {
        SystemBench intel = SystemBench.protectedMode(3);
        intel.cpu.efer = Cpu.EFER_SCE;
        assertThat(intel.step("db 0x0f, 0x05")).isEqualTo("6");
    }

    @ParameterizedTest
    @CsvSource({"INTEL, ok", "AMD, 6"})
    void sysenterInLongMode(Vendor vendor, String expected) {
        SystemBench b = bench(vendor, 3);
        b.cpu.sysenterCs = 8;
        b.cpu.sysenterEip = 0x5000;
        b.cpu.sysenterEsp = 0x7000;
        b.cpu.setRflags(Flags.FIXED | Flags.IF);
        assertThat(b.step("sysenter")).isEqualTo(expected);
        if (expected.equals("ok")) {
            assertThat(b.cpu.cpl).isZero();
            assertThat(b.cpu.r[Reg.RSP]).isEqualTo(0x7000);
            assertThat(b.cpu.rflags() & Flags.IF).isZero();
        }
    }

    @ParameterizedTest
    @CsvSource({"0, 13(0)", "3, 13(0)", "8, ok"})
    void sysenterNeedsASelector(long selector, String expected) {
        SystemBench b = SystemBench.protectedMode(3);
        b.cpu.sysenterCs = selector;
        assertThat(b.step("sysenter")).isEqualTo(expected);
    }

    @ParameterizedTest
    @CsvSource({"0, ok", "3, 13(0)"})
    void swapgs(int cpl, String expected) {
        SystemBench b = bench(Vendor.INTEL, cpl);
        b.cpu.kernelGsBase = 0x1234;
        assertThat(b.step("swapgs")).isEqualTo(expected);
        assertThat(b.cpu.base[Reg.GS]).isEqualTo(cpl == 0 ? 0x1234 : 0);
    }
}

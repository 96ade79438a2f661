package nestbox.x86.system;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** SDM Vol. 1, "Indirect Branch Tracking" with its state machine; Vol. 2, "ENDBR64". */
class BranchTrackingTest {
    private static boolean waits(Cpu cpu) {
        boolean waits = (Cet.control(cpu, cpu.cpl) & Cet.TRACKER) != 0;
        assertThat((cpu.pending & Cpu.PENDING_ENDBRANCH) != 0).isEqualTo(waits);
        return waits;
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "jmp rbx | true",
                "call rbx | true",
                "jmp [rsi] | true",
                "jmp 0x1100 | false",
                "call 0x1100 | false",
                "nop | false",
            })
    void whatIsTracked(String code, boolean tracked) {
        CetBench c = CetBench.tracking(3, 0);
        c.cpu.r[Reg.RBX] = 0x1100;
        c.cpu.r[Reg.RSI] = 0x7000;
        c.b.write(0x7000, 8, 0x1100);
        assertThat(c.b.step(code)).isEqualTo("ok");
        assertThat(waits(c.cpu)).isEqualTo(tracked);
    }

    @Test
    void noTrackPrefix() {
        // 3Eh before FF /4: counts only where NO_TRACK_EN is set.
        for (long enabled : new long[] {0, Cet.NO_TRACK_EN}) {
            CetBench c = CetBench.tracking(3, enabled);
            c.cpu.r[Reg.RBX] = 0x1100;
            assertThat(c.b.step("db 0x3e, 0xff, 0xe3")).isEqualTo("ok");
            assertThat(c.cpu.rip).isEqualTo(0x1100);
            assertThat(waits(c.cpu)).isEqualTo(enabled == 0);
        }
    }

    @ParameterizedTest
    @CsvSource({"endbr64, ok, false", "endbr32, 21(3), true", "nop, 21(3), true", "ud2, 21(3), true", "int3, ok, true"})
    void atTheTarget(String code, String expected, boolean waits) {
        CetBench c = CetBench.tracking(3, 0);
        c.cpu.r[Reg.RBX] = SystemBench.CODE_AT;
        c.b.step("jmp rbx");
        assertThat(c.b.step(code)).isEqualTo(expected);
        if (code.equals("int3")) {
            // The tracker of user mode waits on while the handler runs, which must begin with ENDBR64 itself.
            assertThat(c.cpu.cpl).isZero();
            assertThat(c.cpu.userCet & Cet.TRACKER).isNotZero();
            assertThat(waits(c.cpu)).isTrue();
        } else {
            assertThat(waits(c.cpu)).isEqualTo(waits);
            assertThat(c.cpu.rip).isEqualTo(SystemBench.CODE_AT + (expected.equals("ok") ? 4 : 0));
        }
    }

    @Test
    void returnToUserModeFindsItsTracker() {
        CetBench c = CetBench.tracking(3, 0);
        c.cpu.r[Reg.RBX] = SystemBench.CODE_AT;
        c.b.step("jmp rbx");
        c.interrupt(0x30);
        assertThat(c.b.step("endbr64")).isEqualTo("ok");
        assertThat(waits(c.cpu)).isFalse();
        assertThat(c.b.step("iretq")).isEqualTo("ok");
        assertThat(c.cpu.cpl).isEqualTo(3);
        assertThat(waits(c.cpu)).isTrue();
    }

    @Test
    void legacyPagesSuppressTracking() {
        CetBench c = CetBench.tracking(3, Cet.LEG_IW_EN | 0x7000);
        c.cpu.r[Reg.RBX] = SystemBench.CODE_AT;
        c.b.step("jmp rbx");
        assertThat(c.b.step("nop")).isEqualTo("21(3)");
        c.b.write(0x7000, 1, 1 << (SystemBench.CODE_AT >> 12));
        assertThat(c.b.step("nop")).isEqualTo("ok");
        assertThat(c.cpu.userCet & (Cet.TRACKER | Cet.SUPPRESS)).isEqualTo(Cet.SUPPRESS);
        c.b.step("jmp rbx");
        assertThat(waits(c.cpu)).isFalse();
        assertThat(c.b.step("endbr64")).isEqualTo("ok");
        assertThat(c.cpu.userCet & Cet.SUPPRESS).isZero();
    }

    @Test
    void suppressionCanBeRefused() {
        CetBench c = CetBench.tracking(3, Cet.LEG_IW_EN | Cet.SUPPRESS_DIS | 0x7000);
        c.cpu.r[Reg.RBX] = SystemBench.CODE_AT;
        c.b.write(0x7000, 1, 0xff);
        c.b.step("jmp rbx");
        assertThat(c.b.step("nop")).isEqualTo("ok");
        assertThat(c.cpu.userCet & (Cet.TRACKER | Cet.SUPPRESS)).isZero();
    }

    @Test
    void systemCallsAreTracked() {
        CetBench c = CetBench.tracking(3, 0);
        c.cpu.star = (long) SystemBench.CODE0 << 32;
        c.cpu.lstar = 0x5000;
        assertThat(c.b.step("syscall")).isEqualTo("ok");
        assertThat(waits(c.cpu)).isTrue();
        assertThat(c.b.step("nop")).isEqualTo("21(3)");
    }
}

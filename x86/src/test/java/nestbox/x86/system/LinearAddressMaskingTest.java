package nestbox.x86.system;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** SDM Vol. 3, "Linear-Address Masking". */
class LinearAddressMaskingTest {
    private static final long U57 = 1L << 61;
    private static final long U48 = 1L << 62;
    private static final long SUP = 1 << 28;

    private final CetBench c = new CetBench(0);
    private final SystemBench b = c.b;

    private String write(String register, long value) {
        b.cpu.r[Reg.RAX] = value;
        return b.step("mov " + register + ", rax");
    }

    @ParameterizedTest
    @CsvSource({
        // masking, pointer, expected of a load from it
        "none, 8000000000007000, 13(0)",
        "none, 0100000000007000, 13(0)",
        "u48, 7fff000000007000, ok",
        "u48, 0001000000007000, ok",
        "u48, 7fff800000007000, 13(0)",
        "u48, 8000000000007000, 13(0)",
        "u57, 7e00000000007000, ok",
        "u57, 0200000000007000, ok",
        "u57, 0100000000007000, 13(0)",
        "u57, 0001000000007000, 13(0)",
        "both, 7e00000000007000, ok",
        "both, 0001000000007000, 13(0)",
        "sup, 8001800000007000, 14(0)",
        "sup, ffff800000007000, 14(0)",
        "sup, 8000000000007000, 13(0)",
        "sup, 0001000000007000, 13(0)",
    })
    void loads(String masking, String pointer, String expected) {
        long user = masking.equals("u48") ? U48 : masking.equals("u57") ? U57 : masking.equals("both") ? U48 | U57 : 0;
        assertThat(write("cr3", b.cpu.cr3 | user)).isEqualTo("ok");
        if (masking.equals("sup")) {
            assertThat(write("cr4", b.cpu.cr4 | SUP)).isEqualTo("ok");
        }
        b.write(0x7000, 8, 0x1234);
        b.cpu.r[Reg.RBX] = Long.parseUnsignedLong(pointer, 16);
        for (int i = 0; i < 2; i++) {
            b.cpu.r[Reg.RCX] = 0;
            assertThat(b.step("mov rcx, [rbx]")).isEqualTo(expected);
            assertThat(b.cpu.r[Reg.RCX]).isEqualTo(expected.equals("ok") ? 0x1234 : 0);
        }
        assertThat(b.step("add qword [rbx], 1")).isEqualTo(expected.replace("14(0)", "14(2)"));
    }

    @Test
    void faultsNameTheMaskedAddress() {
        write("cr4", b.cpu.cr4 | SUP);
        b.cpu.r[Reg.RBX] = 0x8001800000007000L;
        b.step("mov rcx, [rbx]");
        assertThat(b.cpu.fault.detail).isEqualTo(0xffff800000007000L);
    }

    @Test
    void fetchesAndInvalidationsAreNotMasked() {
        write("cr3", b.cpu.cr3 | U57);
        b.cpu.r[Reg.RBX] = 0x0200000000001000L;
        assertThat(b.step("jmp rbx")).isEqualTo("13(0)");
        // INVLPG of an address that is not canonical does nothing.
        b.write(0x7000, 8, 1);
        b.cpu.r[Reg.RSI] = 0x7000;
        assertThat(b.step("mov rcx, [rsi]")).isEqualTo("ok");
        c.page(0x7000, 0);
        b.cpu.r[Reg.RBX] = 0x0200000000007000L;
        assertThat(b.step("invlpg [rbx]")).isEqualTo("ok");
        assertThat(b.step("mov rcx, [rsi]")).isEqualTo("ok");
        assertThat(b.step("invlpg [rsi]")).isEqualTo("ok");
        assertThat(b.step("mov rcx, [rsi]")).isEqualTo("14(0)");
    }

    @Test
    void controlBits() {
        assertThat(write("cr3", b.cpu.cr3 | 1L << 60)).isEqualTo("13(0)");
        write("cr3", b.cpu.cr3 | U48);
        assertThat(b.step("mov rax, cr3")).isEqualTo("ok");
        assertThat(b.cpu.r[Reg.RAX]).isEqualTo(SystemBench.TABLES | U48);
        assertThat(b.cpu.cr4 & Cpu.CR4_LAM_SUP).isZero();
    }

    @Test
    void userWaits() {
        b.cpu.r[Reg.RBX] = 1;
        assertThat(b.step("tpause ebx")).isEqualTo("ok");
        assertThat(b.cpu.rflags() & 0x8d5).isZero();
        b.cpu.r[Reg.RBX] = 2;
        assertThat(b.step("umwait ebx")).isEqualTo("13(0)");
        b.cpu.r[Reg.RBX] = 0x7000;
        assertThat(b.step("umonitor rbx")).isEqualTo("ok");
        c.page(0x7000, 0);
        assertThat(b.step("umonitor rbx")).isIn("ok", "14(0)");
        b.cpu.r[Reg.RBX] = 1L << 62;
        assertThat(b.step("umonitor rbx")).isEqualTo("13(0)");
        assertThat(c.msr(0xe1, 2)).isEqualTo("13(0)");
        assertThat(c.msr(0xe1, 0xfffffffdL)).isEqualTo("ok");
        CetBench user = new CetBench(3);
        user.cpu.r[Reg.RBX] = 0;
        assertThat(user.b.step("tpause ebx")).isEqualTo("ok");
        user.cpu.cr4 |= Cpu.CR4_TSD;
        assertThat(user.b.step("tpause ebx")).isEqualTo("13(0)");
    }
}

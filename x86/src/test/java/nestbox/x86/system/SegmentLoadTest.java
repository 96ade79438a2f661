package nestbox.x86.system;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import nestbox.x86.model.Vendor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** SDM Vol. 2, "MOV - Move", "Protected Mode Exceptions" and Operation of segment loads. */
class SegmentLoadTest {
    /** access: byte 5 of the descriptor; the selector is SPARE with the RPL given. */
    @ParameterizedTest
    @CsvSource({
        // DS: data or readable code, DPL at or above CPL and RPL, present
        "0, ds, 92, 0, ok",
        "0, ds, 90, 0, ok",
        "0, ds, 9a, 0, ok",
        "0, ds, 98, 0, 13(38)",
        "0, ds, 82, 0, 13(38)",
        "0, ds, 89, 0, 13(38)",
        "0, ds, 12, 0, 11(38)",
        "0, ds, 92, 3, 13(38)",
        "0, ds, f2, 3, ok",
        "3, ds, f2, 3, ok",
        "3, ds, f2, 0, ok",
        "3, ds, 92, 0, 13(38)",
        "3, ds, 9e, 3, ok",
        "3, ds, 9a, 3, 13(38)",
        "3, ds, 72, 3, 11(38)",
        "3, ds, 12, 3, 13(38)",
        // SS: writable data, DPL and RPL equal to CPL, present
        "0, ss, 92, 0, ok",
        "0, ss, 96, 0, ok",
        "0, ss, 90, 0, 13(38)",
        "0, ss, 9a, 0, 13(38)",
        "0, ss, 92, 3, 13(38)",
        "0, ss, f2, 0, 13(38)",
        "0, ss, f2, 3, 13(38)",
        "0, ss, 12, 0, 12(38)",
        "3, ss, f2, 3, ok",
        "3, ss, f2, 0, 13(38)",
        "3, ss, 72, 3, 12(38)",
        "3, ss, 92, 3, 13(38)",
    })
    void checksOfMov(int cpl, String register, String access, int rpl, String expected) {
        SystemBench b = SystemBench.protectedMode(cpl);
        b.gdt(SystemBench.SPARE, SystemBench.descriptor(Integer.parseInt(access, 16), 0x4, 0x1230, 0xfff));
        b.cpu.r[Reg.RAX] = SystemBench.SPARE | rpl;
        int before = b.cpu.selector[register.equals("ds") ? Reg.DS : Reg.SS];
        assertThat(b.step("mov " + register + ", ax")).isEqualTo(expected);
        int after = b.cpu.selector[register.equals("ds") ? Reg.DS : Reg.SS];
        assertThat(after).isEqualTo(expected.equals("ok") ? SystemBench.SPARE | rpl : before);
    }

    @ParameterizedTest
    @CsvSource({"0x80, 13(80)", "0x7f, 13(7c)", "0x3c, 13(3c)", "0, ok", "3, ok"})
    void tableLimits(String selector, String expected) {
        SystemBench b = SystemBench.protectedMode(0);
        b.gdt(0x78, SystemBench.descriptor(0x92, 0, 0, 0xfff));
        // Selector 7fh names the LDT, which is null.
        b.cpu.rights[Reg.LDTR] = Cpu.RIGHTS_UNUSABLE;
        b.cpu.r[Reg.RAX] = Integer.decode(selector);
        assertThat(b.step("mov ds, ax")).isEqualTo(expected);
    }

    @Test
    void loadFillsTheHiddenPartAndSetsAccessed() {
        SystemBench b = SystemBench.protectedMode(0);
        b.gdt(SystemBench.SPARE, SystemBench.descriptor(0x92, 0xc, 0x89abcdef, 0x12345));
        b.cpu.r[Reg.RAX] = SystemBench.SPARE;
        assertThat(b.step("mov es, ax")).isEqualTo("ok");
        assertThat(b.cpu.base[Reg.ES]).isEqualTo(0x89abcdefL);
        assertThat(b.cpu.limit[Reg.ES]).isEqualTo(0x12345fffL);
        assertThat(b.cpu.rights[Reg.ES]).isEqualTo(0xc093);
        assertThat(b.read(SystemBench.GDT + SystemBench.SPARE + 5, 1)).isEqualTo(0x93);
    }

    @ParameterizedTest
    @CsvSource({"0, 0, ok", "0, 3, 13(0)", "3, 3, 13(0)"})
    void nullStackIn64BitModeAtTheInnerLevelsAlone(int cpl, int rpl, String expected) {
        SystemBench b = SystemBench.longMode(Vendor.INTEL, cpl);
        b.cpu.r[Reg.RAX] = rpl;
        assertThat(b.step("mov ss, ax")).isEqualTo(expected);
    }

    @Test
    void nullStackIn32BitModeFaults() {
        SystemBench b = SystemBench.protectedMode(0);
        b.cpu.r[Reg.RAX] = 0;
        assertThat(b.step("mov ss, ax")).isEqualTo("13(0)");
    }

    @Test
    void realModeKeepsTheLimitThatProtectedModeLeft() {
        SystemBench b = SystemBench.real();
        b.cpu.limit[Reg.DS] = 0xffffffffL;
        b.cpu.r[Reg.RAX] = 0x1234;
        assertThat(b.step("mov ds, ax")).isEqualTo("ok");
        assertThat(b.cpu.base[Reg.DS]).isEqualTo(0x12340);
        assertThat(b.cpu.limit[Reg.DS]).isEqualTo(0xffffffffL);
    }
}

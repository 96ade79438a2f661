package nestbox.x86.op;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Reg;
import nestbox.x86.Vector;
import nestbox.x86.testing.Snippet;
import nestbox.x86.testing.TestCpu;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * What PUSHF pushes and POPF changes (SDM Vol. 2, "POPF", table "Effect of POPF/POPFD on the EFLAGS Register"; Vol. 3,
 * "Class 1: Hardware Interrupt and Exception Handling" for VME).
 */
class FlagsOnStackTest {
    private static final long TOP = 0x8000;
    /** CF, PF, AF, ZF, SF, DF, OF, NT: always the guest's. */
    private static final long FREE = Flags.ARITHMETIC | Flags.DF | Flags.NT;

    private static final long HIGH = Flags.AC | Flags.ID;
    private static final long EVERY = 0x3fffff;

    private static Snippet snippet(int cpl, int iopl, long more, boolean virtual8086) {
        Cpu cpu = TestCpu.mode32();
        if (virtual8086) {
            cpu.rights[Reg.CS] &= ~Cpu.RIGHTS_DB;
            cpu.rights[Reg.SS] &= ~Cpu.RIGHTS_DB;
        }
        cpu.cpl = cpl;
        cpu.setRflags(Flags.FIXED | (long) iopl << 12 | more | (virtual8086 ? Flags.VM : 0));
        cpu.updateMode();
        cpu.r[Reg.RSP] = TOP;
        return new Snippet(cpu);
    }

    @ParameterizedTest
    @CsvSource({
        // CPL, IOPL, prefix, may change IF, IOPL, high half
        "0, 0, '', true, true, true",
        "0, 0, 66, true, true, false",
        "1, 0, '', false, false, true",
        "1, 1, '', true, false, true",
        "3, 0, '', false, false, true",
        "3, 2, 66, false, false, false",
        "3, 3, '', true, false, true",
        "3, 3, 66, true, false, false",
    })
    void popfChangesWhatPrivilegePermits(
            int cpl, int iopl, String prefix, boolean mayIf, boolean mayIopl, boolean high) {
        long changeable = FREE | (mayIf ? Flags.IF : 0) | (mayIopl ? Flags.IOPL : 0) | (high ? HIGH : 0);
        for (long image : new long[] {0, EVERY & ~(long) Flags.TF}) {
            Snippet code = snippet(cpl, iopl, 0, false);
            long before = code.cpu.rflags();
            code.cpu.physical.write(TOP, 4, image);
            assertThat(code.run(prefix + "9d")).isEqualTo(Snippet.NO_FAULT);
            long expected = (before & ~changeable) | (image & changeable);
            assertThat(code.cpu.rflags()).as("%x", image).isEqualTo(expected);
        }
    }

    @ParameterizedTest
    @CsvSource({"0, '', true", "2, 66, true", "3, '', false", "3, 66, false"})
    void virtual8086WithoutVmeNeedsIopl3(int iopl, String prefix, boolean fails) {
        for (String opcode : new String[] {"9c", "9d"}) {
            Snippet code = snippet(3, iopl, 0, true);
            assertThat(code.run(prefix + opcode)).isEqualTo(fails ? Vector.GP : Snippet.NO_FAULT);
            if (fails) {
                assertThat(code.cpu.r[Reg.RSP]).isEqualTo(TOP);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({
        // image has IF, TF; VIP was pending; fault
        "true, false, false, false",
        "false, false, false, false",
        "false, false, true, false",
        "true, false, true, true",
        "false, true, false, true",
    })
    void popfOfAWordWorksOnVifUnderVme(boolean interrupts, boolean trap, boolean pending, boolean fails) {
        Snippet code = snippet(3, 0, (pending ? Flags.VIP : 0) | (interrupts ? 0 : Flags.VIF), true);
        Cpu cpu = code.cpu;
        cpu.cr4 |= Cpu.CR4_VME;
        long before = cpu.rflags();
        cpu.physical.write(TOP, 2, Flags.CF | Flags.IOPL | (interrupts ? Flags.IF : 0) | (trap ? Flags.TF : 0));
        assertThat(code.run("9d")).isEqualTo(fails ? Vector.GP : Snippet.NO_FAULT);
        if (fails) {
            assertThat(cpu.rflags()).isEqualTo(before);
            assertThat(cpu.r[Reg.RSP]).isEqualTo(TOP);
        } else {
            long vif = interrupts ? Flags.VIF : 0;
            assertThat(cpu.rflags()).isEqualTo((before & ~(long) Flags.VIF) | vif | Flags.CF);
        }
    }

    @ParameterizedTest
    @CsvSource({"true", "false"})
    void pushfOfAWordShowsVifAsIfUnderVme(boolean vif) {
        Snippet code = snippet(3, 0, Flags.ZF | (vif ? Flags.VIF : Flags.IF), true);
        code.cpu.cr4 |= Cpu.CR4_VME;
        assertThat(code.run("9c")).isEqualTo(Snippet.NO_FAULT);
        long expected = Flags.FIXED | Flags.ZF | Flags.IOPL | (vif ? Flags.IF : 0);
        assertThat(code.cpu.physical.read(TOP - 2, 2)).isEqualTo(expected);
    }

    @ParameterizedTest
    @CsvSource({"true", "false"})
    void pushfHidesVmAndRf(boolean virtual8086) {
        Snippet code = snippet(virtual8086 ? 3 : 0, 3, Flags.RF | Flags.AC | Flags.CF, virtual8086);
        assertThat(code.run(virtual8086 ? "66 9c" : "9c")).isEqualTo(Snippet.NO_FAULT);
        assertThat(code.cpu.physical.read(TOP - 4, 4)).isEqualTo(Flags.FIXED | Flags.IOPL | Flags.AC | Flags.CF);
    }
}

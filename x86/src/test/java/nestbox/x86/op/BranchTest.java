package nestbox.x86.op;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import nestbox.x86.Vector;
import nestbox.x86.testing.Snippet;
import nestbox.x86.testing.TestCpu;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Near transfers whose target is refused, and the widths of targets and counters (SDM Vol. 2). */
class BranchTest {
    private static final long TOP = 0x8000;
    private static final long NOT_CANONICAL = 0x8000_0000_0000L;

    private static Snippet at(Cpu cpu) {
        cpu.r[Reg.RSP] = TOP;
        return new Snippet(cpu);
    }

    private static void assertUnmoved(Snippet code) {
        assertThat(code.cpu.fault.errorCode).isZero();
        assertThat(code.cpu.rip).isEqualTo(Snippet.ADDRESS);
        assertThat(code.cpu.r[Reg.RSP]).isEqualTo(TOP);
        assertThat(code.cpu.physical.read(TOP - 8, 8)).isZero();
    }

    /** JMP rax, CALL rax, RET, RET 16. */
    @ParameterizedTest
    @ValueSource(strings = {"ff e0", "ff d0", "c3", "c2 10 00"})
    void nonCanonicalTargetIsGpBeforeAnythingChanges(String hex) {
        Snippet code = at(TestCpu.mode64());
        code.cpu.r[Reg.RAX] = NOT_CANONICAL;
        code.cpu.physical.write(TOP, 8, NOT_CANONICAL);
        assertThat(code.run(hex)).isEqualTo(Vector.GP);
        assertUnmoved(code);
    }

    @Test
    void fiveLevelPagingWidensCanonicalAddresses() {
        Snippet code = at(TestCpu.mode64());
        code.cpu.cr4 |= Cpu.CR4_LA57;
        code.cpu.updateMode();
        code.cpu.r[Reg.RAX] = NOT_CANONICAL;
        code.place("ff e0");
        assertThat(code.step()).isEqualTo(Snippet.NO_FAULT);
        assertThat(code.cpu.rip).isEqualTo(NOT_CANONICAL);
    }

    /** JMP rel32, CALL rel32, JMP eax, RET, JZ rel32 (taken), LOOP. */
    @ParameterizedTest
    @ValueSource(strings = {"e9 00 00 01 00", "e8 00 00 01 00", "ff e0", "c3", "0f 84 00 00 01 00"})
    void targetBeyondTheCodeLimitIsGp(String hex) {
        Snippet code = at(TestCpu.mode32());
        code.cpu.limit[Reg.CS] = 0xffff;
        code.cpu.flagResult = 0;
        code.cpu.r[Reg.RAX] = 0x10000;
        code.cpu.physical.write(TOP, 4, 0x10000);
        assertThat(code.run(hex)).isEqualTo(Vector.GP);
        assertUnmoved(code);
    }

    @Test
    void aBranchNotTakenHasNoTarget() {
        Snippet code = at(TestCpu.mode32());
        code.cpu.limit[Reg.CS] = 0xffff;
        code.cpu.flagResult = 0;
        assertThat(code.run("0f 85 00 00 01 00")).isEqualTo(Snippet.NO_FAULT);
    }

    @Test
    void a16BitOperandTruncatesTheTarget() {
        Snippet code = at(TestCpu.mode32());
        code.place("66 e9 00 f0");
        code.step();
        assertThat(code.cpu.rip).isEqualTo(0x0004);
    }

    /** JCXZ, JECXZ and JRCXZ look at as much of RCX as the address size says. */
    @ParameterizedTest
    @CsvSource({"e3 10, 100000000, false", "67 e3 10, 100000000, true", "67 e3 10, 100000001, false", "e3 10, 0, true"})
    void counterIsAsWideAsTheAddress(String hex, String rcx, boolean taken) {
        Snippet code = at(TestCpu.mode64());
        code.cpu.r[Reg.RCX] = Long.parseUnsignedLong(rcx, 16);
        long end = code.place(hex);
        code.step();
        assertThat(code.cpu.rip).isEqualTo(taken ? end + 0x10 : end);
    }

    @Test
    void loopBeyondTheLimitLeavesTheCounter() {
        Snippet code = at(TestCpu.mode32());
        code.cpu.limit[Reg.CS] = Snippet.ADDRESS + 0x10;
        code.cpu.r[Reg.RCX] = 5;
        assertThat(code.run("e2 70")).isEqualTo(Vector.GP);
        assertThat(code.cpu.r[Reg.RCX]).isEqualTo(5);
    }

    @Test
    void returnReleasesArguments() {
        Snippet code = at(TestCpu.mode64());
        code.cpu.physical.write(TOP, 8, 0x4444);
        code.place("c2 f0 ff");
        code.step();
        assertThat(code.cpu.rip).isEqualTo(0x4444);
        assertThat(code.cpu.r[Reg.RSP]).isEqualTo(TOP + 8 + 0xfff0);
    }
}

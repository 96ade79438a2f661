package nestbox.x86.op.x87;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import nestbox.x86.Vector;
import nestbox.x86.testing.Snippet;
import nestbox.x86.testing.TestCpu;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** x87 state in memory and its availability, from SDM Vol. 1, "x87 FPU Execution Environment". */
class X87StateTest {
    private static final long DATA = 0x8000;

    private static Snippet snippet(Cpu cpu) {
        cpu.r[Reg.RBX] = DATA;
        cpu.cr0 |= Cpu.CR0_NE;
        Snippet code = new Snippet(cpu);
        assertThat(code.run("db e3")).isEqualTo(Snippet.NO_FAULT);
        return code;
    }

    private static long word(Snippet code, int offset) {
        return code.cpu.physical.read(DATA + offset, 2);
    }

    @Test
    void environmentIn32BitProtectedMode() {
        Snippet code = snippet(TestCpu.mode32());
        code.cpu.selector[Reg.CS] = 0x10;
        code.cpu.selector[Reg.DS] = 0x18;
        // fldz; fld1; fldenv-free: fadd dword [rbx+0x40]; fnstenv [rbx]
        assertThat(code.run("d9 ee d9 e8 d8 43 40 d9 33")).isEqualTo(Snippet.NO_FAULT);
        assertThat(word(code, 0)).as("control").isEqualTo(0x37f);
        assertThat(word(code, 4)).as("status: TOP 6").isEqualTo(0x3000);
        assertThat(word(code, 8)).as("tags: R7 zero, R6 valid, others empty").isEqualTo(0x4fff);
        assertThat(code.cpu.physical.read(DATA + 12, 4)).as("instruction").isEqualTo(Snippet.ADDRESS + 4);
        assertThat(word(code, 16)).isEqualTo(0x10);
        assertThat(word(code, 18)).as("opcode").isEqualTo(0x043);
        assertThat(code.cpu.physical.read(DATA + 20, 4)).as("operand").isEqualTo(DATA + 0x40);
        assertThat(word(code, 24)).isEqualTo(0x18);
    }

    @Test
    void environmentIn16BitRealMode() {
        Snippet code = snippet(TestCpu.mode16());
        code.cpu.fpu.lastIp = 0x4321;
        code.cpu.fpu.lastCs = 0xb000;
        code.cpu.fpu.lastDp = 0x765;
        code.cpu.fpu.lastDs = 0xc000;
        code.cpu.fpu.opcode = 0x5aa;
        // fnstenv [bx]
        assertThat(code.run("d9 37")).isEqualTo(Snippet.NO_FAULT);
        assertThat(word(code, 4)).as("tags").isEqualTo(0xffff);
        assertThat(word(code, 6)).as("instruction, low").isEqualTo(0x4321);
        assertThat(word(code, 8)).as("instruction, high, and opcode").isEqualTo(0xb5aa);
        assertThat(word(code, 10)).as("operand, low").isEqualTo(0x765);
        assertThat(word(code, 12)).as("operand, high").isEqualTo(0xc000);
    }

    @Test
    void storingTheEnvironmentMasksAllExceptions() {
        Snippet code = snippet(TestCpu.mode64());
        code.cpu.fpu.setControl(0x340);
        code.run("d9 33");
        assertThat(code.cpu.fpu.control).isEqualTo(0x37f);
    }

    @ParameterizedTest
    @CsvSource({"64, dd 33, dd 23", "32, 66 dd 33, 66 dd 23", "32, dd 33, dd 23"})
    void saveInitializesAndRestoreBringsBack(int mode, String save, String restore) {
        Snippet code = snippet(mode == 64 ? TestCpu.mode64() : TestCpu.mode32());
        // fldpi; fld1; fldln2; fdecstp
        code.run("d9 eb d9 e8 d9 ed d9 f6");
        int status = code.cpu.fpu.statusWord();
        int tags = code.cpu.fpu.tagWord();
        long pi = code.cpu.fpu.mant[7];
        assertThat(code.run(save)).isEqualTo(Snippet.NO_FAULT);
        assertThat(code.cpu.fpu.used).isZero();
        assertThat(code.cpu.fpu.top).isZero();
        java.util.Arrays.fill(code.cpu.fpu.mant, 0);
        assertThat(code.run(restore)).isEqualTo(Snippet.NO_FAULT);
        assertThat(code.cpu.fpu.statusWord()).isEqualTo(status);
        assertThat(code.cpu.fpu.tagWord()).isEqualTo(tags);
        assertThat(code.cpu.fpu.mant[7]).isEqualTo(pi);
    }

    /** An unmasked exception waits for the next waiting instruction; FNSTSW, FNSTCW, FNCLEX and FNINIT do not report it. */
    @ParameterizedTest
    @CsvSource({
        "9b, 16",
        "d9 e8, 16",
        "d9 2b, 16",
        "d9 23, 16",
        "dd 23, 16",
        "0f 77, 16",
        "0f 6f c1, 16",
        "f3 0f d6 c1, 16",
        "f2 0f d6 c1, 16",
        "df e0, -1",
        "dd 3b, -1",
        "d9 3b, -1",
        "d9 33, -1",
        "dd 33, -1",
        "db e2, -1",
        "db e3, -1",
        "0f 28 c1, -1"
    })
    void pendingExceptions(String hex, int vector) {
        Snippet code = snippet(TestCpu.mode64());
        code.cpu.cr4 |= Cpu.CR4_OSFXSR;
        code.cpu.fpu.setControl(0x37b);
        // fld1; fldz; fdivp
        assertThat(code.run("d9 e8 d9 ee de f9")).isEqualTo(Snippet.NO_FAULT);
        assertThat(code.cpu.fpu.pending()).isTrue();
        assertThat(code.run(hex)).isEqualTo(vector);
    }

    @Test
    void withoutNeTheProcessorWaitsForTheInterrupt() {
        Snippet code = snippet(TestCpu.mode64());
        code.cpu.cr0 &= ~Cpu.CR0_NE;
        code.cpu.fpu.setControl(0x37b);
        code.run("d9 e8 d9 ee de f9");
        code.place("d9 e8");
        assertThat(code.step()).isEqualTo(Snippet.NO_FAULT);
        assertThat(code.cpu.rip).isEqualTo(Snippet.ADDRESS);
        assertThat(code.cpu.activity).isEqualTo(Cpu.HALTED);
    }

    /** Columns: code, then the vector under EM, TS, MP with TS, and without OSFXSR. */
    @ParameterizedTest
    @CsvSource({
        "d9 e8,         7,  7,  7, -1",
        "db e3,         7,  7,  7, -1",
        "9b,           -1, -1,  7, -1",
        "0f 77,         6,  7,  7, -1",
        "0f fc c1,      6,  7,  7, -1",
        "66 0f fc c1,   6,  7,  7,  6",
        "0f 58 c1,      6,  7,  7,  6",
        "f2 0f 2d c1,   6,  7,  7,  6",
        "0f ae 1b,      6,  7,  7,  6",
        "0f ae 03,      7,  7,  7, -1",
        "0f ae 23,     -1,  7,  7, -1",
        "0f c3 03,     -1, -1, -1, -1"
    })
    void availability(String hex, int em, int ts, int mpTs, int noFxsr) {
        assertThat(under(hex, Cpu.CR0_EM, true)).as("EM").isEqualTo(em);
        assertThat(under(hex, Cpu.CR0_TS, true)).as("TS").isEqualTo(ts);
        assertThat(under(hex, Cpu.CR0_TS | Cpu.CR0_MP, true)).as("MP and TS").isEqualTo(mpTs);
        assertThat(under(hex, 0, false)).as("no OSFXSR").isEqualTo(noFxsr);
    }

    private static int under(String hex, long cr0, boolean fxsr) {
        Snippet code = snippet(TestCpu.mode64());
        code.cpu.cr0 |= cr0;
        code.cpu.cr4 |= Cpu.CR4_OSXSAVE | (fxsr ? Cpu.CR4_OSFXSR : 0);
        return code.run(hex);
    }

    /** A store whose memory is not there changes neither the stack nor the status. */
    @ParameterizedTest
    @CsvSource({"d9 1b", "dd 1b", "db 3b", "df 33", "df 3b", "db 1b", "dd 0b", "dd 33", "d9 33"})
    void aFaultingStoreKeepsTheStack(String hex) {
        Snippet code = snippet(TestCpu.mode64());
        code.run("d9 eb");
        int status = code.cpu.fpu.statusWord();
        code.cpu.r[Reg.RBX] = TestCpu.MEMORY - 1;
        assertThat(code.run(hex)).isEqualTo(Vector.PF);
        assertThat(code.cpu.fpu.statusWord()).isEqualTo(status);
        assertThat(code.cpu.fpu.empty(0)).isFalse();
        assertThat(code.cpu.fpu.control).isEqualTo(0x37f);
    }
}

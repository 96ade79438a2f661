package nestbox.x86.op.simd;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import nestbox.x86.Vector;
import nestbox.x86.insn.Asm;
import nestbox.x86.insn.Decoder;
import nestbox.x86.model.CpuModel;
import nestbox.x86.testing.Snippet;
import nestbox.x86.testing.TestCpu;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** SDM Vol. 2A, "Instruction Exception Specification", and the instructions' pages beyond results: faults, lanes, restart. */
class AvxRulesTest {
    private static final long DATA = 0x8000;
    private static final long END = TestCpu.MEMORY;

    private static Snippet prepare(Cpu cpu) {
        cpu.cr4 |= Cpu.CR4_OSFXSR | Cpu.CR4_OSXSAVE;
        cpu.xcr0 = 7;
        cpu.r[Reg.RBX] = DATA;
        for (int i = 0; i < 64; i++) {
            cpu.v[i] = 0x0101010101010101L * i;
        }
        return new Snippet(cpu);
    }

    private static Snippet mode64() {
        return prepare(TestCpu.mode64());
    }

    private static int run(Snippet code, String text) {
        byte[] bytes = Asm.assemble(code.cpu.codeSize, Snippet.ADDRESS, text);
        return code.run(java.util.HexFormat.of().formatHex(bytes));
    }

    // ---- availability ----

    @ParameterizedTest
    @CsvSource({"0, 6", "1, 6", "2, 6", "3, 6", "5, 6", "7, -1", "207, -1"})
    void bothStatesMustBeEnabled(String xcr0, int vector) {
        Snippet code = mode64();
        code.cpu.xcr0 = Long.parseLong(xcr0, 16);
        assertThat(run(code, "vaddps ymm0, ymm1, ymm2")).isEqualTo(vector);
        assertThat(run(code, "vzeroupper")).isEqualTo(vector);
        assertThat(run(code, "andn eax, eax, ebx"))
                .as("general registers need no XCR0")
                .isEqualTo(Snippet.NO_FAULT);
    }

    @Test
    void osxsaveTaskSwitchedAndEmulation() {
        Snippet code = mode64();
        code.cpu.cr0 |= Cpu.CR0_EM;
        code.cpu.cr4 &= ~Cpu.CR4_OSFXSR;
        assertThat(run(code, "vpaddd xmm0, xmm1, xmm2"))
                .as("EM and OSFXSR are SSE's")
                .isEqualTo(Snippet.NO_FAULT);
        code.cpu.cr0 |= Cpu.CR0_TS;
        assertThat(run(code, "vpaddd xmm0, xmm1, xmm2")).isEqualTo(Vector.NM);
        code.cpu.cr4 &= ~Cpu.CR4_OSXSAVE;
        assertThat(run(code, "vpaddd xmm0, xmm1, xmm2")).isEqualTo(Vector.UD);
    }

    /** vaddps xmm0, xmm1, xmm2 in real mode. */
    @Test
    void notInRealMode() {
        assertThat(prepare(TestCpu.mode16()).run("c5 f0 58 c2")).isEqualTo(Vector.UD);
        assertThat(prepare(TestCpu.mode32()).run("c5 f0 58 c2")).isEqualTo(Snippet.NO_FAULT);
    }

    /** A prefix before VEX, vvvv where it names nothing, a length that the instruction has not. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "66 c5 f0 58 c2", "f2 c5 f0 58 c2", "f3 c5 f0 58 c2", "f0 c5 f0 58 c2", "40 c5 f0 58 c2", "c5 f0 51 c2",
                "c5 f0 28 c2", "c5 fc 12 c1", "c5 fd 6e c0", "c4 e2 79 1a 03", "c4 e2 79 36 c1", "c4 e2 f9 92 0b"
            })
    void undefinedEncodings(String hex) {
        assertThat(mode64().run(hex)).isEqualTo(Vector.UD);
    }

    @Test
    void scalarsIgnoreTheLength() {
        Snippet code = mode64();
        assertThat(code.run("c5 f6 10 c2")).as("vmovss with VEX.L").isEqualTo(Snippet.NO_FAULT);
        assertThat(code.cpu.v[2]).isZero();
    }

    /** Without its feature an instruction is none; with it, it is one. */
    @ParameterizedTest
    @CsvSource({
        "pni, f2 0f 7c c1",
        "ssse3, 66 0f 38 00 c1",
        "sse4.1, 66 0f 38 17 c1",
        "sse4.2, 66 0f 3a 63 c1 00",
        "aes, 66 0f 38 dc c1",
        "pclmulqdq, 66 0f 3a 44 c1 00",
        "sha-ni, 0f 38 cb c1",
        "gfni, 66 0f 38 cf c1",
        "avx, c5 f0 58 c2",
        "avx, c5 f8 77",
        "avx, c5 f1 fe c2",
        "avx2, c5 f5 fe c2",
        "avx2, c4 e2 79 58 c1",
        "avx2, c4 e2 79 18 c1",
        "fma, c4 e2 71 98 c2",
        "f16c, c4 e2 79 13 c1",
        "vaes, c4 e2 75 dc c2",
        "vpclmulqdq, c4 e3 75 44 c2 00",
        "movdiri, 0f 38 f9 03",
        "movdir64b, 66 0f 38 f8 03",
        "serialize, 0f 01 e8"
    })
    void featuresDecide(String feature, String hex) {
        byte[] code = java.util.HexFormat.of().parseHex(hex.replace(" ", ""));
        Decoder with = new Decoder(CpuModel.parse("max"));
        Decoder without = new Decoder(CpuModel.parse("max,-" + feature));
        assertThat(with.decode(code, 0, code.length, 64).form).isNotNull();
        assertThat(without.decode(code, 0, code.length, 64).form).isNull();
    }

    // ---- upper lanes ----

    /** YMM1 is 04, 05, 06, 07 in each byte of its lanes. */
    @ParameterizedTest
    @CsvSource({
        "'paddd xmm1, xmm2', true", "'vpaddd xmm1, xmm1, xmm2', false", "'movups xmm1, [rbx]', true",
        "'vmovups xmm1, [rbx]', false", "'vaddss xmm1, xmm1, xmm2', false", "'vmovd xmm1, eax', false",
        "'vpinsrb xmm1, xmm1, eax, 3', false", "'vcvtsi2sd xmm1, xmm1, rax', false",
                "'vextractf128 xmm1, ymm2, 1', false",
        "'vpslld xmm1, xmm2, 3', false", "'vroundsd xmm1, xmm2, xmm3, 4', false", "'pshufb xmm1, xmm2', true",
        "'roundsd xmm1, xmm2, 4', true"
    })
    void legacyKeepsAndVexClearsTheUpperHalf(String text, boolean kept) {
        Snippet code = mode64();
        assertThat(run(code, text)).isEqualTo(Snippet.NO_FAULT);
        assertThat(code.cpu.v[6]).isEqualTo(kept ? 0x0606060606060606L : 0);
        assertThat(code.cpu.v[7]).isEqualTo(kept ? 0x0707070707070707L : 0);
    }

    @Test
    void zeroingReachesTheRegistersOfTheMode() {
        Snippet code = mode64();
        run(code, "vzeroupper");
        assertThat(code.cpu.v[61]).isNotZero();
        assertThat(code.cpu.v[62]).isZero();
        run(code, "vzeroall");
        assertThat(java.util.Arrays.copyOf(code.cpu.v, 64)).containsOnly(0);
        Snippet narrow = prepare(TestCpu.mode32());
        run(narrow, "vzeroall");
        assertThat(narrow.cpu.v[31]).isZero();
        assertThat(narrow.cpu.v[32]).as("XMM8 does not exist here").isNotZero();
    }

    // ---- alignment ----

    @ParameterizedTest
    @CsvSource({
        "'vaddps ymm0, ymm1, [rbx]', 4, -1", "'vpshufb xmm0, xmm1, [rbx]', 1, -1", "'pshufb xmm0, [rbx]', 1, 13",
        "'vmovaps xmm0, [rbx]', 16, -1", "'vmovaps ymm0, [rbx]', 16, 13", "'vmovaps [rbx], ymm0', 16, 13",
        "'vmovdqa xmm0, [rbx]', 8, 13", "'vmovntdqa ymm0, [rbx]', 16, 13", "'vmovntdq [rbx], xmm0', 8, 13",
        "'vmovntps [rbx], ymm0', 16, 13", "'vmovups ymm0, [rbx]', 1, -1", "'vlddqu ymm0, [rbx]', 1, -1",
        "'pcmpistri xmm0, [rbx], 0', 1, -1", "'lddqu xmm0, [rbx]', 1, -1", "'pmovsxbw xmm0, [rbx]', 1, -1",
        "'movddup xmm0, [rbx]', 1, -1", "'movntdqa xmm0, [rbx]', 8, 13", "'aesenc xmm0, [rbx]', 8, 13",
        "'vpmovzxbw ymm0, [rbx]', 1, -1"
    })
    void alignment(String text, int offset, int vector) {
        Snippet code = mode64();
        code.cpu.r[Reg.RBX] = DATA + offset;
        assertThat(run(code, text)).isEqualTo(vector);
    }

    // ---- faults ----

    @ParameterizedTest
    @ValueSource(
            strings = {
                "vmovups [rbx], ymm1",
                "vmaskmovps [rbx], ymm3, ymm1",
                "vextractf128 [rbx], ymm1, 0",
                "vcvtps2ph [rbx], ymm1, 0"
            })
    void faultingStoresChangeNothing(String text) {
        Snippet code = mode64();
        java.util.Arrays.fill(code.cpu.v, 12, 16, -1);
        code.cpu.v[4] = 0x3f8000013f800001L;
        code.cpu.r[Reg.RBX] = END - 8;
        assertThat(run(code, text)).isEqualTo(Vector.PF);
        assertThat(code.cpu.physical.read(END - 8, 8)).isZero();
        assertThat(code.cpu.mxcsr).isEqualTo(0x1f80);
    }

    /** Elements whose mask is clear are not touched: no fault beyond the end of memory. */
    @Test
    void maskedElementsDoNotFault() {
        Snippet code = mode64();
        code.cpu.physical.write(END - 8, 8, 0x1122334455667788L);
        code.cpu.r[Reg.RBX] = END - 8;
        java.util.Arrays.fill(code.cpu.v, 12, 16, 0);
        code.cpu.v[12] = 0x80000000_7fffffffL;
        assertThat(run(code, "vpmaskmovd ymm1, ymm3, [rbx]")).isEqualTo(Snippet.NO_FAULT);
        assertThat(code.cpu.v[4]).isEqualTo(0x1122334400000000L);
        assertThat(code.cpu.v[7]).isZero();
        code.cpu.v[8] = -1;
        assertThat(run(code, "vpmaskmovd [rbx], ymm3, ymm2")).isEqualTo(Snippet.NO_FAULT);
        assertThat(code.cpu.physical.read(END - 8, 8)).isEqualTo(0xffffffff55667788L);
        code.cpu.v[13] = Long.MIN_VALUE;
        assertThat(run(code, "vpmaskmovd ymm1, ymm3, [rbx]")).isEqualTo(Vector.PF);
        assertThat(code.cpu.v[4]).isEqualTo(0x1122334400000000L);
    }

    /** A gather that faults has loaded what comes before, with those elements' masks cleared; run again it goes on there. */
    @Test
    void aGatherGoesOnWhereAFaultStoppedIt() {
        Snippet code = mode64();
        for (int i = 0; i < 4; i++) {
            code.cpu.physical.write(DATA + 8 * i, 8, 100 + i);
        }
        long[] v = code.cpu.v;
        v[8] = 0;
        v[9] = 1;
        v[10] = END;
        v[11] = 3;
        java.util.Arrays.fill(v, 12, 16, Long.MIN_VALUE);
        v[13] = 1;
        long untouched = v[5];
        assertThat(run(code, "vpgatherqq ymm1, [rbx+ymm2*8], ymm3")).isEqualTo(Vector.PF);
        assertThat(v[4]).isEqualTo(100);
        assertThat(v[5]).as("its mask has no sign").isEqualTo(untouched);
        assertThat(v[12]).isZero();
        assertThat(v[14]).as("still to do").isNegative();
        assertThat(v[15]).isNegative();
        v[10] = 2;
        assertThat(run(code, "vpgatherqq ymm1, [rbx+ymm2*8], ymm3")).isEqualTo(Snippet.NO_FAULT);
        assertThat(java.util.Arrays.copyOfRange(v, 4, 8)).containsExactly(100, untouched, 102, 103);
        assertThat(java.util.Arrays.copyOfRange(v, 12, 16)).containsOnly(0);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "vpgatherdd ymm1, [rbx+ymm1*4], ymm3",
                "vpgatherdd ymm1, [rbx+ymm3*4], ymm3",
                "vpgatherdd ymm1, [rbx+ymm2*4], ymm1"
            })
    void gatherOperandsMustDiffer(String text) {
        assertThat(run(mode64(), text)).isEqualTo(Vector.UD);
    }

    @Test
    void movdir64bReadsBeforeItWrites() {
        Snippet code = mode64();
        for (int i = 0; i < 16; i++) {
            code.cpu.physical.write(DATA + 8 * i, 8, i);
        }
        code.cpu.r[Reg.RAX] = DATA + 64;
        code.cpu.r[Reg.RBX] = DATA + 32;
        assertThat(run(code, "movdir64b rax, [rbx]")).isEqualTo(Snippet.NO_FAULT);
        for (int i = 0; i < 8; i++) {
            assertThat(code.cpu.physical.read(DATA + 64 + 8 * i, 8)).isEqualTo(4 + i);
        }
        code.cpu.r[Reg.RAX] = DATA + 8;
        assertThat(run(code, "movdir64b rax, [rbx]")).isEqualTo(Vector.GP);
    }
}

package nestbox.x86.op.simd;

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

/** Memory operands of MMX and SSE: widths, alignment, faults, what is kept. */
class SimdMemoryTest {
    private static final long DATA = 0x8000;
    private static final long LOW = 0x1122334455667788L;
    private static final long HIGH = 0x99aabbccddeeff00L;

    private static Snippet mode64() {
        Cpu cpu = TestCpu.mode64();
        cpu.cr4 |= Cpu.CR4_OSFXSR;
        cpu.r[Reg.RBX] = DATA;
        cpu.fpu.init();
        cpu.physical.write(DATA, 8, LOW);
        cpu.physical.write(DATA + 8, 8, HIGH);
        for (int i = 0; i < 64; i++) {
            cpu.v[i] = 0x0101010101010101L * i;
        }
        return new Snippet(cpu);
    }

    @ParameterizedTest
    @CsvSource({
        "0f 28 03, true",
        "0f 29 03, true",
        "66 0f 6f 03, true",
        "66 0f 7f 03, true",
        "66 0f e7 03, true",
        "0f 2b 03, true",
        "66 0f fc 03, true",
        "0f 58 03, true",
        "f3 0f 5b 03, true",
        "66 0f d1 03, true",
        "0f 10 03, false",
        "0f 11 03, false",
        "f3 0f 6f 03, false",
        "f3 0f 7f 03, false",
        "f3 0f 10 03, false",
        "f2 0f 58 03, false",
        "f3 0f e6 03, false",
        "0f 5a 03, false",
        "0f fc 03, false",
        "66 0f d6 03, false"
    })
    void alignment(String hex, boolean demanded) {
        Snippet code = mode64();
        code.cpu.r[Reg.RBX] = DATA + 8;
        assertThat(code.run(hex)).isEqualTo(demanded ? Vector.GP : Snippet.NO_FAULT);
    }

    /** AMD's MXCSR.MM lifts it for loads, not for the aligned moves. */
    @Test
    void misalignedExceptionMask() {
        Snippet code = mode64();
        code.cpu.r[Reg.RBX] = DATA + 8;
        code.cpu.mxcsr |= 1 << 17;
        assertThat(code.run("66 0f fc 03")).isEqualTo(Snippet.NO_FAULT);
        assertThat(code.run("0f 28 03")).isEqualTo(Vector.GP);
    }

    /** Code, then lanes 0 and 1 of XMM1 afterwards; it was 0404.., 0505... The upper half of YMM1 always stays. */
    @ParameterizedTest
    @CsvSource({
        "f3 0f 10 0b,    0000000055667788, 0000000000000000",
        "f2 0f 10 0b,    1122334455667788, 0000000000000000",
        "f3 0f 10 c8,    0404040400000000, 0505050505050505",
        "f2 0f 10 ca,    0808080808080808, 0505050505050505",
        "0f 12 0b,       1122334455667788, 0505050505050505",
        "0f 16 0b,       0404040404040404, 1122334455667788",
        "0f 12 ca,       0909090909090909, 0505050505050505",
        "0f 16 ca,       0404040404040404, 0808080808080808",
        "66 0f 6e 0b,    0000000055667788, 0000000000000000",
        "66 48 0f 6e 0b, 1122334455667788, 0000000000000000",
        "f3 0f 7e 0b,    1122334455667788, 0000000000000000",
        "0f 10 0b,       1122334455667788, 99aabbccddeeff00",
        "66 0f c4 0b 06, 0404040404040404, 0505778805050505",
        "66 0f 60 0b,    5504660477048804, 1104220433044404"
    })
    void loads(String hex, String low, String high) {
        Snippet code = mode64();
        assertThat(code.run(hex)).isEqualTo(Snippet.NO_FAULT);
        assertThat(Long.toHexString(code.cpu.v[4])).isEqualTo(Long.toHexString(Long.parseUnsignedLong(low, 16)));
        assertThat(Long.toHexString(code.cpu.v[5])).isEqualTo(Long.toHexString(Long.parseUnsignedLong(high, 16)));
        assertThat(code.cpu.v[6]).isEqualTo(0x0606060606060606L);
        assertThat(code.cpu.v[7]).isEqualTo(0x0707070707070707L);
    }

    /** A store that reaches beyond memory stores nothing. */
    @ParameterizedTest
    @ValueSource(strings = {"0f 11 0b", "f3 0f 7f 0b", "66 0f f7 ca"})
    void faultingStoresStoreNothing(String hex) {
        Snippet code = mode64();
        code.cpu.v[8] = -1;
        code.cpu.v[9] = -1;
        code.cpu.r[Reg.RBX] = TestCpu.MEMORY - 8;
        code.cpu.r[Reg.RDI] = TestCpu.MEMORY - 8;
        assertThat(code.run(hex)).isEqualTo(Vector.PF);
        assertThat(code.cpu.physical.read(TestCpu.MEMORY - 8, 8)).isZero();
    }

    @Test
    void maskedStoreWritesTheMarkedBytes() {
        Snippet code = mode64();
        code.cpu.r[Reg.RDI] = DATA;
        code.cpu.v[8] = 0x80007f00ff0000ffL;
        code.cpu.v[9] = 0x8000000000000000L;
        assertThat(code.run("66 0f f7 ca")).isEqualTo(Snippet.NO_FAULT);
        assertThat(code.cpu.physical.read(DATA, 8)).isEqualTo(0x0422334404667704L);
        assertThat(code.cpu.physical.read(DATA + 8, 8)).isEqualTo(0x05aabbccddeeff00L);
    }

    @Test
    void mmxAliasesTheSignificands() {
        Snippet code = mode64();
        code.run("d9 e8 d9 e8 d9 e8");
        assertThat(code.cpu.fpu.top).isEqualTo(5);
        // movq mm5, [rbx]
        assertThat(code.run("0f 6f 2b")).isEqualTo(Snippet.NO_FAULT);
        assertThat(code.cpu.fpu.top).isZero();
        assertThat(code.cpu.fpu.used).isEqualTo(0xff);
        assertThat(code.cpu.fpu.mant[5]).isEqualTo(LOW);
        assertThat(code.cpu.fpu.se[5]).isEqualTo(0xffff);
        assertThat(code.cpu.fpu.se[6]).isEqualTo(0x3fff);
        code.run("0f 77");
        assertThat(code.cpu.fpu.used).isZero();
    }

    @Test
    void aFaultingMmxLoadKeepsTheX87State() {
        Snippet code = mode64();
        code.run("d9 e8");
        code.cpu.r[Reg.RBX] = TestCpu.MEMORY;
        assertThat(code.run("0f fc 0b")).isEqualTo(Vector.PF);
        assertThat(code.cpu.fpu.top).isEqualTo(7);
        assertThat(code.cpu.fpu.used).isEqualTo(0x80);
    }

    /** 1/0 with #Z unmasked: #XM, or #UD without OSXMMEXCPT; the destination stays and the flag is set. */
    @ParameterizedTest
    @CsvSource({"true, 19", "false, 6"})
    void unmaskedExceptions(boolean enabled, int vector) {
        Snippet code = mode64();
        code.cpu.cr4 |= enabled ? Cpu.CR4_OSXMMEXCPT : 0;
        code.cpu.mxcsr = 0x1d80;
        code.cpu.v[0] = 0x3ff0000000000000L;
        code.cpu.v[4] = 0;
        assertThat(code.run("f2 0f 5e c1")).isEqualTo(vector);
        assertThat(code.cpu.v[0]).isEqualTo(0x3ff0000000000000L);
        assertThat(code.cpu.mxcsr).isEqualTo(0x1d84);
    }

    /** 1/0 in the first element does not make the second one's division of a denormal by 0 a #D. */
    @Test
    void elementsRaiseTheirOwnExceptions() {
        Snippet code = mode64();
        code.cpu.v[0] = 0x00000001_3f800000L;
        code.cpu.v[1] = 0x3f800000_3f800000L;
        code.cpu.v[4] = 0;
        code.cpu.v[5] = code.cpu.v[1];
        assertThat(code.run("0f 5e c1")).isEqualTo(Snippet.NO_FAULT);
        assertThat(code.cpu.mxcsr).isEqualTo(0x1f84);
    }

    @ParameterizedTest
    @ValueSource(longs = {0x3f800000, 0x3f000001, 0x7e7fffff, 0x00800000, 0x4048f5c3, 0xbf7fffff})
    void approximationsKeepTheirBound(long bits) {
        float x = Float.intBitsToFloat((int) bits);
        double reciprocal = Float.intBitsToFloat((int) Approximation.reciprocal(bits));
        assertThat(Math.abs(reciprocal * x - 1)).isLessThan(1.5 / 4096);
        if (x > 0) {
            double root = Float.intBitsToFloat((int) Approximation.reciprocalRoot(bits));
            assertThat(Math.abs(root * Math.sqrt(x) - 1)).isLessThan(1.5 / 4096);
        }
    }
}

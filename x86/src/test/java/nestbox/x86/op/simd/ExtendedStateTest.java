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

/** FXSAVE and the XSAVE family, from SDM Vol. 1, "Managing State Using the XSAVE Feature Set". */
class ExtendedStateTest {
    private static final long DATA = 0x8000;
    private static final long HEADER = DATA + 512;
    private static final long COMPACTED = 1L << 63;

    private static final String FXSAVE = "0f ae 03";
    private static final String FXSAVE64 = "48 0f ae 03";
    private static final String FXRSTOR = "0f ae 0b";
    private static final String XSAVE = "0f ae 23";
    private static final String XRSTOR = "0f ae 2b";
    private static final String XSAVEOPT = "0f ae 33";
    private static final String XSAVEC = "0f c7 23";
    private static final String XSAVES = "0f c7 2b";
    private static final String XRSTORS = "0f c7 1b";

    private static Snippet mode64() {
        Cpu cpu = TestCpu.mode64();
        cpu.cr4 |= Cpu.CR4_OSFXSR | Cpu.CR4_OSXSAVE;
        cpu.xcr0 = 0x207;
        cpu.r[Reg.RBX] = DATA;
        cpu.r[Reg.RAX] = -1;
        cpu.r[Reg.RDX] = -1;
        cpu.fpu.init();
        return new Snippet(cpu);
    }

    private static long at(Snippet code, long address) {
        return code.cpu.physical.read(address, 8);
    }

    private static void set(Snippet code, long address, long value) {
        code.cpu.physical.write(address, 8, value);
    }

    private static void fillVectors(Cpu cpu) {
        for (int i = 0; i < 64; i++) {
            cpu.v[i] = 0x1111_0000_0000L * (i + 1) + i;
        }
    }

    @Test
    void layoutOfTheLegacyRegion() {
        Snippet code = mode64();
        fillVectors(code.cpu);
        // fld1; fldpi
        code.run("d9 e8 d9 eb");
        code.cpu.mxcsr = 0x1fa0;
        assertThat(code.run(FXSAVE64)).isEqualTo(Snippet.NO_FAULT);
        assertThat(at(code, DATA) & 0xffff).isEqualTo(0x37f);
        assertThat(at(code, DATA) >>> 16 & 0xffff).isEqualTo(0x3000);
        assertThat(at(code, DATA) >>> 32 & 0xff)
                .as("abridged tags by physical register")
                .isEqualTo(0xc0);
        assertThat(at(code, DATA + 8)).as("FIP").isEqualTo(Snippet.ADDRESS + 2);
        assertThat(at(code, DATA + 24) & 0xffffffffL).isEqualTo(0x1fa0);
        assertThat(at(code, DATA + 28) & 0xffffffffL)
                .as("MXCSR_MASK with misaligned SSE")
                .isEqualTo(0x2ffff);
        assertThat(at(code, DATA + 32)).as("ST0").isEqualTo(0xc90fdaa22168c235L);
        assertThat(at(code, DATA + 40)).isEqualTo(0x4000);
        assertThat(at(code, DATA + 160 + 15 * 16)).isEqualTo(code.cpu.v[60]);
        assertThat(at(code, DATA + 416)).as("reserved").isZero();
    }

    @Test
    void fxrstorBringsBackWhatFxsaveSaved() {
        Snippet code = mode64();
        fillVectors(code.cpu);
        code.run("d9 e8 d9 eb");
        assertThat(code.run(FXSAVE)).isEqualTo(Snippet.NO_FAULT);
        long[] saved = code.cpu.v.clone();
        java.util.Arrays.fill(code.cpu.v, 7);
        code.cpu.fpu.init();
        assertThat(code.run(FXRSTOR)).isEqualTo(Snippet.NO_FAULT);
        for (int i = 0; i < 64; i++) {
            assertThat(code.cpu.v[i]).as("lane %d", i).isEqualTo((i & 3) < 2 ? saved[i] : 7);
        }
        assertThat(code.cpu.fpu.top).isEqualTo(6);
        assertThat(code.cpu.fpu.used).isEqualTo(0xc0);
    }

    @Test
    void fastFxsaveLeavesXmmOutAtCplZero() {
        Snippet code = mode64();
        code.cpu.efer |= Cpu.EFER_FFXSR;
        fillVectors(code.cpu);
        code.run(FXSAVE);
        assertThat(at(code, DATA + 160)).isZero();
        assertThat(at(code, DATA + 24) & 0xffff).as("MXCSR is saved").isEqualTo(0x1f80);
        code.cpu.cpl = 3;
        code.cpu.updateMode();
        code.run(FXSAVE);
        assertThat(at(code, DATA + 160)).isEqualTo(code.cpu.v[0]);
    }

    @ParameterizedTest
    @ValueSource(strings = {FXSAVE, FXRSTOR, XSAVE, XRSTOR, XSAVEOPT, XSAVEC, XSAVES, XRSTORS})
    void alignment(String hex) {
        Snippet code = mode64();
        code.cpu.r[Reg.RBX] = DATA + 8;
        assertThat(code.run(hex)).isEqualTo(Vector.GP);
    }

    @ParameterizedTest
    @ValueSource(strings = {XSAVE, XRSTOR, XSAVEOPT, XSAVEC, XSAVES, XRSTORS})
    void needsOsxsave(String hex) {
        Snippet code = mode64();
        code.cpu.cr4 &= ~Cpu.CR4_OSXSAVE;
        assertThat(code.run(hex)).isEqualTo(Vector.UD);
    }

    @ParameterizedTest
    @ValueSource(strings = {XSAVES, XRSTORS})
    void supervisorFormsNeedCplZero(String hex) {
        Snippet code = mode64();
        code.cpu.cpl = 3;
        code.cpu.updateMode();
        assertThat(code.run(hex)).isEqualTo(Vector.GP);
    }

    @Test
    void standardFormatPutsComponentsAtTheirPlaces() {
        Snippet code = mode64();
        fillVectors(code.cpu);
        code.cpu.pkru = 0x55555554;
        set(code, HEADER, 0);
        assertThat(code.run(XSAVE)).isEqualTo(Snippet.NO_FAULT);
        assertThat(at(code, HEADER))
                .as("XSTATE_BV: x87 is in its initial state")
                .isEqualTo(0x206);
        assertThat(at(code, HEADER + 8)).isZero();
        assertThat(at(code, DATA + 576 + 16)).isEqualTo(code.cpu.v[6]);
        assertThat(at(code, DATA + 0xa80)).isEqualTo(0x55555554);
    }

    @Test
    void onlyRequestedComponentsAreTouched() {
        Snippet code = mode64();
        fillVectors(code.cpu);
        set(code, HEADER, 0x201);
        set(code, DATA + 160, 99);
        code.cpu.r[Reg.RAX] = 4;
        code.cpu.r[Reg.RDX] = 0;
        code.run(XSAVE);
        assertThat(at(code, HEADER)).isEqualTo(0x205);
        assertThat(at(code, DATA + 160)).isEqualTo(99);
        assertThat(at(code, DATA + 576)).isEqualTo(code.cpu.v[2]);
        assertThat(at(code, DATA + 24) & 0xffff).as("AVX brings MXCSR along").isEqualTo(0x1f80);
    }

    @Test
    void theInitOptimizationLeavesMemory() {
        Snippet code = mode64();
        code.cpu.v[0] = 5;
        set(code, DATA + 576, 99);
        set(code, DATA, 99);
        set(code, HEADER, -1);
        code.run(XSAVEOPT);
        assertThat(at(code, HEADER)).as("not requested bits stay").isEqualTo(-1L & ~0x207 | 2);
        assertThat(at(code, DATA + 576)).isEqualTo(99);
        assertThat(at(code, DATA)).isEqualTo(99);
        assertThat(at(code, DATA + 160)).isEqualTo(5);
    }

    @ParameterizedTest
    @ValueSource(strings = {XSAVEC, XSAVES})
    void compactedFormatClosesGaps(String hex) {
        Snippet code = mode64();
        fillVectors(code.cpu);
        code.cpu.pkru = 12;
        code.cpu.r[Reg.RAX] = 0x202;
        code.run(hex);
        assertThat(at(code, HEADER)).isEqualTo(0x202);
        assertThat(at(code, HEADER + 8)).isEqualTo(COMPACTED | 0x202);
        assertThat(at(code, DATA + 576)).as("PKRU directly behind the header").isEqualTo(12);
        code.cpu.r[Reg.RAX] = 0x206;
        code.run(hex);
        assertThat(at(code, DATA + 576 + 256)).as("PKRU behind AVX").isEqualTo(12);
    }

    @Test
    void aChangedMxcsrCountsAsSseInTheCompactedFormat() {
        Snippet code = mode64();
        code.cpu.mxcsr = 0x1fa0;
        code.run(XSAVEC);
        assertThat(at(code, HEADER)).isEqualTo(2);
        code.cpu.mxcsr = 0x1f80;
        assertThat(code.run(XRSTOR)).isEqualTo(Snippet.NO_FAULT);
        assertThat(code.cpu.mxcsr).isEqualTo(0x1fa0);
    }

    @ParameterizedTest
    @CsvSource({XSAVE + "," + XRSTOR, XSAVEC + "," + XRSTOR, XSAVES + "," + XRSTORS, XSAVEOPT + "," + XRSTOR})
    void restoreBringsBack(String save, String restore) {
        Snippet code = mode64();
        fillVectors(code.cpu);
        code.cpu.pkru = 8;
        code.run("d9 e8");
        set(code, HEADER, 0);
        assertThat(code.run(save)).isEqualTo(Snippet.NO_FAULT);
        long[] saved = java.util.Arrays.copyOf(code.cpu.v, 64);
        java.util.Arrays.fill(code.cpu.v, 0);
        code.cpu.pkru = 0;
        code.cpu.fpu.init();
        assertThat(code.run(restore)).isEqualTo(Snippet.NO_FAULT);
        assertThat(java.util.Arrays.copyOf(code.cpu.v, 64)).isEqualTo(saved);
        assertThat(code.cpu.pkru).isEqualTo(8);
        assertThat(code.cpu.fpu.mant[7]).isEqualTo(Long.MIN_VALUE);
    }

    @Test
    void absentComponentsAreInitialized() {
        Snippet code = mode64();
        fillVectors(code.cpu);
        code.cpu.mxcsr = 0x1fa0;
        code.run("d9 e8");
        set(code, DATA + 24, 0x1fc0);
        set(code, HEADER, 0);
        set(code, HEADER + 8, 0);
        assertThat(code.run(XRSTOR)).isEqualTo(Snippet.NO_FAULT);
        assertThat(java.util.Arrays.copyOf(code.cpu.v, 64)).containsOnly(0);
        assertThat(code.cpu.fpu.initial()).isTrue();
        assertThat(code.cpu.mxcsr)
                .as("standard format loads MXCSR all the same")
                .isEqualTo(0x1fc0);
        set(code, HEADER + 8, COMPACTED | 7);
        assertThat(code.run(XRSTOR)).isEqualTo(Snippet.NO_FAULT);
        assertThat(code.cpu.mxcsr).as("compacted format initializes it").isEqualTo(0x1f80);
    }

    /** XSTATE_BV, XCOMP_BV, bytes 16 to 23 and 24 to 31, then what XRSTOR and XRSTORS raise. */
    @ParameterizedTest
    @CsvSource({
        "0,   0,                 0, 0, -1, 13",
        "207, 0,                 0, 0, -1, 13",
        "8,   0,                 0, 0, 13, 13",
        "1,   1,                 0, 0, 13, 13",
        "0,   0,                 1, 0, 13, 13",
        "0,   0,                 0, 1, -1, 13",
        "1,   8000000000000001,  0, 0, -1, -1",
        "2,   8000000000000001,  0, 0, 13, 13",
        "0,   8000000000000008,  0, 0, 13, 13",
        "0,   8000000000000001,  0, 1, 13, 13"
    })
    void headerChecks(String present, String layout, long third, long fourth, int xrstor, int xrstors) {
        for (boolean supervisor : new boolean[] {false, true}) {
            Snippet code = mode64();
            set(code, HEADER, Long.parseUnsignedLong(present, 16));
            set(code, HEADER + 8, Long.parseUnsignedLong(layout, 16));
            set(code, HEADER + 16, third);
            set(code, HEADER + 24, fourth);
            set(code, DATA + 24, 0x1f80);
            assertThat(code.run(supervisor ? XRSTORS : XRSTOR)).isEqualTo(supervisor ? xrstors : xrstor);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {FXRSTOR, XRSTOR, "0f ae 53 18"})
    void reservedMxcsrBits(String hex) {
        Snippet code = mode64();
        fillVectors(code.cpu);
        set(code, DATA + 24, 0x10000);
        set(code, HEADER, 7);
        set(code, HEADER + 8, 0);
        long[] before = code.cpu.v.clone();
        assertThat(code.run(hex)).isEqualTo(Vector.GP);
        assertThat(code.cpu.v).isEqualTo(before);
        assertThat(code.cpu.mxcsr).isEqualTo(0x1f80);
    }

    private static long inUse(Snippet code) {
        code.cpu.r[Reg.RCX] = 1;
        assertThat(code.run("0f 01 d0")).isEqualTo(Snippet.NO_FAULT);
        return code.cpu.r[Reg.RDX] << 32 | code.cpu.r[Reg.RAX];
    }

    /** XGETBV with ECX = 1 gives XCR0 AND XINUSE. */
    @Test
    void xgetbvTellsWhatIsInUse() {
        Snippet code = mode64();
        assertThat(inUse(code)).isZero();
        code.cpu.v[4 * 9 + 1] = 1;
        assertThat(inUse(code)).as("XMM9").isEqualTo(2);
        code.cpu.v[4 * 3 + 3] = 1;
        assertThat(inUse(code)).as("and YMM3").isEqualTo(6);
        code.cpu.mxcsr = 0x1fa0;
        assertThat(inUse(code)).as("MXCSR has no part in it").isEqualTo(6);
        code.cpu.pkru = 4;
        assertThat(inUse(code)).isEqualTo(0x206);
        code.run("d9 e8");
        assertThat(inUse(code)).as("FLD1").isEqualTo(0x207);
        code.cpu.xcr0 = 3;
        assertThat(inUse(code)).isEqualTo(3);
    }

    @Test
    void outside64BitModeTheUpperRegistersHaveNoPartInXinuse() {
        Cpu cpu = TestCpu.mode32();
        cpu.cr4 |= Cpu.CR4_OSXSAVE;
        cpu.xcr0 = 7;
        cpu.fpu.init();
        Snippet code = new Snippet(cpu);
        cpu.v[4 * 8] = 1;
        cpu.v[4 * 8 + 2] = 1;
        assertThat(inUse(code)).isZero();
        cpu.v[4 * 7] = 1;
        assertThat(inUse(code)).isEqualTo(2);
    }
}

package nestbox.x86.op;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Reg;
import nestbox.x86.Vector;
import nestbox.x86.testing.Snippet;
import nestbox.x86.testing.TestCpu;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Instructions whose conditions and faults the native vectors cannot show. */
class MiscellanyTest {
    private static final long DATA = 0x8000;

    private static Snippet mode64() {
        Cpu cpu = TestCpu.mode64();
        cpu.r[Reg.RSP] = 0x9000;
        cpu.r[Reg.RBX] = DATA;
        return new Snippet(cpu);
    }

    @Test
    void cmpxchg16bWantsAlignment() {
        Snippet code = mode64();
        assertThat(code.run("48 0f c7 0b")).isEqualTo(Snippet.NO_FAULT);
        code.cpu.r[Reg.RBX] = DATA + 8;
        assertThat(code.run("48 0f c7 0b")).isEqualTo(Vector.GP);
    }

    /** ADD, XADD, CMPXCHG, BTS, INC, SHL, XCHG, NEG to memory that is not there. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "48 01 0b",
                "48 0f c1 0b",
                "48 0f b1 0b",
                "48 0f ab 0b",
                "48 ff 03",
                "48 d1 23",
                "48 87 0b",
                "48 f7 1b"
            })
    void aFaultingReadModifyWriteKeepsFlagsAndRegisters(String hex) {
        Snippet code = mode64();
        code.cpu.r[Reg.RBX] = TestCpu.MEMORY;
        code.cpu.r[Reg.RCX] = 3;
        long flags = code.cpu.rflags();
        assertThat(code.run(hex)).isEqualTo(Vector.PF);
        assertThat(code.cpu.fault.errorCode & 2).as("a write").isEqualTo(2);
        assertThat(code.cpu.rflags()).isEqualTo(flags);
        assertThat(code.cpu.r[Reg.RCX]).isEqualTo(3);
    }

    @ParameterizedTest
    @CsvSource({"100, 8020", "-1, 7ff8", "-64, 7ff8", "-65, 7ff0", "63, 8000"})
    void bitStringsReachBelowAndBeyond(long offset, String word) {
        Snippet code = mode64();
        code.cpu.r[Reg.RCX] = offset;
        code.run("48 0f ab 0b");
        long address = DATA + (offset >> 6) * 8;
        assertThat(code.cpu.physical.read(address, 8)).isEqualTo(1L << (offset & 63));
        if (!word.equals("8020")) {
            assertThat(address).isEqualTo(Long.parseLong(word, 16));
        }
    }

    @ParameterizedTest
    @CsvSource({"0f 01 ee, 0, 0", "0f 01 ef, 0, 0"})
    void protectionKeyRightsNeedPkeAndZeroes(String hex, long rcx, long rdx) {
        Snippet code = mode64();
        code.cpu.r[Reg.RCX] = rcx;
        code.cpu.r[Reg.RDX] = rdx;
        assertThat(code.run(hex)).isEqualTo(Vector.UD);
        code.cpu.cr4 |= Cpu.CR4_PKE;
        assertThat(code.run(hex)).isEqualTo(Snippet.NO_FAULT);
        code.cpu.r[Reg.RCX] = 1;
        assertThat(code.run(hex)).isEqualTo(Vector.GP);
    }

    @Test
    void wrpkruIsReadBack() {
        Snippet code = mode64();
        code.cpu.cr4 |= Cpu.CR4_PKE;
        code.cpu.r[Reg.RAX] = 0xffffffff_12345678L;
        code.run("0f 01 ef");
        assertThat(code.cpu.pkru).isEqualTo(0x12345678);
        code.cpu.r[Reg.RAX] = 0;
        code.cpu.r[Reg.RDX] = -1;
        code.run("31 d2 0f 01 ee");
        assertThat(code.cpu.r[Reg.RAX]).isEqualTo(0x12345678);
        code.cpu.r[Reg.RDX] = 1;
        assertThat(code.run("0f 01 ef")).isEqualTo(Vector.GP);
    }

    /** RDFSBASE, RDGSBASE, WRFSBASE, WRGSBASE with RAX; a base is as wide as the processor can be, LA57 in use or not. */
    @ParameterizedTest
    @CsvSource({"f3 48 0f ae c0, false", "f3 48 0f ae c8, false", "f3 48 0f ae d0, true", "f3 48 0f ae d8, true"})
    void segmentBasesNeedTheirBitAndCanonicalValues(String hex, boolean writes) {
        Snippet code = mode64();
        assertThat(code.run(hex)).isEqualTo(Vector.UD);
        code.cpu.cr4 |= Cpu.CR4_FSGSBASE;
        assertThat(code.run(hex)).isEqualTo(Snippet.NO_FAULT);
        code.cpu.r[Reg.RAX] = 1L << code.cpu.features.linearBits() - 1;
        assertThat(code.run(hex)).isEqualTo(writes ? Vector.GP : Snippet.NO_FAULT);
    }

    @Test
    void a32BitSegmentBaseIsZeroExtended() {
        Snippet code = mode64();
        code.cpu.cr4 |= Cpu.CR4_FSGSBASE;
        code.cpu.r[Reg.RAX] = -1;
        code.run("f3 0f ae d0");
        assertThat(code.cpu.base[Reg.FS]).isEqualTo(0xffffffffL);
    }

    @ParameterizedTest
    @CsvSource({"-5, true", "-6, false", "7, true", "8, false", "0, true"})
    void boundChecksBothSigned(int index, boolean inside) {
        Cpu cpu = TestCpu.mode32();
        cpu.r[Reg.RBX] = DATA;
        cpu.r[Reg.RAX] = index & 0xffffffffL;
        cpu.physical.write(DATA, 4, -5);
        cpu.physical.write(DATA + 4, 4, 7);
        assertThat(new Snippet(cpu).run("62 03")).isEqualTo(inside ? Snippet.NO_FAULT : Vector.BR);
    }

    @ParameterizedTest
    @ValueSource(strings = {"0f c7 f0", "48 0f c7 f0", "66 0f c7 f0", "0f c7 f8"})
    void randomNumbersSetCfAlone(String hex) {
        Snippet code = mode64();
        code.cpu.setRflags(Flags.FIXED | (Flags.ARITHMETIC & ~Flags.CF));
        assertThat(code.run(hex)).isEqualTo(Snippet.NO_FAULT);
        assertThat(Flags.arithmetic(code.cpu)).isEqualTo(Flags.CF);
        assertThat(code.cpu.r[Reg.RAX]).isNotZero();
    }

    @Test
    void rdpidReadsTscAux() {
        Snippet code = mode64();
        code.cpu.r[Reg.RAX] = -1;
        code.cpu.msrs.write(0xc0000103, 0x1234);
        assertThat(code.run("f3 0f c7 f8")).isEqualTo(Snippet.NO_FAULT);
        assertThat(code.cpu.r[Reg.RAX]).isEqualTo(0x1234);
    }

    @Test
    void clzeroClearsTheLineAround() {
        Snippet code = mode64();
        for (int i = -8; i < 72; i += 8) {
            code.cpu.physical.write(DATA + i, 8, -1);
        }
        code.cpu.r[Reg.RAX] = DATA + 37;
        assertThat(code.run("0f 01 fc")).isEqualTo(Snippet.NO_FAULT);
        for (int i = -8; i < 72; i += 8) {
            assertThat(code.cpu.physical.read(DATA + i, 8)).isEqualTo(i >= 0 && i < 64 ? 0 : -1);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"0f 0b", "0f b9 c0", "0f ff c0"})
    void undefinedOnPurpose(String hex) {
        assertThat(mode64().run(hex)).isEqualTo(Vector.UD);
    }

    /** CLFLUSH, CLFLUSHOPT and CLWB fault as a byte load; PREFETCHT0 and NOP never do. */
    @ParameterizedTest
    @CsvSource({
        "0f ae 3b, true", "66 0f ae 3b, true", "66 0f ae 33, true",
        "0f 18 0b, false", "0f 1f 03, false", "0f 0d 0b, false",
    })
    void cacheLineInstructionsProbe(String hex, boolean faults) {
        Snippet code = mode64();
        code.cpu.r[Reg.RBX] = TestCpu.MEMORY;
        assertThat(code.run(hex)).isEqualTo(faults ? Vector.PF : Snippet.NO_FAULT);
    }

    @ParameterizedTest
    @CsvSource({"f7 f1, 0", "48 f7 f9, 0", "f6 f1, 0", "d4 00, 1"})
    void divisionBy0(String hex, int mode) {
        Cpu cpu = mode == 0 ? TestCpu.mode64() : TestCpu.mode32();
        cpu.r[Reg.RCX] = 0;
        cpu.r[Reg.RAX] = 10;
        assertThat(new Snippet(cpu).run(hex)).isEqualTo(Vector.DE);
        assertThat(cpu.r[Reg.RAX]).isEqualTo(10);
        assertThat(cpu.rip).isEqualTo(Snippet.ADDRESS);
    }
}

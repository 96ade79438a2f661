package nestbox.x86.op;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import nestbox.core.Seed;
import nestbox.mmu.memory.PhysicalMemory;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Reg;
import nestbox.x86.Vector;
import nestbox.x86.engine.BlockInterpreter;
import nestbox.x86.engine.ReferenceEngine;
import nestbox.x86.insn.Decoder;
import nestbox.x86.testing.Snippet;
import nestbox.x86.testing.TestCpu;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** String instructions and REP (SDM Vol. 2, "REP/REPE/REPZ/REPNE/REPNZ"): restart, dispatch budget, widths, bulk runs. */
class StringsTest {
    private static final String REP_MOVSB = "f3 a4";
    private static final String REP_STOSB = "f3 aa";
    private static final long SOURCE = 0x20000;
    private static final long TARGET = 0x40000;

    private static Snippet mode64(long count) {
        Cpu cpu = TestCpu.mode64();
        cpu.r[Reg.RCX] = count;
        cpu.r[Reg.RSI] = SOURCE;
        cpu.r[Reg.RDI] = TARGET;
        return new Snippet(cpu);
    }

    @Test
    void aFaultLeavesTheRegistersOfItsIteration() {
        Snippet code = mode64(100);
        code.cpu.r[Reg.RDI] = TestCpu.MEMORY - 3;
        code.cpu.physical.write(SOURCE, 8, 0x0807060504030201L);
        assertThat(code.run(REP_MOVSB)).isEqualTo(Vector.PF);
        assertThat(code.cpu.fault.detail).isEqualTo(TestCpu.MEMORY);
        assertThat(code.cpu.rip).isEqualTo(Snippet.ADDRESS);
        assertThat(code.cpu.r[Reg.RCX]).isEqualTo(97);
        assertThat(code.cpu.r[Reg.RSI]).isEqualTo(SOURCE + 3);
        assertThat(code.cpu.r[Reg.RDI]).isEqualTo(TestCpu.MEMORY);
        assertThat(code.cpu.physical.read(TestCpu.MEMORY - 3, 1)).isEqualTo(1);
        assertThat(code.cpu.physical.read(TestCpu.MEMORY - 1, 1)).isEqualTo(3);
    }

    @Test
    void aDispatchExecutesAtMostItsBudget() {
        Snippet code = mode64(Repeat.MOST + 10);
        long end = code.place(REP_STOSB);
        long retired = code.cpu.ticks;
        code.step();
        assertThat(code.cpu.rip).isEqualTo(Snippet.ADDRESS);
        assertThat(code.cpu.r[Reg.RCX]).isEqualTo(10);
        assertThat(code.cpu.ticks).isEqualTo(retired + 1);
        code.step();
        assertThat(code.cpu.rip).isEqualTo(end);
        assertThat(code.cpu.r[Reg.RCX]).isZero();
    }

    @ParameterizedTest
    @ValueSource(strings = {"f3 a4", "f3 aa", "f3 ac", "f3 a6", "f2 ae"})
    void anythingPendingEndsTheDispatchAfterOneIteration(String hex) {
        Snippet code = mode64(3);
        code.cpu.pend(Cpu.PENDING_STEP);
        code.cpu.r[Reg.RAX] = 0x55;
        long end = code.place(hex);
        code.step();
        assertThat(code.cpu.rip).isEqualTo(Snippet.ADDRESS);
        assertThat(code.cpu.r[Reg.RCX]).isEqualTo(2);
        code.step();
        code.step();
        assertThat(code.cpu.rip).isEqualTo(end);
    }

    /** LODS leaves RAX, so that every state on the way differs; the code around it shares the block. */
    @ParameterizedTest
    @ValueSource(ints = {1, 4, 64})
    void enginesAgreeAtEveryTick(int blockSize) {
        for (long end = 1; end < 9; end++) {
            Snippet one = mode64(2 * Repeat.MOST + 5);
            Snippet other = mode64(2 * Repeat.MOST + 5);
            one.place("ff c3 f3 ac ff c3 ff c3 ff c3");
            other.place("ff c3 f3 ac ff c3 ff c3 ff c3");
            new ReferenceEngine(one.cpu, new Decoder(one.cpu.features)).run(end);
            new BlockInterpreter(other.cpu, new Decoder(other.cpu.features), blockSize).run(end);
            assertThat(other.cpu.rip).as("tick %d", end).isEqualTo(one.cpu.rip);
            assertThat(other.cpu.ticks).isEqualTo(one.cpu.ticks);
            assertThat(Arrays.copyOf(other.cpu.r, 16)).isEqualTo(Arrays.copyOf(one.cpu.r, 16));
        }
    }

    @Test
    void aCountOf0TouchesNothing() {
        Snippet code = mode64(0);
        code.cpu.r[Reg.RDI] = TestCpu.MEMORY;
        assertThat(code.run(REP_STOSB)).isEqualTo(Snippet.NO_FAULT);
        assertThat(code.cpu.r[Reg.RDI]).isEqualTo(TestCpu.MEMORY);
    }

    @Test
    void a32BitAddressSizeUsesAndClearsTheUpperHalves() {
        Snippet code = mode64(0xf_0000_0002L);
        code.cpu.r[Reg.RSI] |= 7L << 32;
        code.cpu.r[Reg.RDI] |= 9L << 32;
        code.cpu.physical.write(SOURCE, 2, 0x2211);
        assertThat(code.run("67 f3 a4")).isEqualTo(Snippet.NO_FAULT);
        assertThat(code.cpu.physical.read(TARGET, 2)).isEqualTo(0x2211);
        assertThat(code.cpu.r[Reg.RCX]).isZero();
        assertThat(code.cpu.r[Reg.RSI]).isEqualTo(SOURCE + 2);
        assertThat(code.cpu.r[Reg.RDI]).isEqualTo(TARGET + 2);
    }

    @Test
    void onlyTheSourceSegmentCanBeOverridden() {
        Snippet code = mode64(0);
        code.cpu.base[Reg.FS] = 0x100;
        code.cpu.physical.write(SOURCE + 0x100, 1, 0x77);
        code.run("64 a4");
        assertThat(code.cpu.physical.read(TARGET, 1)).isEqualTo(0x77);
    }

    @ParameterizedTest
    @CsvSource({"a4, false", "aa, false", "ac, true", "a6, false", "ae, false"})
    void theDestinationIsInEs(String opcode, boolean ignoresEs) {
        Cpu cpu = TestCpu.mode32();
        cpu.rights[Reg.ES] |= Cpu.RIGHTS_UNUSABLE;
        cpu.r[Reg.RSI] = SOURCE;
        cpu.r[Reg.RDI] = TARGET;
        assertThat(new Snippet(cpu).run(opcode)).isEqualTo(ignoresEs ? Snippet.NO_FAULT : Vector.GP);
    }

    @Test
    void realModeWrapsTheIndexAndChecksTheLimit() {
        Cpu cpu = TestCpu.mode16();
        cpu.r[Reg.RDI] = 0xffff;
        cpu.r[Reg.RCX] = 2;
        assertThat(new Snippet(cpu).run(REP_STOSB)).isEqualTo(Snippet.NO_FAULT);
        assertThat(cpu.r[Reg.RDI]).isEqualTo(1);
        cpu.r[Reg.RDI] = 0xffff;
        assertThat(new Snippet(cpu).run("ab")).isEqualTo(Vector.GP);
    }

    /** Runs in pages that are open for direct access do what single elements do, overlaps included. */
    @ParameterizedTest
    @ValueSource(strings = {"f3 a4", "f3 66 a5", "f3 a5", "f3 48 a5", "f3 aa", "f3 66 ab", "f3 ab", "f3 48 ab"})
    void bulkRunsEqualSingleElements(String hex) {
        Seed seed = new Seed(hex.hashCode());
        for (int round = 0; round < 40; round++) {
            long count = seed.nextInt(600);
            long from = SOURCE + seed.nextInt(0x1800);
            long to = seed.nextInt(2) == 0 ? from + seed.nextInt(64) - 32 : SOURCE + seed.nextInt(0x1800);
            long contents = seed.nextLong();
            boolean down = seed.nextInt(4) == 0;
            Cpu single = copy(hex, count, from, to, contents, down, false);
            Cpu bulk = copy(hex, count, from, to, contents, down, true);
            assertThat(bulk.r).isEqualTo(single.r);
            assertThat(bytes(bulk)).as("%d from %x to %x", count, from, to).isEqualTo(bytes(single));
        }
    }

    private static Cpu copy(String hex, long count, long from, long to, long contents, boolean down, boolean open) {
        Snippet code = mode64(count);
        Cpu cpu = code.cpu;
        Seed seed = new Seed(contents);
        for (long at = SOURCE - 0x2000; at < SOURCE + 0x4000; at += 8) {
            cpu.physical.write(at, 8, seed.nextLong());
        }
        if (open) {
            byte[] data = cpu.physical.backing(SOURCE);
            for (long page = SOURCE - 0x1000; page <= SOURCE + 0x1000; page += 0x1000) {
                cpu.mem.fillRead(page, data, (int) page & PhysicalMemory.CHUNK_MASK);
                cpu.mem.fillWrite(page, data, (int) page & PhysicalMemory.CHUNK_MASK);
            }
        }
        cpu.r[Reg.RSI] = from;
        cpu.r[Reg.RDI] = to;
        cpu.r[Reg.RAX] = seed.nextLong();
        if (down) {
            cpu.setRflags(Flags.FIXED | Flags.DF);
        }
        assertThat(code.run(hex)).isEqualTo(Snippet.NO_FAULT);
        return cpu;
    }

    private static byte[] bytes(Cpu cpu) {
        byte[] bytes = new byte[0x6000];
        cpu.physical.copyOut(SOURCE - 0x2000, bytes, 0, bytes.length);
        return bytes;
    }
}

package nestbox.x86.op;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import nestbox.core.Seed;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.GuestFault;
import nestbox.x86.Reg;
import nestbox.x86.Vector;
import nestbox.x86.engine.BlockInterpreter;
import nestbox.x86.engine.Engine;
import nestbox.x86.engine.ReferenceEngine;
import nestbox.x86.insn.Decoder;
import nestbox.x86.testing.TestCpu;
import org.junit.jupiter.api.Test;

/**
 * Instruction templates against what an AMD Zen 3 (family 19h) did with them: each line of {@code native64.txt} and
 * {@code native32.txt} is the hash of the registers, the arithmetic flags and 512 bytes of memory after each of 64 seeded
 * inputs, the code and its text. {@code src/test/native/generate.py} wrote them and, with {@code -v}, prints each outcome.
 */
class NativeVectorsTest {
    static final int VECTORS = 64;
    private static final long CODE = 0x1000;
    private static final long STACK = 0x9000;
    private static final long DATA = 0x12000;
    private static final int WORDS = 64;
    private static final int UD2 = 0x0b0f;
    private static final int LIMIT = 100;
    private static final long DIVIDE_ERROR = 0xdedededeL;
    private static final int[] REGISTERS64 = {Reg.RAX, Reg.RBX, Reg.RCX, Reg.RDX, Reg.RSI, Reg.RDI, Reg.R8, 9};
    private static final int[] REGISTERS32 = {Reg.RAX, Reg.RBX, Reg.RCX, Reg.RDX, Reg.RSI, Reg.RDI};

    private long hash;

    @Test
    void referenceEngineInMode64() throws IOException {
        Cpu cpu = TestCpu.mode64();
        compare("native64.txt", cpu, new ReferenceEngine(cpu, new Decoder(cpu.features)), REGISTERS64, -1);
    }

    @Test
    void blockInterpreterInMode64() throws IOException {
        Cpu cpu = TestCpu.mode64();
        compare("native64.txt", cpu, new BlockInterpreter(cpu, new Decoder(cpu.features), 64), REGISTERS64, -1);
    }

    @Test
    void referenceEngineInMode32() throws IOException {
        Cpu cpu = TestCpu.mode32();
        compare("native32.txt", cpu, new ReferenceEngine(cpu, new Decoder(cpu.features)), REGISTERS32, 0xffffffffL);
    }

    @Test
    void blockInterpreterInMode32() throws IOException {
        Cpu cpu = TestCpu.mode32();
        compare(
                "native32.txt",
                cpu,
                new BlockInterpreter(cpu, new Decoder(cpu.features), 64),
                REGISTERS32,
                0xffffffffL);
    }

    private void compare(String resource, Cpu cpu, Engine engine, int[] registers, long mask) throws IOException {
        List<String> wrong = new ArrayList<>();
        int lines = 0;
        for (String line : lines(resource)) {
            String[] parts = line.split(" ", 3);
            byte[] code = HexFormat.of().parseHex(parts[1]);
            String found = outcome(cpu, engine, code, registers, mask);
            if (!found.equals(parts[0])) {
                wrong.add(parts[1] + " " + parts[2]);
            }
            lines++;
        }
        assertThat(lines).isGreaterThan(1000);
        assertThat(wrong).isEmpty();
    }

    private String outcome(Cpu cpu, Engine engine, byte[] code, int[] registers, long mask) {
        cpu.physical.copyIn(CODE, code, 0, code.length);
        cpu.physical.write(CODE + code.length, 2, UD2);
        hash = 0xcbf29ce484222325L;
        for (int v = 0; v < VECTORS; v++) {
            setUp(cpu, new Seed(v), mask);
            int fault = runToFault(cpu, engine);
            if (fault == Vector.UD && cpu.rip == CODE + code.length) {
                for (int register : registers) {
                    mix(cpu.r[register] & mask);
                }
                mix(Flags.arithmetic(cpu));
                for (int i = 0; i < WORDS; i++) {
                    mix(cpu.physical.read(DATA + 8 * i, 8));
                }
            } else {
                mix(fault == Vector.DE ? DIVIDE_ERROR : fault);
            }
        }
        return String.format("%016x", hash);
    }

    private static int runToFault(Cpu cpu, Engine engine) {
        try {
            engine.run(cpu.ticks + LIMIT);
            return -1;
        } catch (GuestFault fault) {
            return fault.vector;
        }
    }

    private static void setUp(Cpu cpu, Seed seed, long mask) {
        cpu.rip = CODE;
        cpu.r[Reg.RSP] = STACK;
        cpu.r[Reg.RBP] = STACK;
        cpu.r[Reg.RSI] = DATA + 0x80;
        cpu.r[Reg.RDI] = DATA + 0x100;
        for (int register : new int[] {Reg.RAX, Reg.RBX, Reg.RCX, Reg.RDX, Reg.R8, 9}) {
            cpu.r[register] = value(seed) & mask;
        }
        cpu.setRflags((seed.nextLong() & Flags.ARITHMETIC) | Flags.IF);
        for (int i = 0; i < WORDS; i++) {
            cpu.physical.write(DATA + 8 * i, 8, value(seed));
        }
    }

    /** The distribution of {@code run.c}: small numbers, single bits and runs of ones beside plain random values. */
    private static long value(Seed seed) {
        long kind = seed.nextLong() & 7;
        long a = seed.nextLong();
        long b = seed.nextLong();
        switch ((int) kind) {
            case 0:
                return a & 63;
            case 1:
                return 1L << (a & 63);
            case 2:
                return -(1L << (a & 63));
            case 3:
                return a >>> (b & 63);
            case 4:
                return (b & 1) != 0 ? 0 : -1;
            default:
                return a;
        }
    }

    private void mix(long x) {
        hash = (hash ^ x) * 0x100000001b3L;
        hash ^= hash >>> 29;
    }

    private static List<String> lines(String resource) throws IOException {
        try (InputStream in = NativeVectorsTest.class.getResourceAsStream(resource);
                BufferedReader reader = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))) {
            return reader.lines().toList();
        }
    }
}

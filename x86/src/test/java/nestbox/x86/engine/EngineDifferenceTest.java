package nestbox.x86.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import nestbox.core.Seed;
import nestbox.core.UnsupportedFeatureException;
import nestbox.mmu.memory.PhysicalMemory;
import nestbox.mmu.tlb.RetentionPolicy;
import nestbox.x86.Cpu;
import nestbox.x86.GuestFault;
import nestbox.x86.Reg;
import nestbox.x86.insn.Decoder;
import nestbox.x86.insn.Insn;
import nestbox.x86.model.Vendor;
import nestbox.x86.testing.TestCpu;
import org.junit.jupiter.api.Test;

/** Random 64-bit programs end in the same state on the reference engine and on the block interpreter, whatever its blocks are. */
class EngineDifferenceTest {
    private static final int PROGRAMS = 4_000;
    private static final int CODE = 0x10_000;
    private static final int CODE_BYTES = 400;
    private static final long TABLES = 0x40_000;
    private static final int MEMORY = 1 << 20;
    private static final long STEPS = 300;

    /** Plain computation, branches and stack operations: what needs no platform and no descriptor tables. */
    private static final Set<String> MNEMONICS = Set.of(
            "MOV", "LEA", "MOVZX", "MOVSX", "MOVSXD", "ADD", "ADC", "SUB", "SBB", "AND", "OR", "XOR", "CMP", "TEST",
            "INC", "DEC", "NEG", "NOT", "SHL", "SHR", "SAR", "ROL", "ROR", "RCL", "RCR", "IMUL", "MUL", "DIV", "PUSH",
            "POP", "CALL", "JMP", "RET", "XCHG", "BT", "BTS", "BSF", "BSR", "CDQ", "CQO", "CBW", "CLC", "STC", "CMC",
            "LAHF", "SAHF", "STOSB", "STOSQ", "MOVSB", "LODSB", "BSWAP", "SHLD", "XADD", "CMPXCHG", "NOP");

    private final Set<Integer> seenUops = new HashSet<>();

    /** Where one run ended. */
    private record End(String registers, String fault, byte[] memory) {}

    @Test
    void everyEngineAndBlockSizeEndsAlike() {
        for (long seed = 0; seed < PROGRAMS; seed++) {
            byte[] program = program(new Seed(seed));
            End reference = run(program, seed, 0);
            for (int blockSize : new int[] {1, 4, 64}) {
                End blocks = run(program, seed, blockSize);
                assertThat(blocks.registers)
                        .as("seed %d, blocks of %d", seed, blockSize)
                        .isEqualTo(reference.registers);
                assertThat(blocks.fault)
                        .as("seed %d, blocks of %d", seed, blockSize)
                        .isEqualTo(reference.fault);
                assertThat(Arrays.equals(blocks.memory, reference.memory))
                        .as("memory, seed %d, blocks of %d", seed, blockSize)
                        .isTrue();
            }
        }
        assertThat(seenUops.size()).as("hot forms that the programs held").isEqualTo(Uop.JG + 1);
    }

    private byte[] program(Seed seed) {
        Cpu cpu = cpu(0);
        Decoder decoder = new Decoder(cpu.features);
        byte[] program = new byte[CODE_BYTES + 16];
        byte[] candidate = new byte[Decoder.MAX_LENGTH];
        int at = 0;
        while (at < CODE_BYTES) {
            for (int i = 0; i < candidate.length; i++) {
                candidate[i] = (byte) seed.nextLong();
            }
            shape(seed, candidate);
            Insn in = decoder.decode(candidate, 0, candidate.length, 64);
            if (in != null && in.form != null && wanted(in) && at + in.length <= CODE_BYTES) {
                System.arraycopy(candidate, 0, program, at, in.length);
                at += in.length;
                in.next = in.length;
                seenUops.add(UopSelector.select(in, 64).uop);
            } else if (seed.nextInt(40) == 0) {
                program[at++] = (byte) 0x90;
            }
        }
        return program;
    }

    /** Makes common shapes likelier than chance does: REX prefixes, two-byte opcodes, short displacements. */
    private static void shape(Seed seed, byte[] bytes) {
        if (seed.nextInt(8) == 0) {
            bytes[0] = (byte) (0x74 + seed.nextInt(2));
            return;
        }
        int at = 0;
        if (seed.nextInt(2) == 0) {
            bytes[at++] = (byte) (0x40 | seed.nextInt(16));
        }
        if (seed.nextInt(5) == 0) {
            bytes[at++] = 0x0f;
        }
        if (seed.nextInt(3) == 0) {
            // Small positive 32-bit immediates and displacements keep jumps and addresses near.
            bytes[at + 3] = 0;
            bytes[at + 4] = 0;
            bytes[at + 5] = 0;
        }
    }

    private static boolean wanted(Insn in) {
        String mnemonic = in.form.mnemonic();
        boolean conditional = mnemonic.startsWith("CMOV") || mnemonic.startsWith("SET") || mnemonic.startsWith("J");
        boolean known = MNEMONICS.contains(mnemonic)
                || conditional && !mnemonic.equals("JMPF") && !mnemonic.startsWith("SETSS");
        return known && in.form.operands().stream().noneMatch(EngineDifferenceTest::special);
    }

    /** Segment, control and debug registers, and far memory operands. */
    private static boolean special(String operand) {
        return !operand.equals("CL") && operand.matches("[SCD][a-z]|[C-GS]S|Mp|Ap");
    }

    private static Cpu cpu(long seed) {
        PhysicalMemory memory = new PhysicalMemory(36);
        memory.mapRam(0, MEMORY);
        Cpu cpu = TestCpu.silicon(Vendor.INTEL, memory, RetentionPolicy.parse("tlb", "lru:2048"), 36, Set.of());
        memory.write(TABLES, 8, TABLES + 0x1003);
        memory.write(TABLES + 0x1000, 8, TABLES + 0x2003);
        memory.write(TABLES + 0x2000, 8, 0x83);
        cpu.cr0 = Cpu.CR0_PE | Cpu.CR0_PG | Cpu.CR0_ET;
        cpu.cr3 = TABLES;
        cpu.cr4 = Cpu.CR4_PAE;
        cpu.efer = Cpu.EFER_LME | Cpu.EFER_LMA;
        cpu.rights[Reg.CS] = 0x9b | Cpu.RIGHTS_L | Cpu.RIGHTS_G;
        cpu.updateMode();
        cpu.mem.port().contextChanged();
        Seed values = new Seed(seed ^ 0x5eed);
        for (int i = 0; i < 16; i++) {
            cpu.r[i] = values.nextInt(3) == 0 ? values.nextLong() : 0x20_000 + values.nextInt(0x8000);
        }
        cpu.r[Reg.RSP] = 0x30_000;
        for (int i = 0; i < 64; i++) {
            // Return addresses that lead back into the program.
            memory.write(0x30_000 + 8 * i, 8, CODE + values.nextInt(CODE_BYTES));
        }
        cpu.r[Reg.RCX] &= 0xff;
        return cpu;
    }

    /** Runs the program; a block size of 0 means the reference engine. */
    /** With blocks of 4 there is room for so few that all are forgotten again and again. */
    private static Engine blocks(Cpu cpu, Decoder decoder, int blockSize) {
        return new BlockInterpreter(cpu, decoder, blockSize, blockSize == 4 ? 64 : CodeArena.MOST_WORDS);
    }

    private static End run(byte[] program, long seed, int blockSize) {
        Cpu cpu = cpu(seed);
        cpu.physical.copyIn(CODE, program, 0, program.length);
        cpu.rip = CODE;
        Decoder decoder = new Decoder(cpu.features);
        Engine engine = blockSize == 0 ? new ReferenceEngine(cpu, decoder) : blocks(cpu, decoder, blockSize);
        String fault = "none";
        try {
            engine.run(STEPS);
        } catch (GuestFault raised) {
            fault = raised.vector + " " + raised.hasErrorCode + " " + raised.errorCode + " " + raised.detail;
        } catch (UnsupportedFeatureException refused) {
            // A jump into the middle of an instruction can meet any other.
            fault = refused.getMessage();
        }
        String registers = Arrays.toString(Arrays.copyOf(cpu.r, 16)) + " rip " + cpu.rip + " flags " + cpu.rflags()
                + " retired " + cpu.ticks;
        byte[] memory = new byte[MEMORY];
        cpu.physical.copyOut(0, memory, 0, memory.length);
        return new End(registers, fault, memory);
    }
}

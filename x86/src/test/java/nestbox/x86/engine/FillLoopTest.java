package nestbox.x86.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import nestbox.mmu.memory.PhysicalMemory;
import nestbox.mmu.tlb.RetentionPolicy;
import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import nestbox.x86.insn.Asm;
import nestbox.x86.insn.Decoder;
import nestbox.x86.insn.Insn;
import nestbox.x86.model.Vendor;
import nestbox.x86.testing.TestCpu;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Loops that fill memory pass through the same states as one instruction at a time, wherever a slice ends. */
class FillLoopTest {
    private static final int CODE = 0x10_000;
    private static final long TABLES = 0x40_000;
    private static final int MEMORY = 1 << 20;
    private static final String FILL = "again: mov [rcx], sil\nadd rcx, 1\ncmp rcx, rdx\njne again\nmov eax, 7\nhlt\n";

    private static Cpu cpu(String source, long from, long to) {
        PhysicalMemory memory = new PhysicalMemory(36);
        memory.mapRam(0, MEMORY);
        Cpu cpu = TestCpu.silicon(Vendor.INTEL, memory, RetentionPolicy.parse("tlb", "lru:2048"), 36, Set.of());
        memory.write(TABLES, 8, TABLES + 0x1003);
        memory.write(TABLES + 0x1000, 8, TABLES + 0x2003);
        memory.write(TABLES + 0x2000, 8, TABLES + 0x3003);
        for (int i = 0; i < MEMORY >> 12; i++) {
            memory.write(TABLES + 0x3000 + 8L * i, 8, (long) i << 12 | 3);
        }
        cpu.cr0 = Cpu.CR0_PE | Cpu.CR0_PG | Cpu.CR0_ET;
        cpu.cr3 = TABLES;
        cpu.cr4 = Cpu.CR4_PAE;
        cpu.efer = Cpu.EFER_LME | Cpu.EFER_LMA;
        cpu.rights[Reg.CS] = 0x9b | Cpu.RIGHTS_L | Cpu.RIGHTS_G;
        cpu.updateMode();
        cpu.mem.port().contextChanged();
        byte[] code = Asm.assemble(64, CODE, source);
        memory.copyIn(CODE, code, 0, code.length);
        cpu.rip = CODE;
        cpu.r[Reg.RCX] = from;
        cpu.r[Reg.RDX] = to;
        cpu.r[Reg.RSI] = 0x1a5;
        return cpu;
    }

    private static Engine engine(Cpu cpu, int blockSize) {
        Decoder decoder = new Decoder(cpu.features);
        return blockSize == 0 ? new ReferenceEngine(cpu, decoder) : new BlockInterpreter(cpu, decoder, blockSize);
    }

    /** Registers and memory after slices of these lengths. */
    private static List<String> states(String source, long from, long to, int blockSize, int... slices) {
        Cpu cpu = cpu(source, from, to);
        Engine engine = engine(cpu, blockSize);
        List<String> states = new ArrayList<>();
        byte[] memory = new byte[0x16_000];
        for (int slice : slices) {
            engine.run(cpu.ticks + slice);
            cpu.physical.copyOut(CODE - 0x1000, memory, 0, memory.length);
            states.add(cpu.ticks + " " + cpu.rip + " " + cpu.rflags() + " " + Arrays.toString(Arrays.copyOf(cpu.r, 16))
                    + " " + Arrays.hashCode(memory));
        }
        return states;
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 4, 64})
    void everySliceEndsInTheSameState(int blockSize) {
        int[] slices = new int[150];
        for (int i = 0; i < slices.length; i++) {
            slices[i] = 1 + i * 37 % 61;
        }
        assertThat(states(FILL, 0x20_ff0, 0x21_400, blockSize, slices))
                .isEqualTo(states(FILL, 0x20_ff0, 0x21_400, 0, slices));
    }

    /** A whole page in one slice, a loop that its end has passed, and other registers and operand orders. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "0x20000 | 0x24001 | mov [rcx], sil", "0x20005 | 0x20006 | mov [rcx], sil",
                        "0x20005 | 0x20005 | mov [rcx], sil",
                "0x20000 | 0x21000 | mov [rcx], dh", "0x20000 | 0x21000 | mov [rcx], cl",
                        "0x20000 | 0x21000 | mov [rcx], dl",
                "0x20000 | 0x21000 | mov [rcx+1], sil", "0x20000 | 0x21000 | mov byte [rcx], 5"
            })
    void shapesOfTheLoop(String from, String to, String store) {
        String source = FILL.replace("mov [rcx], sil", store);
        for (String shape : new String[] {source, source.replace("cmp rcx, rdx", "cmp rdx, rcx")}) {
            long first = Long.decode(from.trim());
            long last = Long.decode(to.trim());
            assertThat(states(shape, first, last, 64, 9000, 9000, 9000))
                    .isEqualTo(states(shape, first, last, 0, 9000, 9000, 9000));
        }
    }

    /** The stores run into the loop's own code: what they write is executed. */
    @Test
    void codeThatIsOverwritten() {
        String source = FILL.replace("again:", "mov esi, 0xf4\nagain:");
        int code = CODE - 0x20;
        assertThat(states(source, code, CODE + 0x100, 64, 200)).isEqualTo(states(source, code, CODE + 0x100, 0, 200));
    }

    @Test
    void theLoopIsKnown() {
        Cpu cpu = cpu(FILL, 0, 0);
        Decoder decoder = new Decoder(cpu.features);
        byte[] code = Asm.assemble(64, CODE, FILL);
        Insn[] insns = new Insn[4];
        Op[] ops = new Op[4];
        for (int i = 0, at = 0; i < 4; i++) {
            insns[i] = decoder.decode(code, at, code.length, 64);
            at += insns[i].length;
            insns[i].next = at;
            ops[i] = UopSelector.select(insns[i], cpu.modeKey);
        }
        assertThat(FillLoop.of(insns, ops)).isNotNull();
    }
}

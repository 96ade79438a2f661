package nestbox.x86.system;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.InterruptController;
import nestbox.x86.Reg;
import nestbox.x86.engine.Processor;
import nestbox.x86.insn.Asm;
import nestbox.x86.model.Vendor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** SDM Vol. 3, "Priority Among Concurrent Events", "Debug Exceptions", "Masking Maskable Hardware Interrupts". */
class BoundaryTest {
    private static final int HANDLERS = 0x5000;
    private static final int INTERRUPT = 0x30;

    private SystemBench bench;
    private Cpu cpu;
    private Processor processor;

    BoundaryTest() {
        build(Vendor.INTEL);
    }

    private void build(Vendor vendor) {
        bench = SystemBench.protectedMode(vendor, 0);
        cpu = bench.cpu;
        processor = new Processor(cpu, bench.engine, bench.engine);
        for (int vector = 0; vector < 64; vector++) {
            bench.idt(vector, SystemBench.gate(0x8e, SystemBench.CODE0, HANDLERS + 16 * vector));
            bench.write(HANDLERS + 16 * vector, 4, 0xf4);
        }
        cpu.apic = new OneInterrupt();
    }

    /** Always has vector 30h to give. */
    private static final class OneInterrupt implements InterruptController {
        @Override
        public boolean interruptPending() {
            return true;
        }

        @Override
        public int acknowledge() {
            return INTERRUPT;
        }

        @Override
        public int taskPriorityClass() {
            return 0;
        }

        @Override
        public void setTaskPriorityClass(int priorityClass) {
            // No priorities here.
        }

        @Override
        public long readMsr(int index) {
            return 0x100;
        }

        @Override
        public void writeMsr(int index, long value) {
            // No registers here.
        }

        @Override
        public long tscDeadline() {
            return 0;
        }

        @Override
        public void setTscDeadline(long deadline) {
            // No timer here.
        }

        @Override
        public int apicId() {
            return 0;
        }
    }

    private void program(String source) {
        byte[] code = Asm.assemble(32, SystemBench.CODE_AT, source);
        bench.memory.copyIn(SystemBench.CODE_AT, code, 0, code.length);
        cpu.rip = SystemBench.CODE_AT;
    }

    /** Runs until a handler has halted; gives its vector, and what it returns to. */
    private String arrived() {
        processor.run(50);
        assertThat(cpu.activity).isEqualTo(Cpu.HALTED);
        return (cpu.rip - HANDLERS) / 16 + "@" + (bench.stack(0, 4) - SystemBench.CODE_AT);
    }

    @ParameterizedTest
    @CsvSource({
        "nop, 1@1",
        "cli, 1@1",
        "push es, 1@1",
    })
    void singleStepTrapsBehindTheInstruction(String instruction, String expected) {
        cpu.setRflags(Flags.FIXED | Flags.TF);
        program(instruction + "\n nop");
        assertThat(arrived()).isEqualTo(expected);
        assertThat(cpu.dr[6] & 0xf00f).isEqualTo(0x4000);
    }

    @Test
    void noStepTrapBehindALoadOfSs() {
        cpu.setRflags(Flags.FIXED | Flags.TF);
        cpu.r[Reg.RAX] = SystemBench.DATA0;
        program("mov ss, ax\n nop\n nop");
        assertThat(arrived()).isEqualTo("1@3");
    }

    @Test
    void softwareInterruptsAreNotStepped() {
        cpu.setRflags(Flags.FIXED | Flags.TF);
        program("int 0x20");
        assertThat(arrived()).isEqualTo("32@2");
    }

    @ParameterizedTest
    @CsvSource({
        // STI's shadow covers one instruction, unless IF was set before
        "'sti\n nop\n nop', 0, 48@2",
        "'nop\n sti\n nop\n nop', 1, 48@0",
    })
    void interruptShadowOfSti(String source, int open, String expected) {
        cpu.setRflags(Flags.FIXED | (open != 0 ? Flags.IF : 0));
        cpu.setInterruptLine(true);
        program(source);
        assertThat(arrived()).isEqualTo(expected);
    }

    @Test
    void loadOfSsShadowsInterruptsAndNmis() {
        cpu.setRflags(Flags.FIXED | Flags.IF);
        cpu.r[Reg.RAX] = SystemBench.DATA0;
        program("mov ss, ax\n nop\n nop");
        processor.run(1);
        cpu.setInterruptLine(true);
        cpu.pend(Cpu.PENDING_NMI);
        assertThat(arrived()).isEqualTo("2@3");
    }

    @Test
    void trapsComeBeforeNmisAndThoseBeforeInterrupts() {
        cpu.setRflags(Flags.FIXED | Flags.IF);
        cpu.setInterruptLine(true);
        cpu.pend(Cpu.PENDING_NMI | Cpu.PENDING_DEBUG_TRAP);
        cpu.pendingDebug = 1;
        program("nop");
        processor.run(1);
        assertThat(cpu.rip).isEqualTo(HANDLERS + 16);
        processor.run(1);
        assertThat(cpu.rip).isEqualTo(HANDLERS + 32);
        assertThat(cpu.nmiBlocked).isTrue();
    }

    @Test
    void nmiWaitsForIret() {
        cpu.pend(Cpu.PENDING_NMI);
        program("nop");
        processor.run(1);
        cpu.pend(Cpu.PENDING_NMI);
        bench.write(HANDLERS + 32, 4, 0xcf);
        processor.run(1);
        assertThat(cpu.rip).isEqualTo(SystemBench.CODE_AT);
        processor.run(1);
        assertThat(cpu.rip).isEqualTo(HANDLERS + 32);
    }

    @Test
    void instructionBreakpointIsAFaultThatResumeFlagLifts() {
        cpu.dr[0] = SystemBench.CODE_AT + 1;
        cpu.dr[7] |= 1;
        cpu.updatePending();
        program("nop\n nop\n hlt");
        assertThat(arrived()).isEqualTo("1@1");
        assertThat(cpu.dr[6] & 0xf00f).isEqualTo(1);
        assertThat(bench.stack(2, 4) & Flags.RF).isZero();

        cpu.activity = Cpu.ACTIVE;
        cpu.unpend(Cpu.PENDING_INACTIVE);
        bench.write(cpu.r[Reg.RSP] + 8, 4, Flags.FIXED | Flags.RF);
        bench.write(HANDLERS + 16, 4, 0xcf);
        cpu.rip = HANDLERS + 16;
        processor.run(10);
        assertThat(cpu.rip).isEqualTo(SystemBench.CODE_AT + 3);
        assertThat(cpu.rflags() & Flags.RF).isZero();
    }

    /** Intel suppresses it as if RF were set; AMD's manual holds back interrupts alone. */
    @ParameterizedTest
    @CsvSource({
        "INTEL, 'mov ss, ax\n nop\n int3', 3@4",
        "INTEL, 'push eax\n pop ss\n nop\n int3', 3@4",
        "AMD, 'mov ss, ax\n nop\n int3', 1@2",
        "AMD, 'push eax\n pop ss\n nop\n int3', 1@2",
    })
    void instructionBreakpointBehindALoadOfSs(Vendor vendor, String source, String expected) {
        build(vendor);
        cpu.r[Reg.RAX] = SystemBench.DATA0;
        cpu.dr[0] = SystemBench.CODE_AT + 2;
        cpu.dr[7] |= 1;
        cpu.updatePending();
        program(source);
        assertThat(arrived()).isEqualTo(expected);
    }

    @ParameterizedTest
    @CsvSource({"0, 1001", "512, 5300"})
    void haltEndsWithAnOpenInterrupt(int flags, String rip) {
        cpu.setRflags(Flags.FIXED | flags);
        program("hlt");
        processor.run(5);
        assertThat(cpu.activity).isEqualTo(Cpu.HALTED);
        cpu.setInterruptLine(true);
        processor.run(1);
        assertThat(cpu.rip).isEqualTo(Long.parseLong(rip, 16));
    }

    @Test
    void initResetsAndStartUpStarts() {
        cpu.r[Reg.RBX] = 5;
        cpu.cr2 = 7;
        program("nop");
        cpu.pend(Cpu.PENDING_INIT);
        Boundary.service(cpu, bench.engine);
        assertThat(cpu.protectedMode()).isFalse();
        assertThat(cpu.rip).isEqualTo(0xfff0);
        assertThat(cpu.base[Reg.CS]).isEqualTo(0xffff0000L);
        assertThat(cpu.r[Reg.RBX]).isZero();
        assertThat(cpu.dr[6]).isEqualTo(0xffff0ff0L);
        cpu.activity = Cpu.WAIT_FOR_SIPI;
        cpu.sipiVector = 0x12;
        cpu.pend(Cpu.PENDING_INACTIVE | Cpu.PENDING_SIPI);
        Boundary.service(cpu, bench.engine);
        assertThat(cpu.activity).isEqualTo(Cpu.ACTIVE);
        assertThat(cpu.base[Reg.CS]).isEqualTo(0x12000);
    }
}

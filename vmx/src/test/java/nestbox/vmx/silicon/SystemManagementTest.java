package nestbox.vmx.silicon;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.mmu.memory.PhysicalMemory;
import nestbox.mmu.tlb.RetentionPolicy;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Platform;
import nestbox.x86.Reg;
import nestbox.x86.engine.Processor;
import nestbox.x86.engine.ReferenceEngine;
import nestbox.x86.insn.Asm;
import nestbox.x86.insn.Decoder;
import nestbox.x86.mem.SiliconPort;
import nestbox.x86.model.CpuModel;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** SDM Vol. 3, "Default Treatment of SMIs and SMM with VMX Operation and SMX Operation". */
class SystemManagementTest {
    private static final int SMM_CODE = 0x38000;
    private static final int CR4_IMAGE = 0x30000 + 0xfe40;
    /** L2 and L1 count here while the test looks for a moment to raise the SMI. */
    private static final int GUEST_RUNS = Hypervisor.RESULTS + 0x100;

    private long ticks;
    private boolean done;

    private final class Board implements Platform {
        @Override
        public long portIn(int port, int bytes) {
            return -1;
        }

        @Override
        public void portOut(int port, int bytes, long value) {
            done = true;
        }

        @Override
        public long now() {
            return ticks;
        }

        @Override
        public void shutdown(Cpu cpu) {
            done = true;
        }

        @Override
        public void wakeExtension(Cpu cpu, long tick) {}
    }

    private Cpu cpu(Hypervisor l1) {
        PhysicalMemory memory = new PhysicalMemory(46);
        memory.mapRam(0, 32 << 20);
        byte[] image = Asm.assemble(32, Hypervisor.LOAD, l1.text());
        memory.copyIn(Hypervisor.LOAD, image, 0, image.length);
        byte[] smm = Asm.assemble(16, 0x8000, "inc dword [0x9000]\nrsm\n");
        memory.copyIn(SMM_CODE, smm, 0, smm.length);
        Cpu cpu = new Cpu(
                0,
                CpuModel.parse("Skylake-Server,+vmx"),
                new Board(),
                memory,
                c -> new SiliconPort(c, memory, RetentionPolicy.parse("test", "keep")),
                1);
        cpu.extension = new VmxProvider().create(cpu);
        cpu.cr0 = Cpu.CR0_PE | Cpu.CR0_ET;
        for (int seg = 0; seg < 9; seg++) {
            cpu.limit[seg] = 0xffffffffL;
            cpu.rights[seg] = seg == Reg.CS ? 0xc09b : 0xc093;
        }
        cpu.selector[Reg.CS] = 8;
        cpu.rip = Hypervisor.LOAD + 32;
        cpu.setRflags(Flags.FIXED);
        cpu.updateMode();
        cpu.mem.port().contextChanged();
        return cpu;
    }

    /** Runs until the program ends; an SMI arrives once the word at {@link #GUEST_RUNS} is 1. */
    private void run(Cpu cpu, boolean image) {
        Processor processor = new Processor(
                cpu,
                new ReferenceEngine(cpu, new Decoder(cpu.features)),
                new ReferenceEngine(cpu, new Decoder(cpu.features)));
        boolean sent = false;
        for (int i = 0; i < 10_000 && !done; i++) {
            if (!sent && cpu.physical.read(GUEST_RUNS, 4) == 1) {
                cpu.pend(Cpu.PENDING_SMI);
                sent = true;
            }
            if (image && cpu.smm) {
                cpu.physical.write(CR4_IMAGE, 4, cpu.physical.read(CR4_IMAGE, 4) | Cpu.CR4_VMXE);
            }
            processor.run(1);
            ticks++;
        }
        assertThat(done).as("the program ends").isTrue();
    }

    private static Hypervisor hypervisor(boolean ept) {
        return new Hypervisor(ept, ept)
                .asm("vmlaunch\n" + Hypervisor.END + "exit:\n")
                .result(VmcsField.VM_EXIT_REASON, 0)
                .asm("mov [" + (Hypervisor.RESULTS + 4) + "], ebx\n" + Hypervisor.END + "l2:\n")
                .asm("mov dword [" + GUEST_RUNS + "], 1\nmov ebx, 1\nadd ebx, 2\nmov eax, cr4\nadd ebx, 4\nvmcall\n");
    }

    @ParameterizedTest
    @CsvSource({"false", "true"})
    void theGuestGoesOnBehindTheSmi(boolean ept) {
        Cpu cpu = cpu(hypervisor(ept));
        run(cpu, false);
        assertThat(cpu.physical.read(0x9000, 4)).as("SMM ran").isEqualTo(1);
        assertThat(cpu.physical.read(Hypervisor.RESULTS, 4)).as("VMCALL").isEqualTo(18);
        assertThat(cpu.physical.read(Hypervisor.RESULTS + 4, 4)).isEqualTo(7);
        assertThat(cpu.physical.read(CR4_IMAGE, 4) & Cpu.CR4_VMXE)
                .as("VMXE in the image")
                .isZero();
        assertThat(cpu.cr4 & Cpu.CR4_VMXE).isNotZero();
    }

    @Test
    void rootOperationGoesOnToo() {
        Hypervisor l1 = new Hypervisor(false, false)
                .asm("mov dword [" + GUEST_RUNS + "], 1\nnop\nnop\nvmlaunch\n" + Hypervisor.END + "exit:\n")
                .result(VmcsField.VM_EXIT_REASON, 0)
                .asm(Hypervisor.END + "l2:\ncpuid\n");
        Cpu cpu = cpu(l1);
        run(cpu, false);
        assertThat(cpu.physical.read(0x9000, 4)).isEqualTo(1);
        assertThat(cpu.physical.read(Hypervisor.RESULTS, 4)).isEqualTo(10);
    }

    @Test
    void anImageWithVmxeShutsDown() {
        Cpu cpu = cpu(hypervisor(false));
        run(cpu, true);
        assertThat(cpu.activity).isEqualTo(Cpu.SHUTDOWN);
    }
}

package nestbox.svm;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import nestbox.mmu.memory.PhysicalMemory;
import nestbox.mmu.tlb.RetentionPolicy;
import nestbox.svm.silicon.SvmProvider;
import nestbox.svm.vmcb.Vmcb;
import nestbox.svm.vmcb.VmcbField;
import nestbox.svm.vmcb.VmcbSegment;
import nestbox.x86.Cpu;
import nestbox.x86.Platform;
import nestbox.x86.Reg;
import nestbox.x86.engine.BlockInterpreter;
import nestbox.x86.engine.Processor;
import nestbox.x86.engine.ReferenceEngine;
import nestbox.x86.engine.RootDoor;
import nestbox.x86.insn.Asm;
import nestbox.x86.insn.Decoder;
import nestbox.x86.mem.SiliconPort;
import nestbox.x86.model.CpuModel;
import nestbox.x86.system.Reset;

/** One processor with SVM, 16 Mbytes of RAM, an L1 in 64-bit mode and a VMCB whose guest is in 64-bit mode, too. */
public final class Lab {
    public static final long L1 = 0x1000;
    public static final long GUEST = 0x2000;
    public static final long VMCB = 0x5000;
    public static final long IOPM = 0x7000;
    public static final long MSRPM = 0xa000;
    public static final long STACK = 0xe000;
    /** PML4, PDPT, PD of large pages: L1's and the guest's. */
    public static final long TABLES = 0x10000;
    /** PML4, PDPT, PD and one table of small pages for the first 2 Mbytes. */
    public static final long NESTED = 0x20000;

    public static final int INTERCEPT_VMRUN = 1;

    /** A port through which software makes {@link Cpu}'s pending reasons (INIT, NMI, SMI) of its own processor. */
    public static final int SIGNALS = 0xe0;

    private static final long RAM = 16 << 20;
    private static final long RIGHTS = 7;
    private static final long LARGE = 0x80;
    private static final int CODE = 0xa9b;
    private static final int DATA = 0xc93;
    private static final int STEPS = 20_000;

    public final PhysicalMemory memory;
    public final Cpu cpu;
    public final Vmcb vmcb;
    private final Board board = new Board();
    private final Processor processor;
    private final Decoder decoder;

    private Lab(String model, RetentionPolicy policy, SvmProvider provider) {
        CpuModel features = CpuModel.parse(model);
        memory = new PhysicalMemory(features.physicalBits());
        memory.mapRam(0, RAM);
        cpu = new Cpu(0, features, board, memory, c -> new SiliconPort(c, memory, policy), 1);
        board.target = cpu;
        cpu.extension = provider.create(cpu);
        Reset.power(cpu);
        decoder = new Decoder(features);
        ReferenceEngine reference = new ReferenceEngine(cpu, decoder);
        processor = new Processor(cpu, new BlockInterpreter(cpu, decoder, 64), reference);
        vmcb = new Vmcb(memory);
        tables();
        mode64();
    }

    public static Lab of(String model) {
        return of(model, RetentionPolicy.KEEP);
    }

    /** A lab whose VMCB enters the guest at {@link #GUEST} and asks for nothing but what VMRUN demands. */
    public static Lab of(String model, RetentionPolicy policy) {
        return of(model, policy, new SvmProvider());
    }

    /** A lab with a provider of its own. */
    public static Lab of(String model, SvmProvider provider) {
        return of(model, RetentionPolicy.KEEP, provider);
    }

    private static Lab of(String model, RetentionPolicy policy, SvmProvider provider) {
        Lab lab = new Lab(model, policy, provider);
        lab.control();
        return lab;
    }

    /** Lets this lab's processor reach another's with what it broadcasts. */
    public void reach(Lab other) {
        board.others.add(other.cpu);
    }

    private void tables() {
        for (long root : new long[] {TABLES, NESTED}) {
            memory.write(root, 8, root + 0x1000 | RIGHTS);
            memory.write(root + 0x1000, 8, root + 0x2000 | RIGHTS);
            for (long i = 0; i < RAM >> 21; i++) {
                memory.write(root + 0x2000 + 8 * i, 8, i << 21 | LARGE | RIGHTS);
            }
        }
        memory.write(NESTED + 0x2000, 8, NESTED + 0x3000 | RIGHTS);
        for (long i = 0; i < 512; i++) {
            memory.write(NESTED + 0x3000 + 8 * i, 8, i << 12 | RIGHTS);
        }
    }

    /** Address of the nested entry for a guest-physical address in the first 2 Mbytes. */
    public static long nestedEntry(long guestPhysical) {
        return NESTED + 0x3000 + (guestPhysical >>> 12) * 8;
    }

    private void mode64() {
        cpu.cr0 = Cpu.CR0_PE | Cpu.CR0_PG | Cpu.CR0_ET | Cpu.CR0_NE;
        cpu.cr3 = TABLES;
        cpu.cr4 = Cpu.CR4_PAE;
        cpu.efer = Cpu.EFER_LME | Cpu.EFER_LMA;
        for (int seg = Reg.ES; seg <= Reg.GS; seg++) {
            cpu.selector[seg] = seg == Reg.CS ? 8 : 16;
            cpu.base[seg] = 0;
            cpu.limit[seg] = 0xffffffffL;
            cpu.rights[seg] = VmcbSegment.rights(seg == Reg.CS ? CODE : DATA);
        }
        cpu.updateMode();
        cpu.mem.port().control().invalidateAll();
    }

    /** Puts L1 into protected mode with 32-bit code and that paging; without paging if CR3 is 0. */
    public void host32(long cr3, long cr4) {
        cpu.cr0 = Cpu.CR0_PE | Cpu.CR0_ET | Cpu.CR0_NE | (cr3 == 0 ? 0 : Cpu.CR0_PG);
        cpu.efer = 0;
        cpu.rights[Reg.CS] = VmcbSegment.rights(CODE & ~VmcbSegment.LONG | VmcbSegment.DEFAULT_BIG);
        paging(cr3, cr4);
        if ((cr4 & Cpu.CR4_PAE) != 0) {
            cpu.mem.port().control().loadPdptes(cr3);
        }
    }

    /** Keeps L1 in 64-bit mode with other tables. */
    public void host64(long cr3, long cr4) {
        paging(cr3, cr4);
    }

    private void paging(long cr3, long cr4) {
        cpu.cr3 = cr3;
        cpu.cr4 = cr4;
        cpu.updateMode();
        cpu.mem.port().control().invalidateAll();
    }

    /** A door that stands in for L1's code; from here on the processor stops when it comes back to L1. */
    public RootDoor door() {
        return new RootDoor(processor, decoder);
    }

    private void control() {
        vmcb.attach(VMCB);
        vmcb.set(VmcbField.INTERCEPT_MISC2, INTERCEPT_VMRUN | 1 << 1);
        vmcb.set(VmcbField.GUEST_ASID, 1);
        vmcb.set(VmcbField.IOPM_BASE_PA, IOPM);
        vmcb.set(VmcbField.MSRPM_BASE_PA, MSRPM);
        vmcb.set(VmcbField.EFER, Cpu.EFER_LME | Cpu.EFER_LMA | Cpu.EFER_SVME);
        vmcb.set(VmcbField.CR0, cpu.cr0);
        vmcb.set(VmcbField.CR3, TABLES);
        vmcb.set(VmcbField.CR4, Cpu.CR4_PAE);
        vmcb.set(VmcbField.DR6, 0xffff0ff0L);
        vmcb.set(VmcbField.DR7, 0x400);
        vmcb.set(VmcbField.RFLAGS, 2);
        vmcb.set(VmcbField.RIP, GUEST);
        vmcb.set(VmcbField.RSP, STACK);
        vmcb.set(VmcbField.G_PAT, Cpu.PAT_RESET);
        for (VmcbSegment segment : new VmcbSegment[] {VmcbSegment.ES, VmcbSegment.SS, VmcbSegment.DS}) {
            vmcb.setSegment(segment, 16, DATA, 0xffffffffL, 0);
        }
        vmcb.setSegment(VmcbSegment.CS, 8, CODE, 0xffffffffL, 0);
    }

    /** Turns nested paging on, with an identity map. */
    public Lab nested() {
        vmcb.set(VmcbField.NESTED_CONTROL, 1);
        vmcb.set(VmcbField.N_CR3, NESTED);
        return this;
    }

    /** Sets the intercept of that exit code. */
    public Lab intercept(int code) {
        int at = code >>> 5 << 2;
        vmcb.set(at, 4, vmcb.get(at, 4) | 1L << (code & 31));
        return this;
    }

    /** Assembles the guest, which begins at {@link #GUEST}. */
    public Lab guest(String source) {
        return at(GUEST, source);
    }

    public Lab at(long address, String source) {
        byte[] code = Asm.assemble(64, address, source);
        memory.copyIn(address, code, 0, code.length);
        return this;
    }

    /** Runs an L1 of that source until it halts. */
    public Lab run(String source) {
        start(source);
        processor.run(STEPS);
        return this;
    }

    /** Runs on, for so many instructions at most. */
    public void step(long instructions) {
        processor.run(instructions);
    }

    /** Prepares an L1 of that source to run from its first instruction. */
    public void start(String source) {
        at(L1, """
                mov ecx, 0xc0000080
                rdmsr
                or eax, 0x1000
                wrmsr
                """ + source + "\nhlt\n");
        cpu.rip = L1;
        cpu.r[Reg.RSP] = STACK - 0x1000;
        cpu.activity = Cpu.ACTIVE;
        cpu.unpend(Cpu.PENDING_INACTIVE);
    }

    /** Runs an L1 that enters the guest once. */
    public Lab run() {
        return run("mov eax, " + VMCB + "\nvmrun");
    }

    public long exitCode() {
        return vmcb.get(VmcbField.EXITCODE);
    }

    public long get(VmcbField field) {
        return vmcb.get(field);
    }

    public Lab set(VmcbField field, long value) {
        vmcb.set(field, value);
        return this;
    }

    /** No devices; a shutdown only stops the processor. */
    private static final class Board implements Platform {
        /** What broadcasts reach beside the processor itself. */
        private final List<Cpu> others = new ArrayList<>();

        private Cpu target;

        @Override
        public void forEachProcessor(Cpu self, Consumer<Cpu> action) {
            action.accept(self);
            others.forEach(action);
        }

        @Override
        public long portIn(int port, int bytes) {
            return (1L << 8 * bytes) - 1;
        }

        @Override
        public void portOut(int port, int bytes, long value) {
            if (port == SIGNALS) {
                target.pend((int) value);
            }
        }

        @Override
        public long now() {
            return target.ticks;
        }

        @Override
        public void shutdown(Cpu c) {
            // The processor's activity says it.
        }
    }
}

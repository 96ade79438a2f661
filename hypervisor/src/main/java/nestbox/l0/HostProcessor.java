package nestbox.l0;

import nestbox.core.NestboxException;
import nestbox.mmu.core.HostFrames;
import nestbox.mmu.memory.PhysicalMemory;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Platform;
import nestbox.x86.Reg;
import nestbox.x86.VirtualizationProvider;
import nestbox.x86.engine.BlockInterpreter;
import nestbox.x86.engine.Engine;
import nestbox.x86.engine.Processor;
import nestbox.x86.engine.ReferenceEngine;
import nestbox.x86.engine.RootDoor;
import nestbox.x86.engine.RootFaultException;
import nestbox.x86.insn.Decoder;
import nestbox.x86.insn.Insn;
import nestbox.x86.model.CpuFeatures;
import nestbox.x86.model.Feature;
import nestbox.x86.system.Reset;

/**
 * One processor of the host, in 64-bit mode with the first 4 GiB mapped one to one as a boot loader leaves it, and the
 * instructions by which L0 uses it.
 */
public final class HostProcessor {
    public static final int CODE_SELECTOR = 0x08;
    public static final int DATA_SELECTOR = 0x10;
    public static final int TSS_SELECTOR = 0x18;
    private static final int CODE_RIGHTS = 0x9b | Cpu.RIGHTS_L | Cpu.RIGHTS_G;
    private static final int DATA_RIGHTS = 0x93 | Cpu.RIGHTS_DB | Cpu.RIGHTS_G;
    private static final int TSS_RIGHTS = 0x8b;
    private static final int GIGABYTES = 4;
    private static final long TABLE = 3;
    private static final long LARGE = 0x83;

    private final Cpu cpu;
    private final RootDoor door;
    private final HostInterrupts interrupts;
    private final Insn rdmsr;
    private final Insn wrmsr;
    private final Insn toCr2;
    private final Insn toCr4;
    private final Insn xsetbv;
    private final Insn[] toDr = new Insn[8];

    HostProcessor(
            int id,
            L0Config config,
            VirtualizationProvider virtualization,
            PhysicalMemory memory,
            HostFrames frames,
            Platform machine) {
        CpuFeatures features = config.silicon();
        cpu = new Cpu(id, features, new HostPlatform(machine), memory, config.ports(), config.seed() + id);
        cpu.extension = virtualization.create(cpu);
        interrupts = new HostInterrupts(cpu);
        cpu.apic = interrupts;
        Decoder decoder = new Decoder(features);
        ReferenceEngine reference = new ReferenceEngine(cpu, decoder);
        Engine engine = config.blocks() ? new BlockInterpreter(cpu, decoder, config.blockSize()) : reference;
        door = new RootDoor(new Processor(cpu, engine, reference), decoder);
        Reset.power(cpu);
        boot(frames);
        rdmsr = door.instruction("rdmsr");
        wrmsr = door.instruction("wrmsr");
        toCr2 = door.instruction("mov cr2, rax");
        toCr4 = door.instruction("mov cr4, rax");
        xsetbv = features.has(Feature.XSAVE) ? door.instruction("xsetbv") : null;
        for (int i = 0; i < 8; i++) {
            toDr[i] = i == 4 || i == 5 ? null : door.instruction("mov dr" + i + ", rax");
        }
    }

    /** What firmware and a boot loader do. */
    private void boot(HostFrames frames) {
        long top = frames.allocate();
        long directory = frames.allocate();
        frames.write64(top, directory | TABLE);
        for (int i = 0; i < GIGABYTES; i++) {
            long table = frames.allocate();
            frames.write64(directory + 8L * i, table | TABLE);
            for (int k = 0; k < 512; k++) {
                frames.write64(table + 8L * k, ((long) i << 30 | (long) k << 21) | LARGE);
            }
        }
        cpu.activity = Cpu.ACTIVE;
        cpu.unpend(Cpu.PENDING_INACTIVE);
        cpu.cr0 = Cpu.CR0_PE | Cpu.CR0_MP | Cpu.CR0_ET | Cpu.CR0_NE | Cpu.CR0_WP | Cpu.CR0_PG;
        cpu.cr3 = top;
        cpu.cr4 = Cpu.CR4_PAE | Cpu.CR4_OSFXSR | Cpu.CR4_OSXMMEXCPT;
        cpu.efer = Cpu.EFER_LME | Cpu.EFER_LMA | Cpu.EFER_SCE;
        if (cpu.features.has(Feature.NX)) {
            cpu.efer |= Cpu.EFER_NXE;
        }
        if (cpu.features.has(Feature.XSAVE)) {
            cpu.cr4 |= Cpu.CR4_OSXSAVE;
        }
        for (int seg = Reg.ES; seg <= Reg.GS; seg++) {
            cpu.selector[seg] = seg == Reg.CS ? CODE_SELECTOR : DATA_SELECTOR;
            cpu.base[seg] = 0;
            cpu.limit[seg] = 0xffffffffL;
            cpu.rights[seg] = seg == Reg.CS ? CODE_RIGHTS : DATA_RIGHTS;
        }
        cpu.selector[Reg.TR] = TSS_SELECTOR;
        cpu.rights[Reg.TR] = TSS_RIGHTS;
        cpu.limit[Reg.TR] = 0x67;
        cpu.setRflags(Flags.FIXED);
        cpu.updateMode();
        cpu.mem.port().control().invalidateAll();
        cpu.updatePending();
    }

    public Cpu cpu() {
        return cpu;
    }

    public RootDoor door() {
        return door;
    }

    HostInterrupts interrupts() {
        return interrupts;
    }

    public long rdmsr(int index) {
        cpu.r[Reg.RCX] = index & 0xffffffffL;
        msr(rdmsr, index);
        return cpu.r[Reg.RDX] << 32 | cpu.r[Reg.RAX] & 0xffffffffL;
    }

    public void wrmsr(int index, long value) {
        cpu.r[Reg.RCX] = index & 0xffffffffL;
        cpu.r[Reg.RAX] = value & 0xffffffffL;
        cpu.r[Reg.RDX] = value >>> 32;
        msr(wrmsr, index);
    }

    private void msr(Insn in, int index) {
        try {
            door.execute(in);
        } catch (RootFaultException e) {
            throw new NestboxException(
                    "hypervisor", cpu.features.modelName() + " has no MSR " + Integer.toHexString(index), e);
        }
    }

    public void setCr2(long value) {
        cpu.r[Reg.RAX] = value;
        door.execute(toCr2);
    }

    public void setCr4(long value) {
        cpu.r[Reg.RAX] = value;
        door.execute(toCr4);
    }

    public void setDr(int number, long value) {
        cpu.r[Reg.RAX] = value;
        door.execute(toDr[number]);
    }

    public void xsetbv(long value) {
        cpu.r[Reg.RCX] = 0;
        cpu.r[Reg.RAX] = value & 0xffffffffL;
        cpu.r[Reg.RDX] = value >>> 32;
        door.execute(xsetbv);
    }
}

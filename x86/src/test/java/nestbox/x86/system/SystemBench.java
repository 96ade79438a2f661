package nestbox.x86.system;

import java.util.Set;
import java.util.function.Function;
import nestbox.mmu.memory.PhysicalMemory;
import nestbox.mmu.tlb.RetentionPolicy;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.GuestFault;
import nestbox.x86.Reg;
import nestbox.x86.engine.ReferenceEngine;
import nestbox.x86.insn.Asm;
import nestbox.x86.insn.Decoder;
import nestbox.x86.model.CpuFeatures;
import nestbox.x86.model.Feature;
import nestbox.x86.model.Vendor;
import nestbox.x86.testing.TestCpu;

/** A processor with descriptor tables that a test fills row by row; actions give "ok" or the exception as text. */
final class SystemBench {
    static final int CODE_AT = 0x1000;
    static final int GDT = 0x2000;
    static final int IDT = 0x3000;
    static final int TSS = 0x4000;
    static final int OTHER_TSS = 0x4800;
    static final int TABLES = 0x10000;
    static final int STACK0 = 0x8000;
    static final int STACK3 = 0x9000;

    static final int CODE0 = 0x08;
    static final int DATA0 = 0x10;
    static final int CODE3 = 0x18;
    static final int DATA3 = 0x20;
    static final int TASK = 0x28;
    /** Free for the test; 16 bytes wide. */
    static final int SPARE = 0x38;

    static final int SPARE2 = 0x48;
    static final int LONG_CODE0 = 0x58;
    static final int LONG_CODE3 = 0x60;
    static final int OTHER_TASK = 0x68;

    private static final RetentionPolicy KEEP = RetentionPolicy.parse("--tlb", "keep");

    final PhysicalMemory memory = new PhysicalMemory(36);
    final Cpu cpu;
    final ReferenceEngine engine;

    private SystemBench(Vendor vendor, Set<Feature> absent) {
        this(memory -> TestCpu.silicon(vendor, memory, KEEP, 36, absent));
    }

    private SystemBench(Function<PhysicalMemory, Cpu> processor) {
        memory.mapRam(0, 1 << 20);
        cpu = processor.apply(memory);
        engine = new ReferenceEngine(cpu, new Decoder(cpu.features));
        cpu.gdtBase = GDT;
        cpu.gdtLimit = 0x7f;
        cpu.idtBase = IDT;
        cpu.idtLimit = 0x7ff;
        cpu.r[Reg.RSP] = STACK0;
        cpu.dr[6] = DebugRegisters.DR6_FIXED;
        cpu.dr[7] = DebugRegisters.DR7_FIXED;
        gdt(CODE0, descriptor(0x9a, 0xc, 0, 0xfffff));
        gdt(DATA0, descriptor(0x92, 0xc, 0, 0xfffff));
        gdt(CODE3, descriptor(0xfa, 0xc, 0, 0xfffff));
        gdt(DATA3, descriptor(0xf2, 0xc, 0, 0xfffff));
        gdt(LONG_CODE0, descriptor(0x9a, 0xa, 0, 0xfffff));
        gdt(LONG_CODE3, descriptor(0xfa, 0xa, 0, 0xfffff));
    }

    static SystemBench real() {
        return new SystemBench(Vendor.INTEL, Set.of());
    }

    /** A model in real mode. */
    static SystemBench real(CpuFeatures model) {
        return new SystemBench(memory -> TestCpu.silicon(model, memory, KEEP));
    }

    static SystemBench real(Vendor vendor, Set<Feature> absent) {
        return new SystemBench(vendor, absent);
    }

    /** 32-bit protected mode without paging at {@code cpl}; TR holds a busy 32-bit TSS whose ring-0 stack is {@link #STACK0}. */
    static SystemBench protectedMode(int cpl) {
        return protectedMode(real(), cpl);
    }

    /** As {@link #protectedMode(int)}, of a vendor. */
    static SystemBench protectedMode(Vendor vendor, int cpl) {
        return protectedMode(new SystemBench(vendor, Set.of()), cpl);
    }

    /** As {@link #protectedMode(int)} at level 0, of a model. */
    static SystemBench protectedMode(CpuFeatures model) {
        return protectedMode(real(model), 0);
    }

    private static SystemBench protectedMode(SystemBench bench, int cpl) {
        Cpu c = bench.cpu;
        c.cr0 |= Cpu.CR0_PE;
        c.cpl = cpl;
        bench.segment(Reg.CS, cpl == 0 ? CODE0 : CODE3 | cpl);
        for (int seg : new int[] {Reg.ES, Reg.SS, Reg.DS, Reg.FS, Reg.GS}) {
            bench.segment(seg, cpl == 0 ? DATA0 : DATA3 | cpl);
        }
        bench.task(TASK, TSS, 0x8b, 0x67);
        bench.segment(Reg.TR, TASK);
        bench.write(TSS + 4, 4, STACK0);
        bench.write(TSS + 8, 2, DATA0);
        c.r[Reg.RSP] = cpl == 0 ? STACK0 : STACK3;
        c.updateMode();
        return bench;
    }

    static SystemBench virtual8086(int iopl) {
        SystemBench bench = protectedMode(0);
        Cpu c = bench.cpu;
        c.cpl = 3;
        FarReturn.enterVirtual8086(c, 0, 0, 0x11, 0x22, 0x33, 0x44);
        c.setRflags(Flags.FIXED | Flags.VM | (long) iopl << 12);
        c.r[Reg.RSP] = STACK3;
        c.updateMode();
        return bench;
    }

    /** 64-bit mode at {@code cpl}, the first 4 GiB mapped as they are for every level. */
    static SystemBench longMode(Vendor vendor, int cpl) {
        return longMode(new SystemBench(vendor, Set.of()), cpl);
    }

    /** As {@link #longMode(Vendor, int)}, of a model. */
    static SystemBench longMode(CpuFeatures model, int cpl) {
        return longMode(real(model), cpl);
    }

    private static SystemBench longMode(SystemBench bench, int cpl) {
        Cpu c = bench.cpu;
        bench.write(TABLES, 8, TABLES + 0x1000 | 7);
        for (int i = 0; i < 4; i++) {
            bench.write(TABLES + 0x1000 + 8 * i, 8, (long) i << 30 | 0x87);
        }
        c.cr3 = TABLES;
        c.cr4 = Cpu.CR4_PAE;
        c.cr0 = Cpu.CR0_PE | Cpu.CR0_PG | Cpu.CR0_ET | Cpu.CR0_WP;
        c.efer = Cpu.EFER_LME | Cpu.EFER_LMA | Cpu.EFER_SCE;
        c.mem.port().control().invalidateAll();
        c.cpl = cpl;
        bench.segment(Reg.CS, cpl == 0 ? LONG_CODE0 : LONG_CODE3 | cpl);
        for (int seg : new int[] {Reg.ES, Reg.SS, Reg.DS, Reg.FS, Reg.GS}) {
            bench.segment(seg, cpl == 0 ? DATA0 : DATA3 | cpl);
        }
        bench.task(TASK, TSS, 0x8b, 0x67);
        bench.segment(Reg.TR, TASK);
        bench.write(TSS + 4, 8, STACK0);
        c.r[Reg.RSP] = cpl == 0 ? STACK0 : STACK3;
        c.updateMode();
        return bench;
    }

    /** {@code access} is the descriptor's byte 5, {@code flags} its G, D/B, L and AVL bits. */
    static long descriptor(int access, int flags, long base, long limit) {
        return limit & 0xffff
                | (base & 0xffffff) << 16
                | (long) access << 40
                | (limit >>> 16 & 0xf) << 48
                | (long) flags << 52
                | (base >>> 24 & 0xff) << 56;
    }

    static long gate(int access, int selector, long offset) {
        return offset & 0xffff | (long) selector << 16 | (long) access << 40 | (offset >>> 16 & 0xffff) << 48;
    }

    void gdt(int selector, long descriptor) {
        write(GDT + (selector & ~7), 8, descriptor);
    }

    void idt(int vector, long gate) {
        write(IDT + 8 * vector, 8, gate);
    }

    /** A gate of the 64-bit IDT, below 4 GiB. */
    void idt64(int vector, long gate) {
        write(IDT + 16 * vector, 8, gate);
        write(IDT + 16 * vector + 8, 8, 0);
    }

    void task(int selector, int base, int access, int limit) {
        gdt(selector, descriptor(access, 0, base, limit));
    }

    /** Fills a segment register from the GDT without checks. */
    void segment(int seg, int selector) {
        Segments.set(cpu, seg, selector, memory.read(GDT + (selector & ~7), 8) | (seg < Reg.LDTR ? 1L << 40 : 0));
    }

    void write(long address, int bytes, long value) {
        memory.write(address, bytes, value);
    }

    long read(long address, int bytes) {
        return memory.read(address, bytes);
    }

    /** Executes one instruction at {@link #CODE_AT}: "ok", or the exception that it raises as {@link #text} writes it. */
    String step(String assembly) {
        byte[] code = Asm.assemble(cpu.codeSize, CODE_AT, assembly);
        memory.copyIn(CODE_AT, code, 0, code.length);
        cpu.rip = CODE_AT - (cpu.mode64() ? 0 : cpu.base[Reg.CS]);
        try {
            engine.step();
            return "ok";
        } catch (GuestFault f) {
            return text(f);
        }
    }

    static String text(GuestFault f) {
        return f.vector + (f.hasErrorCode ? "(" + Long.toHexString(f.errorCode) + ")" : "");
    }

    /** The 4- or 8-byte values on the stack, from the top. */
    long stack(int index, int bytes) {
        return read(cpu.base[Reg.SS] + (cpu.r[Reg.RSP] & cpu.stackMask) + (long) index * bytes, bytes);
    }
}

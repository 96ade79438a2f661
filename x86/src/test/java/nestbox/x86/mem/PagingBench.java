package nestbox.x86.mem;

import java.util.Set;
import nestbox.mmu.memory.PhysicalMemory;
import nestbox.mmu.tlb.RetentionPolicy;
import nestbox.x86.Cpu;
import nestbox.x86.GuestFault;
import nestbox.x86.Reg;
import nestbox.x86.Vector;
import nestbox.x86.model.Feature;
import nestbox.x86.model.Vendor;
import nestbox.x86.testing.TestCpu;

/** A processor with memory and page tables, driven through its memory port as instructions drive it. */
final class PagingBench {
    static final long P = 1;
    static final long W = 2;
    static final long U = 4;
    static final long A = 0x20;
    static final long D = 0x40;
    static final long PS = 0x80;
    static final long G = 0x100;
    static final long NX = 1L << 63;

    /** Tables come from here, 4 KiB each. */
    static final long TABLES = 0x10_0000;

    final PhysicalMemory memory;
    final Cpu cpu;
    private long nextTable = TABLES;

    PagingBench(Vendor vendor, RetentionPolicy policy, int physicalBits, Set<Feature> absent) {
        memory = new PhysicalMemory(physicalBits);
        memory.mapRam(0, 64 << 20);
        cpu = TestCpu.silicon(vendor, memory, policy, physicalBits, absent);
    }

    static PagingBench intel(String policy) {
        return new PagingBench(Vendor.INTEL, RetentionPolicy.parse("--tlb", policy), 40, Set.of());
    }

    long newTable() {
        long table = nextTable;
        nextTable += 0x1000;
        return table;
    }

    /** Turns paging on with the given bits beside PE and PG, and an empty root table. */
    void paging(long cr0, long cr4, long efer) {
        cpu.cr3 = newTable();
        cpu.efer = efer;
        cpu.cr4 = cr4;
        cpu.cr0 = Cpu.CR0_PE | Cpu.CR0_PG | Cpu.CR0_ET | cr0;
        cpu.codeSize = (efer & Cpu.EFER_LMA) != 0 ? 64 : 32;
        cpu.mem.port().control().invalidateAll();
    }

    /** Sets CR0 as an instruction would. */
    void setCr0(long value) {
        long old = cpu.cr0;
        cpu.cr0 = value;
        control().cr0Written(old);
    }

    void setCr4(long value) {
        long old = cpu.cr4;
        cpu.cr4 = value;
        control().cr4Written(old);
    }

    void setEfer(long value) {
        long old = cpu.efer;
        cpu.efer = value;
        control().eferWritten(old);
    }

    void setCr3(long value, boolean keep) {
        long old = cpu.cr3;
        cpu.cr3 = value;
        control().cr3Written(old, keep);
    }

    void setCpl(int cpl) {
        cpu.cpl = cpl;
        cpu.mem.port().contextChanged();
    }

    TranslationControl control() {
        return cpu.mem.port().control();
    }

    /** Makes the 64-bit entries for {@code linear} from level {@code top} down to {@code level}; gives the leaf's address. */
    long map(int top, int level, long linear, long leaf, long tableFlags) {
        long table = cpu.cr3 & 0xf_ffff_ffff_f000L;
        for (int at = top; at > level; at--) {
            long entry = entry(table, at, linear);
            long value = memory.read(entry, 8);
            if ((value & P) == 0) {
                value = newTable();
            }
            memory.write(entry, 8, value | tableFlags);
            table = value & 0xf_ffff_ffff_f000L;
        }
        long entry = entry(table, level, linear);
        memory.write(entry, 8, leaf);
        return entry;
    }

    static long entry(long table, int level, long linear) {
        return table + (linear >>> (12 + 9 * (level - 1)) & 511) * 8;
    }

    long load(long linear) {
        return cpu.mem.load64(linear, Reg.DS);
    }

    void store(long linear, long value) {
        cpu.mem.store64(linear, Reg.DS, value);
    }

    /** Runs the access and gives the #PF error code, or -1 if it was permitted. */
    int faultOf(Runnable access) {
        try {
            access.run();
            return -1;
        } catch (GuestFault fault) {
            if (fault.vector != Vector.PF) {
                throw new AssertionError("vector " + fault.vector);
            }
            return (int) fault.errorCode;
        }
    }
}

package nestbox.x86.testing;

import java.util.Set;
import nestbox.mmu.memory.PhysicalMemory;
import nestbox.mmu.tlb.RetentionPolicy;
import nestbox.x86.Cpu;
import nestbox.x86.Platform;
import nestbox.x86.Reg;
import nestbox.x86.mem.SiliconPort;
import nestbox.x86.model.CpuFeatures;
import nestbox.x86.model.Feature;
import nestbox.x86.model.Vendor;

/** Processors for unit tests: every feature, flat memory of {@value #MEMORY} bytes from address 0, a mode without paging. */
public final class TestCpu {
    public static final int MEMORY = 1 << 20;

    private static final int CODE = 0x9b;
    private static final int DATA = 0x93;

    private TestCpu() {}

    /** A processor in 64-bit mode at CPL 0. */
    public static Cpu mode64() {
        Cpu cpu = create(Vendor.AMD);
        cpu.cr0 = Cpu.CR0_PE | Cpu.CR0_PG | Cpu.CR0_ET;
        cpu.cr4 = Cpu.CR4_PAE;
        cpu.efer = Cpu.EFER_LME | Cpu.EFER_LMA;
        segments(cpu, 0xffffffffL, CODE | Cpu.RIGHTS_L | Cpu.RIGHTS_G, DATA | Cpu.RIGHTS_DB | Cpu.RIGHTS_G);
        return cpu;
    }

    /** A processor in 32-bit protected mode at CPL 0 with flat segments. */
    public static Cpu mode32() {
        Cpu cpu = create(Vendor.AMD);
        cpu.cr0 = Cpu.CR0_PE | Cpu.CR0_ET;
        segments(cpu, 0xffffffffL, CODE | Cpu.RIGHTS_DB | Cpu.RIGHTS_G, DATA | Cpu.RIGHTS_DB | Cpu.RIGHTS_G);
        return cpu;
    }

    /** A processor in real mode; all segment bases are 0. */
    public static Cpu mode16() {
        Cpu cpu = create(Vendor.AMD);
        cpu.cr0 = Cpu.CR0_ET;
        segments(cpu, 0xffff, DATA, DATA);
        return cpu;
    }

    private static void segments(Cpu cpu, long limit, int code, int data) {
        for (int seg = Reg.ES; seg <= Reg.GS; seg++) {
            cpu.limit[seg] = limit;
            cpu.rights[seg] = seg == Reg.CS ? code : data;
        }
        cpu.updateMode();
    }

    private static Cpu create(Vendor vendor) {
        PhysicalMemory memory = new PhysicalMemory(36);
        memory.mapRam(0, MEMORY);
        CpuFeatures features = new AlmostEveryFeature(vendor, 36, Set.of());
        return new Cpu(0, features, new NoPlatform(), memory, cpu -> new FlatPort(cpu, memory), 1);
    }

    /** A processor in real mode behind the silicon's port, with every feature that is not {@code absent}. */
    public static Cpu silicon(
            Vendor vendor, PhysicalMemory memory, RetentionPolicy policy, int physicalBits, Set<Feature> absent) {
        return silicon(new AlmostEveryFeature(vendor, physicalBits, absent), memory, policy);
    }

    /** A processor of that model in real mode behind the silicon's port. */
    public static Cpu silicon(CpuFeatures features, PhysicalMemory memory, RetentionPolicy policy) {
        Cpu cpu = new Cpu(0, features, new NoPlatform(), memory, c -> new SiliconPort(c, memory, policy), 1);
        cpu.cr0 = Cpu.CR0_ET;
        segments(cpu, 0xffff, DATA, DATA);
        return cpu;
    }

    /** Has every feature of the list but some. */
    private record AlmostEveryFeature(Vendor vendor, int physicalBits, Set<Feature> absent) implements CpuFeatures {
        @Override
        public boolean has(Feature feature) {
            return !absent.contains(feature);
        }

        @Override
        public int linearBits() {
            return 57;
        }

        @Override
        public int[] cpuid(int leaf, int subleaf) {
            return new int[4];
        }

        @Override
        public long msr(int index, long otherwise) {
            return otherwise;
        }
    }

    /** An empty board: ports read as ones. */
    private static final class NoPlatform implements Platform {
        @Override
        public long portIn(int port, int bytes) {
            return bytes == 8 ? -1 : (1L << 8 * bytes) - 1;
        }

        @Override
        public void portOut(int port, int bytes, long value) {
            // Nobody listens.
        }

        @Override
        public long now() {
            return 0;
        }

        @Override
        public void shutdown(Cpu cpu) {
            throw new AssertionError("shutdown");
        }
    }
}

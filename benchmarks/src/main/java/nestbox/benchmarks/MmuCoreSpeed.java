package nestbox.benchmarks;

import java.lang.management.ManagementFactory;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;
import java.util.function.LongFunction;
import nestbox.core.trace.Trace;
import nestbox.mmu.core.FaultAddress;
import nestbox.mmu.core.FramePool;
import nestbox.mmu.core.Gpa;
import nestbox.mmu.core.GuestContext;
import nestbox.mmu.core.GuestModel;
import nestbox.mmu.core.Gva;
import nestbox.mmu.core.MmuConfig;
import nestbox.mmu.core.MmuVcpu;
import nestbox.mmu.core.MmuVm;
import nestbox.mmu.core.PfError;
import nestbox.mmu.core.Request;
import nestbox.mmu.core.Requests;
import nestbox.mmu.core.Slot;
import nestbox.mmu.memory.PhysicalMemory;

/** What the MMU core's faults cost by themselves, without the exit around them: nanoseconds of CPU time, best of several. */
public final class MmuCoreSpeed {
    private static final int HOST_BITS = 46;
    private static final long POOL = 0x1000_0000L;
    private static final long POOL_BYTES = 64 << 20;
    private static final long BACKING = 0x1_0020_0000L;
    private static final long RAM = 256 << 20;
    private static final int PAGES = (int) (RAM >>> 12);
    private static final long TABLES = 0x10_0000;
    private static final int STRIDE = 40503;
    private static final long DEVICE = 0x4000_0000L;
    private static final int MMIO = 1 << 20;
    private static final int ROUNDS = 12;

    private MmuCoreSpeed() {}

    /** A guest in 64-bit mode that asks for nothing but pages. */
    private static final class Guest implements GuestContext, Requests {
        private final Set<Request> raised = EnumSet.noneOf(Request.class);

        @Override
        public void raise(Request request) {
            raised.add(request);
        }

        @Override
        public boolean isRaised(Request request) {
            return raised.contains(request);
        }

        @Override
        public void clear(Request request) {
            raised.remove(request);
        }

        @Override
        public long cr0() {
            return 0x8001_0001L;
        }

        @Override
        public long cr3() {
            return 0x1000;
        }

        @Override
        public long cr4() {
            return 1 << 5;
        }

        @Override
        public long efer() {
            return 0xd00;
        }

        @Override
        public long pdpte(int index) {
            return 0;
        }

        @Override
        public boolean ac() {
            return false;
        }

        @Override
        public int cpl() {
            return 0;
        }

        @Override
        public long pkru() {
            return 0;
        }

        @Override
        public long pkrs() {
            return 0;
        }

        @Override
        public boolean guestMode() {
            return false;
        }

        @Override
        public boolean smm() {
            return false;
        }

        @Override
        public boolean nestedTdp() {
            return false;
        }

        @Override
        public long nestedRoot() {
            return 0;
        }

        @Override
        public long hostCr4() {
            return 0;
        }

        @Override
        public long hostEfer() {
            return 0;
        }

        @Override
        public boolean eventReinjected() {
            return false;
        }

        @Override
        public long rip() {
            return 0;
        }
    }

    private static MmuVcpu vcpu(MmuConfig config) {
        PhysicalMemory memory = new PhysicalMemory(HOST_BITS);
        memory.mapRam(POOL, POOL_BYTES);
        memory.mapRam(BACKING, RAM);
        MmuConfig small =
                config.toBuilder().largePages(false).gigabytePages(false).build();
        MmuVm vm = new MmuVm(small, new FramePool(memory, POOL, POOL_BYTES), Trace.off());
        vm.slots().set(0, Slot.ram(0, 0, RAM, BACKING)).request();
        memory.write(BACKING + 0x1000, 8, 0x2007);
        memory.write(BACKING + 0x2000, 8, 0x3007);
        for (int page = 0; page < PAGES; page++) {
            memory.write(BACKING + 0x3000 + 8 * (page >>> 9), 8, TABLES + 0x1000L * (page >>> 9) | 7);
            memory.write(BACKING + TABLES + 8L * page, 8, (long) page << 12 | 7);
        }
        Guest guest = new Guest();
        MmuVcpu vcpu = new MmuVcpu(vm, guest, GuestModel.intel(HOST_BITS), guest);
        vcpu.initMmu();
        vcpu.reload();
        return vcpu;
    }

    private static double time(MmuVcpu vcpu, int count, long errorCode, LongFunction<FaultAddress> address) {
        long start = cpuTime();
        for (int i = 0; i < count; i++) {
            vcpu.pageFault(address.apply(i), errorCode);
        }
        return (double) (cpuTime() - start) / count;
    }

    /** CPU time, so that other load on the host shows little. */
    private static long cpuTime() {
        return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    }

    private static long shuffled(long i) {
        return i * STRIDE % PAGES << 12;
    }

    public static void main(String[] args) {
        report("TDP fault", MmuConfig.ept(HOST_BITS), PfError.WRITE, PAGES, i -> new Gpa(shuffled(i)));
        report("shadow fault", MmuConfig.shadow(HOST_BITS), PfError.WRITE, PAGES, i -> new Gva(shuffled(i)));
        FaultAddress[] devices = {new Gpa(DEVICE), new Gpa(DEVICE + 4096)};
        // The cache holds one page: with two by turns each fault reads the tables.
        report("MMIO, no slot", MmuConfig.ept(HOST_BITS), PfError.USER, MMIO, i -> devices[(int) i & 1]);
        double walk =
                report("MMIO, SPTE walk", MmuConfig.ept(HOST_BITS), PfError.RSVD, MMIO, i -> devices[(int) i & 1]);
        double hit = report("MMIO, cache hit", MmuConfig.ept(HOST_BITS), PfError.RSVD, MMIO, i -> devices[0]);
        System.out.printf(Locale.ROOT, "%-20s %7.1f times the cache hit%n", "MMIO, SPTE walk", walk / hit);
    }

    /** The best of some rounds, each with an MMU of its own, in nanoseconds; one that is there serves no fault of memory twice. */
    private static double report(
            String name, MmuConfig config, long errorCode, int count, LongFunction<FaultAddress> address) {
        double best = Double.MAX_VALUE;
        for (int round = 0; round < ROUNDS; round++) {
            MmuVcpu vcpu = vcpu(config);
            if (errorCode == PfError.RSVD) {
                vcpu.pageFault(new Gpa(DEVICE), PfError.USER);
                vcpu.pageFault(new Gpa(DEVICE + 4096), PfError.USER);
            }
            best = Math.min(best, time(vcpu, count, errorCode, address));
        }
        System.out.printf(Locale.ROOT, "%-20s %7.0f ns%n", name, best);
        return best;
    }
}

package nestbox.benchmarks;

import com.google.inject.Module;
import com.google.inject.multibindings.OptionalBinder;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import nestbox.l0.EntryStepRow;
import nestbox.l0.HostProcessor;
import nestbox.l0.Hypervisor;
import nestbox.l0.L0Config;
import nestbox.l0.Vcpu;
import nestbox.l0.VendorBackend;
import nestbox.l0.VendorBackendFactory;
import nestbox.machine.load.ImageFile;
import nestbox.mmu.core.MmuConfig;
import nestbox.modules.L0Mode;
import nestbox.modules.Nestbox;
import nestbox.modules.NestboxConfiguration;
import nestbox.svm.l0.SvmBackendFactory;
import nestbox.vmx.l0.VmxBackendFactory;

/**
 * What L0 costs: code that does not exit against bare silicon, exits, page faults with their exits, and L0's memory for a mapped
 * page. Medians of five in CPU time of the thread, bare silicon and L0 by turns, so that other load on the host shows little.
 */
public final class L0Speed {
    private static final int RUNS = 5;
    private static final long WARM_UP = 60_000_000;
    private static final long INSTRUCTIONS = 100_000_000;
    private static final String[] MODELS = {"Skylake-Server,+vmx", "EPYC-Milan,+svm"};
    private static final long MEMORY = 1L << 30;
    /** Instructions of the loop on CPUID, and of the loop that touches pages. */
    private static final int EXIT_LOOP = 2;

    private static final long EXITS = 500_000;

    private static final int TOUCH_LOOP = 4;
    private static final int FIRST_PAGE = 0x1000000 >>> 12;
    private static final int PAGES = (int) (MEMORY >>> 12) - FIRST_PAGE;
    private static final int PAGE = 4096;
    /** Memory is measured when this part of the pages is mapped: one in so many. */
    private static final int[] PARTS = {16, 4, 1};

    /** touch.asm says here that it begins. */
    private static final long MAPPED = 0x200000;

    private static final int LITTLE = 500;

    private L0Speed() {}

    public static void main(String[] arguments) {
        straight("mixed loop", Guests.mixed());
        straight("large code", Guests.large());
        for (String model : MODELS) {
            exits(model);
            for (L0Mode mode : new L0Mode[] {L0Mode.TDP, L0Mode.SHADOW}) {
                faults(model, mode);
            }
        }
    }

    private static void straight(String name, ImageFile image) {
        for (String model : MODELS) {
            Nestbox[] labs = {
                started(model, L0Mode.NONE, image),
                started(model, L0Mode.TDP, image),
                started(model, L0Mode.SHADOW, image)
            };
            double[][] mips = new double[labs.length][RUNS];
            for (int run = 0; run < RUNS; run++) {
                for (int i = 0; i < labs.length; i++) {
                    mips[i][run] = INSTRUCTIONS * 1e3 / time(labs[i], INSTRUCTIONS);
                }
            }
            double bare = median(mips[0]);
            System.out.printf(
                    Locale.ROOT,
                    "%-12s %-20s bare %6.1f million instructions a second, tdp %.2f, shadow %.2f of it%n",
                    name,
                    model,
                    bare,
                    median(mips[1]) / bare,
                    median(mips[2]) / bare);
        }
    }

    private static void exits(String model) {
        Nestbox lab = wired(model, L0Mode.TDP);
        lab.load(Guests.image("exits", """
                work:
                    cpuid
                    jmp work
                """), "");
        double[] micros = new double[RUNS];
        time(lab, EXITS * EXIT_LOOP);
        for (int run = 0; run < RUNS; run++) {
            micros[run] = time(lab, EXITS * EXIT_LOOP) / 1e3 / EXITS;
        }
        System.out.printf(Locale.ROOT, "%-33s an exit for CPUID %6.2f us%n", model, median(micros));
    }

    /** Each page of the guest once, mapped by 4 KiB, less what it takes when all of them are mapped. */
    private static void faults(String model, L0Mode mode) {
        double[] micros = new double[RUNS];
        StringBuilder bytes = new StringBuilder();
        for (int run = 0; run < RUNS; run++) {
            Nestbox lab = wired(model, mode, smallPages(model));
            lab.load(Guests.image("touch", Guests.read("touch.asm")), "");
            while (lab.machine().memory().read(MAPPED, 8) == 0) {
                lab.run(LITTLE);
            }
            for (long page = FIRST_PAGE; page < FIRST_PAGE + PAGES; page++) {
                // The guest's own memory is not L0's.
                lab.machine().memory().write(page * PAGE, 8, 1);
            }
            long before = usedHeap();
            int frames = hypervisor(lab).host().frames().used();
            long faulting = 0;
            int mapped = 0;
            bytes.setLength(0);
            for (int part : PARTS) {
                faulting += time(lab, (long) (PAGES / part - mapped) * TOUCH_LOOP);
                mapped = PAGES / part;
                int tables = hypervisor(lab).host().frames().used() - frames;
                double each = (double) (usedHeap() - before - (long) tables * PAGE) / mapped;
                bytes.append(String.format(Locale.ROOT, ", %,d: %.1f", mapped, each));
            }
            long again = time(lab, (long) PAGES * TOUCH_LOOP);
            micros[run] = (faulting - again) / 1e3 / PAGES;
        }
        System.out.printf(
                Locale.ROOT,
                "%-24s %-8s a page fault %8.2f us; mapped pages and bytes for each besides the tables%s%n",
                model,
                mode,
                median(micros),
                bytes);
    }

    /** L0 maps nothing by large pages. */
    private static Module smallPages(String model) {
        VendorBackendFactory whole = model.startsWith("EPYC") ? new SvmBackendFactory() : new VmxBackendFactory();
        VendorBackendFactory small = new VendorBackendFactory() {
            @Override
            public MmuConfig mmu(L0Config config) {
                return whole.mmu(config).toBuilder()
                        .largePages(false)
                        .gigabytePages(false)
                        .build();
            }

            @Override
            public VendorBackend create(Vcpu vcpu, HostProcessor host) {
                return whole.create(vcpu, host);
            }

            @Override
            public Set<String> ownChecks() {
                return whole.ownChecks();
            }

            @Override
            public List<? extends EntryStepRow> entrySteps() {
                return whole.entrySteps();
            }
        };
        return binder -> OptionalBinder.newOptionalBinder(binder, VendorBackendFactory.class)
                .setBinding()
                .toInstance(small);
    }

    private static Hypervisor hypervisor(Nestbox lab) {
        return lab.hypervisor().orElseThrow();
    }

    private static Nestbox started(String model, L0Mode mode, ImageFile image) {
        Nestbox lab = wired(model, mode);
        lab.load(image, "");
        lab.run(WARM_UP);
        return lab;
    }

    private static Nestbox wired(String model, L0Mode mode, Module... more) {
        NestboxConfiguration configuration = NestboxConfiguration.bareSilicon().toBuilder()
                .cpu(model)
                .l0(mode)
                .tlb("lru:2048")
                .memoryBytes(MEMORY)
                .build();
        return Nestbox.create(configuration, more);
    }

    private static long time(Nestbox lab, long instructions) {
        long start = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
        lab.run(instructions);
        return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - start;
    }

    private static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return sorted[sorted.length / 2];
    }

    private static long usedHeap() {
        System.gc();
        return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
    }
}

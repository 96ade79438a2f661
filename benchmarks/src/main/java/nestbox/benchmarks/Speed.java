package nestbox.benchmarks;

import java.io.OutputStream;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import nestbox.machine.Machine;
import nestbox.machine.MachineConfig;
import nestbox.machine.load.ImageFile;
import nestbox.x86.model.CpuModel;

/**
 * Whole-machine figures, each the median of five after a warm-up: guest instructions a second on a hot loop and on large code,
 * heap allocated an instruction, and heap an idle machine. Run it on an idle host.
 */
public final class Speed {
    private static final int RUNS = 5;
    private static final long WARM_UP = 60_000_000;
    private static final long INSTRUCTIONS = 200_000_000;
    private static final int IDLE_MACHINES = 20;

    private Speed() {}

    public static void main(String[] arguments) {
        String os = System.getProperty("os.name") + " " + System.getProperty("os.arch");
        System.out.printf(
                "JDK %s, %s, %d processors%n",
                Runtime.version(), os, Runtime.getRuntime().availableProcessors());
        speed("mixed integer/memory/branch/call loop", Guests.mixed());
        speed("large code: 256 functions, 1,536 blocks", Guests.large());
        idle();
    }

    private static void speed(String name, ImageFile guest) {
        Machine machine = machine();
        machine.load(guest, "", List.of());
        machine.run(WARM_UP);
        double[] mips = new double[RUNS];
        long allocated = allocatedBytes();
        for (int i = 0; i < RUNS; i++) {
            long before = machine.retired();
            long start = System.nanoTime();
            machine.run(INSTRUCTIONS);
            mips[i] = (machine.retired() - before) * 1e3 / (System.nanoTime() - start);
        }
        allocated = allocatedBytes() - allocated;
        Arrays.sort(mips);
        System.out.printf(
                "%-42s %8.1f million instructions a second (%.1f to %.1f)%n",
                name, mips[RUNS / 2], mips[0], mips[RUNS - 1]);
        System.out.printf(
                "%-42s %8.6f bytes an instruction%n", "  heap allocated", (double) allocated / RUNS / INSTRUCTIONS);
    }

    private static void idle() {
        List<Machine> machines = new ArrayList<>();
        machines.add(idleMachine());
        long before = usedHeap();
        for (int i = 0; i < IDLE_MACHINES; i++) {
            machines.add(idleMachine());
        }
        double each = (usedHeap() - before) / (double) IDLE_MACHINES / (1 << 20);
        System.out.printf(
                "%-42s %8.2f MiB of heap (of %d)%n", "each further idle machine of 1 GiB", each, machines.size());
    }

    private static Machine idleMachine() {
        Machine machine = machine();
        machine.load(Guests.idle(), "", List.of());
        machine.run(1_000_000);
        return machine;
    }

    private static Machine machine() {
        MachineConfig config = MachineConfig.builder(CpuModel.parse("max"))
                .memoryBytes(1L << 30)
                .serial(OutputStream.nullOutputStream())
                .build();
        return new Machine(config);
    }

    private static long usedHeap() {

        System.gc();
        return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
    }

    private static long allocatedBytes() {
        return ((com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean()).getCurrentThreadAllocatedBytes();
    }
}

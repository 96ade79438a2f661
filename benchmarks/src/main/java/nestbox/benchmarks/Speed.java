package nestbox.benchmarks;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;
import nestbox.machine.Machine;
import nestbox.machine.MachineConfig;
import nestbox.machine.load.ImageFile;
import nestbox.x86.model.CpuModel;

/**
 * Whole-machine figures, each the median of five after a warm-up: guest instructions a second on a hot loop and on large code,
 * heap allocated an instruction, round trips between L2 and L1, two-dimensional walks, heap an idle machine, and the time from
 * launch to the guest's first instruction. Run it on an idle host, in the checkout's directory.
 */
public final class Speed {
    private static final int RUNS = 5;
    private static final long WARM_UP = 60_000_000;
    private static final long INSTRUCTIONS = 200_000_000;
    private static final long OPERATIONS_WARM_UP = 3_000_000;
    private static final long OPERATIONS = 1_000_000;
    private static final int IDLE_MACHINES = 20;
    /** Million nested round trips a second that there have to be. */
    private static final double NESTED = 0.1;

    private Speed() {}

    public static void main(String[] arguments) {
        String os = System.getProperty("os.name") + " " + System.getProperty("os.arch");
        System.out.printf(
                "JDK %s, %s, %d processors%n",
                Runtime.version(), os, Runtime.getRuntime().availableProcessors());
        speed("mixed integer/memory/branch/call loop", Guests.mixed());
        speed("large code: 256 functions, 1,536 blocks", Guests.large());
        ratio(
                operations("VM exit and VMRESUME under EPT", Hypervisors.Guest.VMX_ROUND_TRIP),
                Bochs.roundTrips(Hypervisors.Guest.VMX_ROUND_TRIP, "corei7_skylake_x"));
        ratio(
                operations("VMRUN and #VMEXIT under nested paging", Hypervisors.Guest.SVM_ROUND_TRIP),
                Bochs.roundTrips(Hypervisors.Guest.SVM_ROUND_TRIP, "ryzen"));
        nested("  VMX, to L1 and back under L0", Hypervisors.Guest.VMX_ROUND_TRIP);
        nested("  SVM, to L1 and back under L0", Hypervisors.Guest.SVM_ROUND_TRIP);
        operations("two-dimensional walks on a miss", Hypervisors.Guest.WALKS);
        idle();
        launch();
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

    private static void ratio(double millions, OptionalDouble bochs) {
        if (bochs.isPresent()) {
            double theirs = bochs.getAsDouble();
            System.out.printf("%-42s %8.2f times bochs' %.2f million a second%n", "", millions / theirs, theirs);
        } else {
            System.out.printf("%-42s there is no bochs to compare with%n", "");
        }
    }

    private static void nested(String name, Hypervisors.Guest guest) {
        double millions = operations(name, guest, Hypervisors.startedUnderL0(guest));
        System.out.printf("%-42s %8.2f times the %.2f million asked for%n", "", millions / NESTED, NESTED);
    }

    private static double operations(String name, Hypervisors.Guest guest) {
        return operations(name, guest, Hypervisors.started(guest));
    }

    private static double operations(String name, Hypervisors.Guest guest, Machine machine) {
        machine.run(OPERATIONS_WARM_UP * guest.instructions());
        double[] millions = new double[RUNS];
        for (int i = 0; i < RUNS; i++) {
            long exits = Hypervisors.exits(machine);
            long start = System.nanoTime();
            machine.run(OPERATIONS * guest.instructions());
            long nanos = System.nanoTime() - start;
            long done = guest == Hypervisors.Guest.WALKS ? OPERATIONS : Hypervisors.exits(machine) - exits;
            millions[i] = done * 1e3 / nanos;
        }
        Arrays.sort(millions);
        System.out.printf(
                "%-42s %8.2f million a second (%.2f to %.2f)%n",
                name, millions[RUNS / 2], millions[0], millions[RUNS - 1]);
        return millions[RUNS / 2];
    }

    /** From the start of the launcher's process to the first thing that the guest does: it writes a line to its serial port. */
    private static void launch() {
        double[] seconds = new double[RUNS];
        try {
            Path image = Files.createTempFile("first", ".bin");
            Files.write(image, Guests.first().bytes());
            for (int i = -1; i < RUNS; i++) {
                long start = System.nanoTime();
                Process process = new ProcessBuilder("./nestbox", "run", image.toString())
                        .redirectError(ProcessBuilder.Redirect.DISCARD)
                        .start();
                int first = process.getInputStream().read();
                double took = (System.nanoTime() - start) / 1e9;
                process.waitFor();
                if (first < 0) {
                    throw new IllegalStateException("./nestbox failed");
                }
                if (i >= 0) {
                    seconds[i] = took;
                }
            }
            Files.delete(image);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return;
        }
        Arrays.sort(seconds);
        System.out.printf(
                "%-42s %8.2f seconds (%.2f to %.2f)%n",
                "launch to the guest's first instructions", seconds[RUNS / 2], seconds[0], seconds[RUNS - 1]);
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

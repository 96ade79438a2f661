package nestbox.cli;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.util.Map;
import nestbox.l0.Hypervisor;
import nestbox.machine.load.ImageFile;

/** The demo's first part: an L1 hypervisor with two L2 guests, on bare silicon and under L0, with an account of who did what. */
final class NestedDemo {
    private final PrintStream out;

    NestedDemo(PrintStream out) {
        this.out = out;
    }

    /** Runs L1 on bare silicon and under L0; true if it printed the same. */
    boolean run(ImageFile image) {
        String bare = run(image, "none");
        out.println("An L1 hypervisor of " + image.length()
                + " bytes, assembled just now, runs two L2 guests. On the bare silicon it prints:");
        out.print(bare);
        out.println();
        return account(image, bare, "tdp");
    }

    private boolean account(ImageFile image, String bare, String l0) {
        GuestRun run = new GuestRun(settings(image, l0), new ByteArrayOutputStream(), System.err);
        run.execute();
        boolean same = run.output().equals(bare);
        out.printf(
                "Under L0 (--l0 %s), a hypervisor like KVM that runs L1 as its guest, it prints %s.%n",
                l0, same ? "the same, byte for byte" : "something else:\n" + run.output());
        Hypervisor hypervisor = run.hypervisor();
        out.printf("L0 saw %,d exits, from L1 and from L2:%n", hypervisor.counters().exits);
        for (Map.Entry<String, Long> entry : hypervisor.exitCounts().entrySet()) {
            out.printf("    %-20s %,6d   %s%n", entry.getKey(), entry.getValue(), meaning(entry.getKey()));
        }
        StringBuilder mmu = new StringBuilder("The MMU core:");
        hypervisor.mmu().counters().all().forEach((name, count) -> {
            if (count != 0) {
                mmu.append(' ').append(name).append('=').append(count);
            }
        });
        out.println(mmu);
        return same;
    }

    private static String meaning(String name) {
        return switch (name) {
            case "EPT_VIOLATION" -> "L0 filled EPT01 or EPT02, or L1 was told that EPT12 refuses";
            case "EPT_MISCONFIG" -> "devices of L1, emulated by L0";
            case "IO_INSTRUCTION" -> "L1's serial port, emulated by L0";
            case "VMREAD", "VMWRITE", "VMPTRLD", "VMCLEAR", "VMLAUNCH", "VMRESUME", "VMON", "VMOFF" ->
                "L1's own, emulated by L0 on vmcs12";
            case "EXTERNAL_INTERRUPT" -> "the host's own timer";
            case "CPUID", "VMCALL", "HLT" -> "L2's, reflected to L1";
            default -> "L1's, emulated by L0";
        };
    }

    private String run(ImageFile image, String l0) {
        GuestRun run = new GuestRun(settings(image, l0), new ByteArrayOutputStream(), System.err);
        run.execute();
        return run.output();
    }

    private static RunSettings settings(ImageFile image, String l0) {
        RunSettings settings = new RunSettings();
        settings.assembled = image;
        settings.cpu = "max,+vmx";
        settings.guestCpu = l0.equals("none") ? null : "max,+vmx";
        settings.l0 = l0;
        settings.summary = false;
        return settings;
    }
}

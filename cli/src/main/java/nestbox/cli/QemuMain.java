package nestbox.cli;

import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import nestbox.core.NestboxException;
import nestbox.x86.model.CpuModel;

/**
 * {@code nestbox-qemu}: Nestbox in place of {@code qemu-system-x86_64} for kvm-unit-tests. The error stream stays empty unless
 * something is wrong, because the runner takes any word there for a failure. Probes ({@code --help}, {@code -device ?}) are
 * answered by the launcher script.
 */
public final class QemuMain {
    private QemuMain() {}

    /** Runs the image and ends the process as QEMU would. */
    public static void main(String[] args) {
        System.exit(execute(args, System.getenv("NESTBOX_OPTIONS"), Streams.standardOutput(), System.err));
    }

    static int execute(String[] args, String more, OutputStream out, PrintStream err) {
        try {
            RunSettings settings = QemuArguments.parse(args, more);
            CpuModel.parse(settings.cpu);
            if (!Files.isReadable(Path.of(settings.image))) {
                err.println("nestbox-qemu: could not open kernel file '" + settings.image + "'");
                return ExitCode.BAD_INPUT.code;
            }
            int code = new GuestRun(settings, out, err).execute();
            return code == ExitCode.RESET.code && !settings.reboot ? ExitCode.POWER_OFF.code : code;
        } catch (NestboxException e) {
            err.println("nestbox-qemu: " + e.getMessage());
            return ExitCode.BAD_INPUT.code;
        }
    }
}

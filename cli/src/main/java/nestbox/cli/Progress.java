package nestbox.cli;

import java.io.PrintStream;
import java.util.Locale;
import nestbox.core.Clock;
import nestbox.machine.Machine;

/** Shows on a terminal how far a run has come. Only looks at the machine, and does not mind looking a moment too early. */
final class Progress implements Runnable {
    private static final long FIRST_MILLIS = 2000;
    private static final long PERIOD_MILLIS = 500;

    private final Machine machine;
    private final PrintStream err;
    private final Thread thread = new Thread(this, "nestbox-progress");
    private boolean shown;

    private Progress(Machine machine, PrintStream err) {
        this.machine = machine;
        this.err = err;
    }

    static Progress start(Machine machine, PrintStream err) {
        Progress progress = new Progress(machine, err);
        progress.thread.setDaemon(true);
        progress.thread.start();
        return progress;
    }

    @Override
    public void run() {
        long start = System.nanoTime();
        try {
            Thread.sleep(FIRST_MILLIS);
            while (true) {
                double seconds = (System.nanoTime() - start) / 1e9;
                long retired = machine.retired();
                err.printf(
                        Locale.ROOT,
                        "\r\033[K%,d million instructions, %.3f s virtual, %.1f MIPS",
                        retired / 1_000_000,
                        (double) machine.now() / Clock.HZ,
                        retired / seconds / 1e6);
                err.flush();
                shown = true;
                Thread.sleep(PERIOD_MILLIS);
            }
        } catch (InterruptedException e) {
            if (shown) {
                err.print("\r\033[K");
                err.flush();
            }
        }
    }

    void stop() {
        thread.interrupt();
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}

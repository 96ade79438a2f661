package nestbox.machine.apic;

import java.util.ArrayList;
import java.util.List;
import nestbox.mmu.memory.MmioHandler;
import nestbox.mmu.memory.PhysicalMemory;

/**
 * The pages at which local APICs answer. Each processor sees its own APIC, and only where its IA32_APIC_BASE says; every other
 * access to such a page reaches what lies under it.
 */
public final class ApicWindows implements CpuApic.WindowListener {
    private static final long PAGE = 0x1000;

    /** The local APIC of the processor that is running, or null between turns. */
    @FunctionalInterface
    public interface Current {
        LocalApic apic();
    }

    private final class Window implements MmioHandler {
        private final long page;

        Window(long page) {
            this.page = page;
        }

        private LocalApic hit() {
            LocalApic apic = current.apic();
            return apic != null && apic.window() == page ? apic : null;
        }

        @Override
        public long read(long offset, int size) {
            LocalApic apic = hit();
            return apic != null ? apic.read(offset, size) : memory.readUnder(this, page + offset, size);
        }

        @Override
        public void write(long offset, int size, long value) {
            LocalApic apic = hit();
            if (apic != null) {
                apic.write(offset, size, value);
            } else {
                memory.writeUnder(this, page + offset, size, value);
            }
        }
    }

    private final PhysicalMemory memory;
    private final List<LocalApic> apics;
    private final Current current;
    private final List<Window> windows = new ArrayList<>();

    public ApicWindows(PhysicalMemory memory, List<LocalApic> apics, Current current) {
        this.memory = memory;
        this.apics = apics;
        this.current = current;
        open(LocalApic.DEFAULT_BASE);
    }

    @Override
    public void windowChanged() {
        for (LocalApic apic : apics) {
            long page = apic.window();
            if (page >= 0 && windows.stream().noneMatch(w -> w.page == page)) {
                open(page);
            }
        }
        List<Window> unused = windows.stream().filter(w -> !needed(w.page)).toList();
        for (Window window : unused) {
            memory.unmapMmio(window);
            windows.remove(window);
        }
    }

    private boolean needed(long page) {
        return page == LocalApic.DEFAULT_BASE || apics.stream().anyMatch(apic -> apic.window() == page);
    }

    private void open(long page) {
        Window window = new Window(page);
        windows.add(window);
        memory.mapMmio(page, PAGE, window);
    }
}

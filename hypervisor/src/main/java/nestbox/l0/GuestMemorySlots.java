package nestbox.l0;

import java.util.ArrayList;
import java.util.List;
import nestbox.mmu.core.MemorySlots;
import nestbox.mmu.core.Slot;
import nestbox.mmu.memory.PhysicalMemory;

/**
 * Keeps the memory slots of a virtual machine equal to the layout of its board's memory, as userspace does for KVM: RAM and ROM
 * (read-only) are slots, everything else is MMIO.
 */
final class GuestMemorySlots {
    private final PhysicalMemory guest;
    private final HostMemory host;
    private final MemorySlots slots;
    private final List<Slot> installed = new ArrayList<>();
    private int nextId;

    private GuestMemorySlots(PhysicalMemory guest, HostMemory host, MemorySlots slots) {
        this.guest = guest;
        this.host = host;
        this.slots = slots;
    }

    static void install(PhysicalMemory guest, HostMemory host, MemorySlots slots) {
        GuestMemorySlots keeper = new GuestMemorySlots(guest, host, slots);
        host.back(guest);
        guest.addLayoutListener(keeper::follow);
        keeper.follow();
    }

    private void follow() {
        List<Slot> wanted = new ArrayList<>();
        guest.visitLayout((start, end, kind) -> {
            if (kind == PhysicalMemory.Kind.RAM || kind == PhysicalMemory.Kind.ROM) {
                wanted.add(slot(start, end, kind == PhysicalMemory.Kind.ROM));
            }
        });
        for (Slot old : List.copyOf(installed)) {
            if (wanted.stream().noneMatch(slot -> same(slot, old))) {
                for (int space = 0; space < 2; space++) {
                    slots.delete(space, old.id()).request();
                }
                installed.remove(old);
            }
        }
        for (Slot slot : wanted) {
            if (installed.stream().noneMatch(old -> same(slot, old))) {
                for (int space = 0; space < 2; space++) {
                    slots.set(space, slot).request();
                }
                installed.add(slot);
            }
        }
    }

    private Slot slot(long start, long end, boolean readOnly) {
        return Slot.ram(nextId++, start, end - start, host.guestOffset() + start)
                .withReadOnly(readOnly);
    }

    private static boolean same(Slot a, Slot b) {
        return a.baseGfn() == b.baseGfn()
                && a.pages() == b.pages()
                && a.hpaBase() == b.hpaBase()
                && a.readOnly() == b.readOnly();
    }
}

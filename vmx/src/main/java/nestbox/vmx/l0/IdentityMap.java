package nestbox.vmx.l0;

import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.Stateful;
import nestbox.l0.Hypervisor;
import nestbox.mmu.core.HostFrames;
import nestbox.mmu.core.Slot;

/**
 * A page directory that maps the first 4 GiB to themselves: what a guest without paging runs on where the silicon has EPT but no
 * unrestricted guest. It lies in the guest's physical memory, in a slot of its own, where QEMU has KVM put it.
 */
final class IdentityMap implements Stateful {
    static final long ADDRESS = 0xfeffc000L;
    private static final int SLOT = Integer.MAX_VALUE;
    private static final int ADDRESS_SPACES = 2;
    private static final int BYTES = 4096;
    /** Present, writable, user, accessed, dirty, 4 MiB. */
    private static final long ENTRY = 0xe7;

    private final HostFrames frames;
    private final long page;

    /** Makes the page part of the guest's memory. */
    IdentityMap(Hypervisor hypervisor) {
        frames = hypervisor.host().frames();
        page = frames.allocate();
        for (int at = 0; at < BYTES; at += 4) {
            frames.write(page + at, 4, (long) at << 20 | ENTRY);
        }
        for (int space = 0; space < ADDRESS_SPACES; space++) {
            hypervisor
                    .mmu()
                    .slots()
                    .set(space, Slot.ram(SLOT, ADDRESS, BYTES, page))
                    .request();
        }
    }

    /** The guest can write to the page. */
    @Override
    public void save(StateWriter out) {
        for (int at = 0; at < BYTES; at += 8) {
            out.writeLong(frames.read64(page + at));
        }
    }

    @Override
    public void restore(StateReader in) {
        for (int at = 0; at < BYTES; at += 8) {
            frames.write64(page + at, in.readLong());
        }
    }
}

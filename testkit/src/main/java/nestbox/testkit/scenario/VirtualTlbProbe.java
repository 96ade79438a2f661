package nestbox.testkit.scenario;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import nestbox.l0.Vcpu;
import nestbox.mmu.core.CachedRoot;
import nestbox.mmu.core.Gva;
import nestbox.modules.Nestbox;
import nestbox.x86.Cpu;

/**
 * Lai Jiangshan's invariant of the virtual TLB, which is the current root and, with CR4.PCIDE set, the cached roots: at the end of
 * each step what they say of address X is a translation that the guest's tables have had since the TLB was last flushed. (What the
 * hardware's own TLB holds is not looked at.)
 */
final class VirtualTlbProbe extends Probe {
    private static final long X = 0x4000_0000;
    private static final long FRAME = 0xf_ffff_ffff_f000L;
    private static final int LEVELS = 4;

    /** Frames that X has led to since the last flush, by the root of the guest's tables. */
    private final Map<Long, Set<Long>> permitted = new HashMap<>();

    private String observed = "";

    @Override
    void mark(int step, boolean flushed, Nestbox lab) {
        if (lab.hypervisor().isEmpty() || !observed.isEmpty()) {
            return;
        }
        Vcpu vcpu = lab.hypervisor().get().vcpus().get(0);
        Cpu guest = vcpu.guest();
        boolean cachedCount = (guest.cr4 & Cpu.CR4_PCIDE) != 0;
        if (flushed) {
            permitted.clear();
        }
        for (CachedRoot root : CachedRoot.of(vcpu.mmu(), new Gva(X))) {
            Set<Long> frames = permitted.computeIfAbsent(root.pgd() & FRAME, table -> new HashSet<>());
            frames.add(walk(guest, root.pgd()));
            if (root.gfn() >= 0 && (root.current() || cachedCount) && !frames.contains(root.gfn())) {
                observed = "stale@" + step;
            }
        }
    }

    private static long walk(Cpu guest, long cr3) {
        long table = cr3 & FRAME;
        for (int level = LEVELS; level > 0; level--) {
            long entry = guest.physical.read(table + 8 * (X >>> 12 + 9 * (level - 1) & 0x1ff), 8);
            if ((entry & 1) == 0) {
                return -1;
            }
            table = entry & FRAME;
        }
        return table >>> 12;
    }

    @Override
    String observed(Nestbox lab) {
        return observed;
    }
}

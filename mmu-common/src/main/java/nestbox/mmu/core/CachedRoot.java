package nestbox.mmu.core;

import java.util.ArrayList;
import java.util.List;

/**
 * A shadow root that a vCPU has, and what a walk from it says of one linear address, for those who check what L0 remembers.
 *
 * @param pgd the guest's CR3 that it stands for
 * @param current whether it is the one in use
 * @param guestMode its role is that of L2's tables
 * @param gfn frame that the address leads to, -1 if the tables below the root do not map it
 */
public record CachedRoot(long pgd, boolean current, boolean guestMode, long gfn) {
    /** The current root and the cached ones of the MMU that runs the guest, PAE roots left out. */
    public static List<CachedRoot> of(MmuVcpu vcpu, Gva address) {
        List<CachedRoot> found = new ArrayList<>();
        RootCache roots = vcpu.mmu().roots;
        add(found, vcpu, roots.current, true, address.value());
        for (RootCache.Root root : roots.previous) {
            add(found, vcpu, root, false, address.value());
        }
        return found;
    }

    private static void add(List<CachedRoot> to, MmuVcpu vcpu, RootCache.Root root, boolean current, long address) {
        if (root.page != null && !root.page.direct()) {
            to.add(new CachedRoot(
                    root.pgd, current, Role.has(root.page.role, Role.GUEST_MODE), vcpu.mapped(root.page, address)));
        }
    }
}

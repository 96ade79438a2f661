package nestbox.mmu.core;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** What must hold of the MMU core of a virtual machine between any two steps; for tests, which look at it from outside. */
public final class MmuInvariants {
    private MmuInvariants() {}

    /** What does not hold, a line each. */
    public static List<String> broken(MmuVm vm) {
        List<String> wrong = new ArrayList<>();
        if (vm.openInvalidations != 0) {
            wrong.add(vm.openInvalidations + " invalidations are not discharged");
        }
        List<ShadowPage> all = vm.pages.all();
        for (ShadowPage page : all) {
            check(vm, page, wrong);
            int roots = 0;
            for (MmuVcpu vcpu : vm.vcpus) {
                roots += vcpu.rootsOf(page);
            }
            if (roots != page.rootCount) {
                wrong.add(name(page) + " is a root " + roots + " times, and counts " + page.rootCount);
            }
        }
        for (int space = 0; space < MemorySlots.SPACES; space++) {
            for (MemorySlot slot : vm.slots().slots(space)) {
                for (int level = 1; level <= MemorySlot.LEVELS; level++) {
                    for (long gfn = slot.base; slot.hasLevel(level) && gfn < slot.end; gfn += 1L << 9 * (level - 1)) {
                        for (int handle : vm.pages.rmap.all(slot, level, gfn)) {
                            ShadowPage page = vm.pages.page(handle);
                            int index = ShadowPage.indexOf(handle);
                            if (page == null || !vm.pages.format.present(vm.pages.read(page, index))) {
                                wrong.add(
                                        "reverse map of gfn " + gfn + " names nothing: " + handle + " level " + level);
                            }
                        }
                    }
                }
            }
        }
        return wrong;
    }

    /**
     * Shadow pages that remain after every vCPU has dropped its roots and all pages have been zapped: they can never go. The
     * machine must not run on afterwards.
     */
    public static List<String> leaked(MmuVm vm) {
        for (MmuVcpu vcpu : vm.vcpus) {
            vcpu.unload();
        }
        vm.zapAllFast();
        return vm.pages.all().stream().map(page -> name(page) + " leaks").toList();
    }

    private static String name(ShadowPage page) {
        return "page " + page.id + " gfn " + Long.toHexString(page.gfn) + " role " + Integer.toHexString(page.role);
    }

    private static void check(MmuVm vm, ShadowPage page, List<String> wrong) {
        String name = name(page);
        SpteFormat format = vm.pages.format;
        int used = 0;
        for (int i = 0; i < ShadowPage.ENTRIES; i++) {
            long spte = vm.pages.read(page, i);
            used += spte != 0 ? 1 : 0;
            if (!format.present(spte)) {
                continue;
            }
            if (format.leaf(spte, page.level())) {
                long gfn = page.leafGfn(i);
                MemorySlot slot = vm.slots().find(Role.space(page.role), gfn);
                if (slot == null || slot.hpa(gfn) != format.frame(spte)) {
                    wrong.add(name + "[" + i + "] maps " + Long.toHexString(spte) + ", not gfn " + gfn);
                } else {
                    int handle = page.handle(i);
                    int[] all = vm.pages.rmap.all(slot, page.level(), gfn);
                    if (Arrays.stream(all).filter(h -> h == handle).count() != 1) {
                        wrong.add(name + "[" + i + "] is not once in the reverse map");
                    }
                    boolean tracked = vm.pages.tracking().isTracked(gfn);
                    if (tracked && format.writable(spte)) {
                        wrong.add(name + "[" + i + "] may write to a tracked frame");
                    }
                }
            } else {
                ShadowPage child = vm.pages.child(spte);
                if (child == null || child.level() != page.level() - 1) {
                    wrong.add(name + "[" + i + "] references no page");
                } else if ((child.unsync || child.unsyncChildren > 0) && page.nextUnsync(i) != i) {
                    wrong.add(name + "[" + i + "] does not know of what is unsync below");
                }
            }
        }
        if (used != page.used) {
            wrong.add(name + " has " + used + " entries, not " + page.used);
        }
    }
}

package nestbox.mmu.core;

import nestbox.mmu.paging.Access;
import nestbox.mmu.paging.Walker;

/** What a guest's addresses lead to when L0's emulator uses them: by the MMIO cache, or by the guest's own tables. */
final class EmulatorWalks {
    private static final int PDPTES = 4;

    private final MmuVcpu vcpu;
    private final MmuVm vm;
    private final MmioCache mmio;
    private final GuestWalk gvaWalk;
    private final GuestWalk ngpaWalk;

    EmulatorWalks(MmuVcpu vcpu, MmuVm vm, MmioCache mmio, GuestWalk gvaWalk, GuestWalk ngpaWalk) {
        this.vcpu = vcpu;
        this.vm = vm;
        this.mmio = mmio;
        this.gvaWalk = gvaWalk;
        this.ngpaWalk = ngpaWalk;
    }

    /**
     * Translates a linear address of the guest that runs, for the emulator; accessed and dirty flags are set.
     *
     * @param access {@link Access} bits
     */
    Translation linear(Gva address, int access) {
        long linear = address.value();
        if (mmio.matchesGva(linear) && mmioPermits(access)) {
            mmio.hit(linear);
            return new Translation.Mapped(new Gpa(mmio.gfn() << 12 | linear & 0xfff), true);
        }
        if (!gvaWalk.walk(linear, access)) {
            return gvaWalk.walker.outcome == Walker.STAGE_FAILED
                    ? new Translation.Refused(gvaWalk.refused)
                    : new Translation.PageFault(address, gvaWalk.errorCode(access));
        }
        long physical = gvaWalk.walker.physical;
        return vcpu.staged() ? nested(new Ngpa(physical), access) : mapped(physical);
    }

    /**
     * Where the MMIO cache says that a linear address leads, before any walk: the emulator's first look at an operand.
     *
     * @return the L1-physical address, or -1 if the cache does not match or does not permit the access
     */
    long mmioMatch(Gva address, int access) {
        long linear = address.value();
        if (!mmio.matchesGva(linear) || !mmioPermits(access)) {
            return -1;
        }
        mmio.hit(linear);
        return mmio.gfn() << 12 | linear & 0xfff;
    }

    /**
     * Whether the cached rights, which say nothing of fetches, permit an access; a write needs the dirty flag to be set, too, and
     * so the right itself.
     */
    private boolean mmioPermits(int access) {
        if ((access & Access.EXECUTE) != 0) {
            return false;
        }
        int rights = Access.READ | Access.EXECUTE | mmio.access();
        return !gvaWalk.denies(access, rights) && (access & ~rights & Access.WRITE) == 0;
    }

    /** Translates an L2-physical address through EPT12 or NPT12. */
    Translation nested(Ngpa address, int access) {
        int wanted = access & (Access.READ | Access.WRITE | Access.EXECUTE);
        if (!ngpaWalk.walk(address.value(), wanted)) {
            return new Translation.Refused(ngpaWalk.fault(address.value(), wanted, false, false));
        }
        return mapped(ngpaWalk.walker.physical);
    }

    private Translation mapped(long gpa) {
        return new Translation.Mapped(new Gpa(gpa), vcpu.isMmio(new Gpa(gpa)));
    }

    /**
     * Reads the four PDPTEs at {@code cr3} (load_pdptrs) by the rules of a model, through the guest's second stage if it has one.
     *
     * @return null if a present one has reserved bits set, or they lie outside memory
     */
    long[] readPdptes(long cr3, GuestModel model) {
        long at = cr3 & 0xffffffe0L;
        if (vcpu.staged()) {
            if (!ngpaWalk.walk(at, Access.READ | Access.WRITE)) {
                return null;
            }
            at = ngpaWalk.walker.physical;
        }
        long hpa = vm.slots().toHpa(vcpu.space(), at);
        if (hpa < 0) {
            return null;
        }
        long[] found = new long[PDPTES];
        for (int i = 0; i < PDPTES; i++) {
            found[i] = vm.frames.read64(hpa + 8 * i);
            if (gvaWalk.pdpteReserved(model, found[i])) {
                return null;
            }
        }
        return found;
    }
}

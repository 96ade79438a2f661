package nestbox.mmu.core;

/** Computes roles from registers (kvm_calc_cpu_role and its relatives). A cpu role is a page role and, above, more bits. */
final class Roles {
    private static final long VALID = 1L << 32;
    private static final long SMEP = 1L << 33;
    private static final long SMAP = 1L << 34;
    private static final long PKE = 1L << 35;
    private static final long LMA = 1L << 36;
    private static final long PSE = 1L << 37;

    private static final int ALL = Role.ALL_ACCESS << Role.ACCESS_SHIFT;

    private Roles() {}

    private static int common(GuestContext guest) {
        int role = ALL;
        role = Role.with(role, Role.SMM, guest.smm());
        return Role.with(role, Role.GUEST_MODE, guest.guestMode());
    }

    /** For the tables of the guest that runs. */
    static long ofGuest(GuestContext guest) {
        return of(guest, guest.cr0(), guest.cr4(), guest.efer());
    }

    /** For NPT12. */
    static long ofNpt(GuestContext guest, boolean guestMode) {
        long cr4 = guest.hostCr4() & ~(GuestWalk.CR4_PKE | GuestWalk.CR4_SMAP);
        long role = of(guest, GuestWalk.CR0_PG | GuestWalk.CR0_WP, cr4, guest.hostEfer());
        return guestMode ? role : role & ~Role.GUEST_MODE;
    }

    /** For EPT12. */
    static long ofEpt(GuestContext guest) {
        long eptp = guest.nestedRoot();
        int role = Role.withLevel(common(guest), (int) (eptp >>> 3 & 7) + 1);
        return VALID | Role.with(role, Role.NO_AD, (eptp & 1 << 6) == 0);
    }

    private static long of(GuestContext guest, long cr0, long cr4, long efer) {
        int role = common(guest);
        if ((cr0 & GuestWalk.CR0_PG) == 0) {
            return VALID | role | Role.DIRECT;
        }
        boolean longMode = (efer & GuestWalk.EFER_LMA) != 0;
        boolean wp = (cr0 & GuestWalk.CR0_WP) != 0;
        boolean smep = (cr4 & GuestWalk.CR4_SMEP) != 0;
        boolean smap = (cr4 & GuestWalk.CR4_SMAP) != 0;
        boolean pae = longMode || (cr4 & GuestWalk.CR4_PAE) != 0;
        role = Role.with(role, Role.NX, (efer & GuestWalk.EFER_NX) != 0);
        role = Role.with(role, Role.WP, wp);
        role = Role.with(role, Role.SMEP_NOT_WP, smep && !wp);
        role = Role.with(role, Role.SMAP_NOT_WP, smap && !wp);
        role = Role.with(role, Role.FOUR_BYTES, !pae);
        role = Role.with(role, Role.PSE, !pae && (cr4 & GuestWalk.CR4_PSE) != 0);
        role = Role.withLevel(role, longMode ? (cr4 & GuestWalk.CR4_LA57) != 0 ? 5 : 4 : pae ? 3 : 2);
        return VALID
                | role
                | (smep ? SMEP : 0)
                | (smap ? SMAP : 0)
                | (longMode && (cr4 & GuestWalk.CR4_PKE) != 0 ? PKE : 0)
                | (longMode ? LMA : 0)
                | ((cr4 & GuestWalk.CR4_PSE) != 0 ? PSE : 0);
    }

    /** The level of the guest's tables, 0 without paging. */
    static int level(long cpuRole) {
        return Role.level((int) cpuRole);
    }

    static boolean smep(long cpuRole) {
        return (cpuRole & SMEP) != 0;
    }

    /** Root role of a direct MMU over TDP. */
    static int direct(GuestContext guest, MmuConfig config) {
        int role = common(guest) | Role.DIRECT | Role.WP | Role.NX;
        role = Role.with(role, Role.NO_AD, config.format().ept() && !config.accessedDirty());
        return Role.withLevel(role, config.format().levels());
    }

    /** Root role of shadow paging. */
    static int shadow(long cpuRole, MmuPolicies policies, PolicyContext context) {
        int role = (int) cpuRole;
        role = Role.withLevel(role, Math.max(Role.level(role), 3));
        if (!policies.applies(MmuPolicy.SHADOW_PSE_IN_ROLE, context)) {
            role &= ~Role.PSE;
        }
        return policies.applies(MmuPolicy.SHADOW_NX_IN_ROLE, context) ? role : role | Role.NX;
    }

    /** Root role of the MMU that shadows EPT12 or NPT12. */
    static int nested(long cpuRole, MmuConfig config) {
        int role = (int) cpuRole;
        if (config.format().ept()) {
            return role;
        }
        int levels = config.format().levels();
        role = Role.with(role, Role.PASSTHROUGH, levels == 5 && Role.level(role) == 4);
        return Role.withLevel(role, levels);
    }
}

package nestbox.mmu.paging;

/**
 * Which access which rights permit, under one setting of the control bits (SDM Vol. 3, "Determination of Access Rights" and
 * "Protection Keys"). Rights are {@link Access#READ}, {@link Access#WRITE}, {@link Access#EXECUTE} and {@link Access#USER},
 * the AND over all entries of a translation, and {@link Access#SHADOW_STACK_PAGE}.
 */
public final class Permissions {
    private static final int ACCESSES = 64;
    private static final int RIGHTS = 32;

    private static final int SETTINGS = 16;
    private static final int WRITE_PROTECT = 1;
    private static final int SMEP = 2;
    private static final int SMAP = 4;
    private static final int AC = 8;
    /** {@link #denied} by the bits of the setting. */
    private static final int[][] BY_SETTING = new int[SETTINGS][];

    static {
        for (int setting = 0; setting < SETTINGS; setting++) {
            BY_SETTING[setting] = denied(setting);
        }
    }

    /** By access: the set of rights that it is denied on. Never written to. */
    private int[] denied = BY_SETTING[0];

    private boolean writeProtect;
    private boolean keys;
    private int pkru;
    private boolean supervisorKeys;
    private int pkrs;
    private boolean reportsFetch;

    /**
     * Sets the control bits.
     *
     * @param writeProtect CR0.WP
     * @param smep CR4.SMEP
     * @param smap CR4.SMAP
     * @param ac EFLAGS.AC, which lifts SMAP for explicit accesses
     * @param reportsFetch whether #PF's I bit is reported: SMEP, or NXE with PAE, 4- or 5-level paging
     */
    public void set(boolean writeProtect, boolean smep, boolean smap, boolean ac, boolean reportsFetch) {
        this.writeProtect = writeProtect;
        this.reportsFetch = reportsFetch;
        denied = BY_SETTING[(writeProtect ? WRITE_PROTECT : 0) | (smep ? SMEP : 0) | (smap ? SMAP : 0) | (ac ? AC : 0)];
    }

    private static int[] denied(int setting) {
        int[] table = new int[ACCESSES];
        for (int access = 0; access < ACCESSES; access++) {
            for (int rights = 0; rights < RIGHTS; rights++) {
                table[access] |= permitted(access, rights, setting) ? 0 : 1 << rights;
            }
        }
        return table;
    }

    /**
     * Sets the rules of a nested page table under AMD's guest-mode execute trap: data accesses regard neither mode nor the U/S
     * right, instructions are fetched from pages of the mode alone (APM Vol. 2, "Guest Mode Execute Trap Extension").
     */
    public void setGuestModeExecuteTrap(boolean reportsFetchBit) {
        writeProtect = true;
        reportsFetch = reportsFetchBit;
        int[] table = new int[ACCESSES];
        for (int access = 0; access < ACCESSES; access++) {
            int set = 0;
            boolean user = (access & Access.USER) != 0;
            for (int rights = 0; rights < RIGHTS; rights++) {
                boolean fetches = (access & Access.EXECUTE) == 0
                        || ((rights & Access.EXECUTE) != 0 && user == ((rights & Access.USER) != 0));
                int data = access & (Access.READ | Access.WRITE);
                if (!fetches || (data & ~rights) != 0) {
                    set |= 1 << rights;
                }
            }
            table[access] = set;
        }
        denied = table;
    }

    /**
     * Sets the rules of EPT under mode-based execute control: a fetch with {@link Access#USER} comes from a user-mode linear
     * address and needs that right, any other {@link Access#EXECUTE} (SDM Vol. 3, "EPT Translation Mechanism").
     */
    public void setModeBasedExecute() {
        writeProtect = true;
        reportsFetch = true;
        int[] table = new int[ACCESSES];
        for (int access = 0; access < ACCESSES; access++) {
            int set = 0;
            int fetch = (access & Access.USER) != 0 ? Access.USER : Access.EXECUTE;
            int wanted = access & (Access.READ | Access.WRITE) | ((access & Access.EXECUTE) != 0 ? fetch : 0);
            for (int rights = 0; rights < RIGHTS; rights++) {
                if ((wanted & ~rights) != 0) {
                    set |= 1 << rights;
                }
            }
            table[access] = set;
        }
        denied = table;
    }

    /** Sets PKRU, with {@code enabled} if CR4.PKE is set in IA-32e mode. */
    public void setKeys(boolean enabled, long pkruValue) {
        keys = enabled;
        pkru = (int) pkruValue;
    }

    /** Sets IA32_PKRS, with {@code enabled} if CR4.PKS is set in IA-32e mode. */
    public void setSupervisorKeys(boolean enabled, long pkrsValue) {
        supervisorKeys = enabled;
        pkrs = (int) pkrsValue;
    }

    private static boolean permitted(int access, int rights, int setting) {
        boolean writeProtect = (setting & WRITE_PROTECT) != 0;
        boolean smep = (setting & SMEP) != 0;
        boolean smap = (setting & SMAP) != 0;
        boolean ac = (setting & AC) != 0;
        boolean readable = (rights & Access.READ) != 0;
        boolean writable = (rights & Access.WRITE) != 0;
        boolean executable = (rights & Access.EXECUTE) != 0;
        boolean userPage = (rights & Access.USER) != 0;
        boolean implicit = (access & Access.IMPLICIT) != 0;
        if ((access & Access.SHADOW_STACK) != 0) {
            return (rights & Access.SHADOW_STACK_PAGE) != 0 && userPage == ((access & Access.USER) != 0);
        }
        if ((access & Access.USER) != 0 && !implicit) {
            return userPage
                    && ((access & Access.READ) == 0 || readable)
                    && ((access & Access.WRITE) == 0 || writable)
                    && ((access & Access.EXECUTE) == 0 || executable);
        }
        if ((access & Access.EXECUTE) != 0) {
            return executable && !(userPage && smep);
        }
        if (userPage && smap && (implicit || !ac)) {
            return false;
        }
        return ((access & Access.READ) == 0 || readable) && ((access & Access.WRITE) == 0 || writable || !writeProtect);
    }

    /** Whether the access is denied, by the rights or by the protection key. */
    public boolean denies(int access, int rights, int key) {
        return (denied[access & (ACCESSES - 1)] >>> rights & 1) != 0
                || ((keys || supervisorKeys) && keyDenies(access, rights, key));
    }

    /** Whether the protection key denies a data access: PKRU judges user-mode pages, IA32_PKRS supervisor-mode ones. */
    public boolean keyDenies(int access, int rights, int key) {
        boolean userPage = (rights & Access.USER) != 0;
        if ((access & Access.EXECUTE) != 0 || !(userPage ? keys : supervisorKeys)) {
            return false;
        }
        int bits = (userPage ? pkru : pkrs) >>> (2 * key);
        if ((bits & 1) != 0) {
            return true;
        }
        boolean user = userPage && (access & (Access.USER | Access.IMPLICIT)) == Access.USER;
        return (bits & 2) != 0 && (access & Access.WRITE) != 0 && (user || writeProtect);
    }

    /** The #PF error code of an access whose walk ended with {@code walker}'s outcome. */
    public int errorCode(Walker walker, int access) {
        int code = walker.outcome == Walker.NOT_PRESENT ? 0 : PageFault.P;
        if ((access & Access.WRITE) != 0) {
            code |= PageFault.W;
        }
        if ((access & (Access.USER | Access.IMPLICIT)) == Access.USER) {
            code |= PageFault.U;
        }
        if ((access & Access.EXECUTE) != 0 && reportsFetch) {
            code |= PageFault.I;
        }
        if ((access & Access.SHADOW_STACK) != 0) {
            code |= PageFault.SS;
        }
        if (walker.outcome == Walker.RESERVED) {
            code |= PageFault.RSVD;
        }
        if (walker.outcome == Walker.DENIED && keyDenies(access, walker.rights, walker.key)) {
            code |= PageFault.PK;
        }
        return code;
    }
}

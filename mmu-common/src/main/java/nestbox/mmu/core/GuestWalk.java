package nestbox.mmu.core;

import java.util.EnumSet;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import nestbox.mmu.paging.Access;
import nestbox.mmu.paging.PagingFeature;
import nestbox.mmu.paging.PagingFormat;
import nestbox.mmu.paging.PagingLimits;
import nestbox.mmu.paging.PagingMode;
import nestbox.mmu.paging.Permissions;
import nestbox.mmu.paging.TableReader;
import nestbox.mmu.paging.Walker;

/**
 * A walk of tables that the guest owns, as its processor would do it (kvm_pagewalk): either those of the guest that runs, or
 * EPT12 or NPT12. A walk of L2's own tables reads them through the other walk.
 */
final class GuestWalk {
    static final long CR0_WP = 1 << 16;
    static final long CR0_PG = 1L << 31;
    static final long CR4_PSE = 1 << 4;
    static final long CR4_PAE = 1 << 5;
    static final long CR4_PGE = 1 << 7;
    static final long CR4_LA57 = 1 << 12;
    static final long CR4_PCIDE = 1 << 17;
    static final long CR4_SMEP = 1 << 20;
    static final long CR4_SMAP = 1 << 21;
    static final long CR4_PKE = 1 << 22;
    static final long CR4_PKS = 1 << 24;
    /** What a role has of CR4. */
    static final long CR4_ROLE_BITS = CR4_PSE | CR4_PAE | CR4_LA57 | CR4_SMEP | CR4_SMAP | CR4_PKE;

    static final long EFER_LMA = 1 << 10;
    static final long EFER_NX = 1 << 11;
    private static final long EPTP_AD = 1 << 6;
    private static final long EPT_DIRTY = 1 << 9;

    /** Reads and updates entries, and remembers what it read. */
    private final class Tables implements TableReader {
        private boolean failed;

        @Override
        public long read(long address, int bytes) {
            failed = false;
            boolean pdpte = reads == 0 && stage && mode.format == PagingFormat.PAE_IN_MEMORY;
            long at = pdpte ? address + lowBits(rootOfStage) : address;
            long gpa = second == null ? at : throughSecond(at);
            if (failed) {
                return 0;
            }
            long hpa = memory.hpa(gpa);
            long value = hpa < 0 ? outside(bytes) : memory.read(hpa, bytes);
            if (reads == 0 || addresses[reads - 1] != address) {
                reads++;
            }
            addresses[reads - 1] = address;
            values[reads - 1] = value;
            return value;
        }

        private long throughSecond(long ngpa) {
            int access = second.tableAccess();
            failed = !second.walk(ngpa, access);
            if (failed) {
                refused = second.fault(ngpa, access, true, false);
            }
            return second.walker.physical;
        }

        @Override
        public boolean update(long address, int bytes, long expected, long value) {
            if (ept && (value & ~expected & EPT_DIRTY) != 0 && !guest.logNestedDirty(new Ngpa(walking))) {
                failed = true;
                return false;
            }
            long gpa = second == null ? address : second.walker.physical;
            if (second != null && !second.flagsAreWrites) {
                failed = !second.walk(address, Access.READ | Access.WRITE | second.always);
                if (failed) {
                    refused = second.fault(address, Access.READ | Access.WRITE, true, false);
                    return false;
                }
                gpa = second.walker.physical;
            }
            long hpa = memory.hpa(gpa);
            if (hpa >= 0) {
                memory.write(gpa, hpa, bytes, value);
            }
            values[reads - 1] = value;
            return true;
        }

        @Override
        public boolean failed() {
            return failed;
        }
    }

    final Walker walker = new Walker();
    private final MmuVcpu vcpu;

    private final MmuVm vm;
    private final GuestContext guest;
    private final GuestMemory memory;
    private final Tables tables = new Tables();
    private final Map<Integer, PagingMode> modes = new HashMap<>();
    private final Permissions strict = new Permissions();
    private final Permissions lifted = new Permissions();
    private final long[] registers = new long[4];
    /** Entries that the last walk read, top first. */
    private final long[] addresses = new long[8];

    private final long[] values = new long[8];
    private int reads;
    /** The address of the last walk. */
    private long walking;

    /** Null without paging: addresses are translated by {@link #second} alone. */
    PagingMode mode;
    /** What this walk's own addresses must be translated by, or null. */
    GuestWalk second;
    /** This is EPT12 or NPT12; else tables of the guest that runs. */
    private boolean stage;

    private boolean ept;
    private boolean flagsAreWrites;
    private int always;
    private int addressBits;
    private long rootOfStage;
    /** What the permissions were computed for, so that an unchanged setting costs nothing; -1 for nothing yet. */
    private int rules = -1;

    /** What {@link #second} refused during the last walk. */
    NestedFault refused;

    GuestWalk(MmuVcpu vcpu, MmuVm vm, GuestContext guest) {
        this.vcpu = vcpu;
        this.vm = vm;
        this.guest = guest;
        memory = new GuestMemory(vm);
    }

    // ---- set-up -----------------------------------------------------------------------------------------------------

    /** Follows the registers of the guest that runs. */
    void followGuest(GuestModel model, GuestWalk through) {
        second = through;
        long cr4 = guest.cr4();
        long efer = guest.efer();
        if ((guest.cr0() & CR0_PG) == 0) {
            mode = null;
            return;
        }
        boolean longMode = (efer & EFER_LMA) != 0;
        PagingFormat format = format(cr4, longMode, vm.config.tdp() && model.amd());
        mode = classic(format, model, cr4, efer);
        boolean wp = (guest.cr0() & CR0_WP) != 0;
        boolean smep = (cr4 & CR4_SMEP) != 0;
        boolean smap = (cr4 & CR4_SMAP) != 0;
        boolean reportsFetch = smep || ((efer & EFER_NX) != 0 && format != PagingFormat.TWO_LEVEL);
        setRules(wp, smep, smap, reportsFetch);
        addressBits = longMode ? 64 : 32;
    }

    private void setRules(boolean wp, boolean smep, boolean smap, boolean reportsFetch) {
        int wanted = (wp ? 1 : 0) | (smep ? 2 : 0) | (smap ? 4 : 0) | (reportsFetch ? 8 : 0);
        if (wanted != rules) {
            rules = wanted;
            strict.set(wp, smep, smap, false, reportsFetch);
            lifted.set(wp, smep, smap, true, reportsFetch);
        }
    }

    /** Follows an EPTP of L1. */
    void followEpt(GuestModel model, long eptp) {
        stage = true;
        ept = true;
        boolean flags = (eptp & EPTP_AD) != 0;
        boolean five = (eptp >>> 3 & 7) == 4;
        Set<PagingFeature> set = EnumSet.noneOf(PagingFeature.class);
        add(set, PagingFeature.EPT_LARGE_PAGES, model.eptLargePages());
        add(set, PagingFeature.GIGABYTE_PAGES, model.eptGigabytePages());
        add(set, PagingFeature.EPT_EXECUTE_ONLY, model.eptExecuteOnly());
        add(set, PagingFeature.EPT_ACCESSED_DIRTY, flags);
        mode = mode(five ? PagingFormat.EPT_FIVE_LEVEL : PagingFormat.EPT, model, 57, set);
        setRules(true, false, false, true);
        flagsAreWrites = flags;
        always = 0;
        addressBits = Math.min(five ? 57 : 48, model.physBits());
        rootOfStage = eptp;
    }

    /** Follows nCR3 of L1, whose CR4 and EFER say what format NPT12 has. */
    void followNpt(GuestModel model, long ncr3, long hostCr4, long hostEfer) {
        stage = true;
        ept = false;
        boolean longMode = (hostEfer & EFER_LMA) != 0;
        PagingFormat format = format(hostCr4, longMode, true);
        mode = classic(format, model, hostCr4, hostEfer);
        boolean nx = (hostEfer & EFER_NX) != 0 && format != PagingFormat.TWO_LEVEL;
        setRules(true, false, false, nx || (hostCr4 & CR4_SMEP) != 0);
        flagsAreWrites = true;
        always = Access.USER;
        addressBits = !longMode ? 32 : format == PagingFormat.FIVE_LEVEL ? 57 : 48;
        rootOfStage = ncr3;
    }

    private static PagingFormat format(long cr4, boolean longMode, boolean pdptesInMemory) {
        if (longMode) {
            return (cr4 & CR4_LA57) != 0 ? PagingFormat.FIVE_LEVEL : PagingFormat.FOUR_LEVEL;
        }
        if ((cr4 & CR4_PAE) == 0) {
            return PagingFormat.TWO_LEVEL;
        }
        return pdptesInMemory ? PagingFormat.PAE_IN_MEMORY : PagingFormat.PAE;
    }

    private PagingMode classic(PagingFormat format, GuestModel model, long cr4, long efer) {
        Set<PagingFeature> set = EnumSet.noneOf(PagingFeature.class);
        add(set, PagingFeature.PAGE_SIZE_EXTENSIONS, (cr4 & CR4_PSE) != 0);
        add(set, PagingFeature.PSE36, model.pse36());
        add(set, PagingFeature.GIGABYTE_PAGES, model.gigabytePages());
        add(set, PagingFeature.EXECUTE_DISABLE, (efer & EFER_NX) != 0);
        add(set, PagingFeature.PROTECTION_KEYS, model.protectionKeys());
        add(set, PagingFeature.TOP_BIT8_RESERVED, model.amd());
        return mode(format, model, format == PagingFormat.FIVE_LEVEL ? 57 : 48, set);
    }

    private PagingMode mode(PagingFormat format, GuestModel model, int linearBits, Set<PagingFeature> set) {
        int key = format.ordinal() << 6 | model.physBits();
        for (PagingFeature feature : set) {
            key |= 1 << 12 + feature.ordinal();
        }
        return modes.computeIfAbsent(
                key, k -> new PagingMode(format, new PagingLimits(model.physBits(), linearBits, set)));
    }

    private static void add(Set<PagingFeature> set, PagingFeature feature, boolean on) {
        if (on) {
            set.add(feature);
        }
    }

    /** Whether a PDPTE cannot be loaded into a register. */
    boolean pdpteReserved(GuestModel model, long pdpte) {
        return classic(PagingFormat.PAE, model, guest.cr4(), guest.efer()).pdpteReserved(pdpte);
    }

    // ---- walking ----------------------------------------------------------------------------------------------------

    /**
     * Walks from the present root. On success {@code walker} has the address in the next space (L1-physical, or L2-physical if
     * {@link #second} is set) and the rights.
     */
    boolean walk(long address, int access) {
        memory.space = guest.smm() ? MemorySlots.SMM : MemorySlots.NORMAL;
        reads = 0;
        walking = address;
        refused = null;
        tables.failed = false;
        if (mode == null) {
            walker.physical = address;
            walker.rights = Role.ALL_ACCESS;
            walker.outcome = Walker.MAPPED;
            walker.level = 1;
            walker.pageShift = 12;
            walker.dirty = true;
            return true;
        }
        if (addressBits < 64 && address >>> addressBits != 0) {
            if (!stage) {
                return walk(address & (1L << addressBits) - 1, access);
            }
            walker.outcome = Walker.NOT_PRESENT;
            walker.level = mode.topLevel;
            walker.rights = 0;
            return false;
        }
        if (mode.format == PagingFormat.PAE) {
            for (int i = 0; i < 4; i++) {
                registers[i] = guest.pdpte(i);
            }
        }
        return walker.walk(mode, tables, root(), registers, address, access | always, permissions(access));
    }

    private Permissions permissions(int access) {
        if (stage) {
            return strict;
        }
        long cr4 = guest.cr4();
        // What decides nothing is not asked for: it may have to be fetched from a control structure.
        Permissions chosen = (cr4 & CR4_SMAP) != 0 && guest.ac() ? lifted : strict;
        boolean longMode = (guest.efer() & EFER_LMA) != 0;
        boolean keys = longMode && (cr4 & CR4_PKE) != 0;
        boolean supervisorKeys = longMode && (cr4 & CR4_PKS) != 0;
        chosen.setKeys(keys, keys ? guest.pkru() : 0);
        chosen.setSupervisorKeys(supervisorKeys, supervisorKeys ? guest.pkrs() : 0);
        return chosen;
    }

    /** What low bits of nCR3 add to the address of a page-directory-pointer table. */
    private long lowBits(long root) {
        return stage && !vm.policies.applies(MmuPolicy.WALK_NCR3_LOW, vcpu) ? root & 0x1f : 0;
    }

    /** Where PDPTE {@code index} lies in memory. */
    long pdpteAddress(long root, int index) {
        return (root & 0xffffffe0L) + 8L * index + lowBits(root);
    }

    /** CR3, EPTP12 or nCR3. */
    long root() {
        return stage ? rootOfStage : guest.cr3();
    }

    /** What reading an entry of a table wants of this stage. */
    int tableAccess() {
        return (flagsAreWrites ? Access.READ | Access.WRITE : Access.READ) | always;
    }

    boolean isEpt() {
        return ept;
    }

    /**
     * The rights that a shadow of the last walk's page may have: writing only once the dirty flag is set. Shadow-stack pages are
     * not told apart: a guest under shadow paging has no shadow stacks.
     */
    int shadowRights() {
        return walker.rights & (walker.dirty ? Role.ALL_ACCESS : Role.ALL_ACCESS & ~Access.WRITE);
    }

    /** #PF's error code of the last walk. */
    int errorCode(int access) {
        return permissions(access).errorCode(walker, access);
    }

    /** Whether rights that are known deny an access. */
    boolean denies(int access, int rights) {
        return mode != null && permissions(access).denies(access, rights, 0);
    }

    /** The last walk's failure as L1 sees it. */
    NestedFault fault(long ngpa, int access, boolean ofTable, boolean byHardware) {
        int rights = walker.outcome == Walker.NOT_PRESENT ? 0 : walker.rights & Role.ALL_ACCESS;
        if (ept) {
            NestedFault.Kind kind = switch (walker.outcome) {
                case Walker.RESERVED -> NestedFault.Kind.EPT_MISCONFIG;
                case Walker.STAGE_FAILED -> NestedFault.Kind.PML_FULL;
                default -> NestedFault.Kind.EPT_VIOLATION;
            };
            int eptRights = rights & (Access.READ | Access.WRITE | Access.EXECUTE);
            return new NestedFault(kind, new Ngpa(ngpa), access & 7, eptRights, ofTable, 0, byHardware);
        }
        long code = strict.errorCode(walker, access | always) | (ofTable ? PfError.GUEST_PAGE : PfError.GUEST_FINAL);
        return new NestedFault(NestedFault.Kind.NPF, new Ngpa(ngpa), access & 7, rights, ofTable, code, byHardware);
    }

    /** Whether the entry that the last walk read at {@code level} still stands. */
    boolean unchanged(int level) {
        int at = walker.firstLevel - level;
        if (at < 0 || at >= reads) {
            return true;
        }
        long hpa = memory.hpa(addresses[at]);
        return (hpa < 0 ? outside(mode.entryBytes()) : memory.read(hpa, mode.entryBytes())) == values[at];
    }

    /** The entry of a guest table at a guest-physical address, for the space of {@code role}. */
    long entry(int role, long gpa) {
        memory.space = Role.space(role);
        long hpa = memory.hpa(gpa);
        return hpa < 0 ? outside(mode.entryBytes()) : memory.read(hpa, mode.entryBytes());
    }

    private long outside(int bytes) {
        if (!vm.policies.applies(MmuPolicy.WALK_TABLE_OUTSIDE_MEMORY, vcpu)) {
            return 0;
        }
        return bytes == 8 ? -1 : 0xffffffffL;
    }
}

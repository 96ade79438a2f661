package nestbox.x86.mem;

import java.util.EnumSet;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.Stateful;
import nestbox.mmu.paging.PagingFeature;
import nestbox.mmu.paging.PagingFormat;
import nestbox.mmu.paging.PagingLimits;
import nestbox.mmu.paging.PagingMode;
import nestbox.mmu.paging.Permissions;
import nestbox.x86.Cpu;
import nestbox.x86.model.Feature;
import nestbox.x86.model.Vendor;

/** What follows for translation from CR0, CR4, EFER, PKRU, PKRS and the CPU model; recomputed only when one has changed. */
final class PagingState implements Stateful {
    private static final long CR0_BITS = Cpu.CR0_PG | Cpu.CR0_WP;
    private static final long EFER_BITS = Cpu.EFER_NXE | Cpu.EFER_LMA;
    private static final long CR4_BITS = Cpu.CR4_PSE
            | Cpu.CR4_PAE
            | Cpu.CR4_PGE
            | Cpu.CR4_LA57
            | Cpu.CR4_PCIDE
            | Cpu.CR4_SMEP
            | Cpu.CR4_SMAP
            | Cpu.CR4_PKE
            | Cpu.CR4_PKS
            | Cpu.CR4_LAM_SUP;

    private static final long CR3_BITS = Cpu.CR3_LAM_U57 | Cpu.CR3_LAM_U48;

    private static final long IN_MEMORY = 2;

    private final Cpu cpu;
    private final Map<PagingLimits, Map<PagingFormat, PagingMode>> modes = new HashMap<>();
    /** With SMAP in force, and with EFLAGS.AC lifting it. */
    private final Permissions strict = new Permissions();

    private final Permissions lifted = new Permissions();

    private long key = -1;
    private long pkru;
    private long pkrs;

    private boolean unseen;
    /** PAE paging reads its PDPTEs from memory. */
    private boolean inMemory;

    /** CR0.PG. */
    boolean paging;

    PagingMode mode;
    /** Under the present EFLAGS.AC. */
    Permissions permissions = strict;
    /** 64 less the width of linear addresses in IA-32e mode, else 0. */
    int canonicalShift;
    /** What linear addresses are cut to. */
    long linearMask = 0xffffffffL;

    /** Linear-address masking is in force for some pointers (SDM Vol. 3, "Linear-Address Masking"). */
    boolean masking;
    /** Bits that masked pointers have with bit 63 clear and set; 0: they are not masked. */
    private int userPointerBits;

    private int supervisorPointerBits;

    PagingState(Cpu cpu) {
        this.cpu = cpu;
    }

    /** Catches up with the registers; true if earlier judgements about accesses no longer hold. */
    boolean update() {
        boolean stale = catchUp();
        unseen |= stale;
        return stale;
    }

    /** Whether the state has changed since this was asked last. */
    boolean takeStale() {
        boolean stale = unseen;
        unseen = false;
        return stale;
    }

    private boolean catchUp() {
        long now = (cpu.cr0 & CR0_BITS)
                | (cpu.efer & EFER_BITS)
                | (cpu.cr4 & CR4_BITS) << 32
                | (cpu.cr3 & CR3_BITS)
                | (inMemory ? IN_MEMORY : 0);
        if (now == key && cpu.pkru == pkru && cpu.pkrs == pkrs) {
            return false;
        }
        key = now;
        pkru = cpu.pkru;
        pkrs = cpu.pkrs;
        rebuild();
        return true;
    }

    /** Chooses the permissions for supervisor accesses with or without EFLAGS.AC. */
    void lift(boolean ac) {
        permissions = ac ? lifted : strict;
    }

    private void rebuild() {
        paging = (cpu.cr0 & Cpu.CR0_PG) != 0;
        boolean longMode = cpu.longMode();
        boolean la57 = (cpu.cr4 & Cpu.CR4_LA57) != 0;
        canonicalShift = longMode ? la57 ? 7 : 16 : 0;
        linearMask = longMode ? -1 : 0xffffffffL;
        userPointerBits =
                !longMode ? 0 : (cpu.cr3 & Cpu.CR3_LAM_U57) != 0 ? 57 : (cpu.cr3 & Cpu.CR3_LAM_U48) != 0 ? 48 : 0;
        supervisorPointerBits = longMode && (cpu.cr4 & Cpu.CR4_LAM_SUP) != 0 ? la57 ? 57 : 48 : 0;
        masking = (userPointerBits | supervisorPointerBits) != 0;
        PagingFormat format = format(longMode, la57);
        mode = modes.computeIfAbsent(limits(la57), limits -> new HashMap<>())
                .computeIfAbsent(format, f -> new PagingMode(f, limits(la57)));
        boolean wp = (cpu.cr0 & Cpu.CR0_WP) != 0;
        boolean smep = (cpu.cr4 & Cpu.CR4_SMEP) != 0;
        boolean smap = (cpu.cr4 & Cpu.CR4_SMAP) != 0;
        boolean nx = (cpu.efer & Cpu.EFER_NXE) != 0 && format != PagingFormat.TWO_LEVEL;
        strict.set(wp, smep, smap, false, smep || nx);
        lifted.set(wp, smep, smap, true, smep || nx);
        boolean keys = longMode && (cpu.cr4 & Cpu.CR4_PKE) != 0;
        strict.setKeys(keys, pkru);
        lifted.setKeys(keys, pkru);
        boolean supervisorKeys = longMode && (cpu.cr4 & Cpu.CR4_PKS) != 0;
        strict.setSupervisorKeys(supervisorKeys, pkrs);
        lifted.setSupervisorKeys(supervisorKeys, pkrs);
    }

    /** The address of a pointer whose upper bits may be data: they are replaced if bit 63 and the highest address bit agree. */
    long mask(long pointer) {
        int bits = pointer < 0 ? supervisorPointerBits : userPointerBits;
        long address = pointer << (64 - bits) >> (64 - bits);
        return bits == 0 || (address ^ pointer) < 0 ? pointer : address;
    }

    private PagingFormat format(boolean longMode, boolean la57) {
        if (longMode) {
            return la57 ? PagingFormat.FIVE_LEVEL : PagingFormat.FOUR_LEVEL;
        }
        if ((cpu.cr4 & Cpu.CR4_PAE) != 0) {
            return inMemory ? PagingFormat.PAE_IN_MEMORY : PagingFormat.PAE;
        }
        return PagingFormat.TWO_LEVEL;
    }

    private PagingLimits limits(boolean la57) {
        Set<PagingFeature> set = EnumSet.noneOf(PagingFeature.class);
        add(set, PagingFeature.PAGE_SIZE_EXTENSIONS, (cpu.cr4 & Cpu.CR4_PSE) != 0);
        add(set, PagingFeature.PSE36, cpu.features.has(Feature.PSE36));
        add(set, PagingFeature.GIGABYTE_PAGES, cpu.features.has(Feature.PDPE1GB));
        add(set, PagingFeature.EXECUTE_DISABLE, (cpu.efer & Cpu.EFER_NXE) != 0);
        add(set, PagingFeature.GLOBAL_PAGES, (cpu.cr4 & Cpu.CR4_PGE) != 0);
        add(set, PagingFeature.PROTECTION_KEYS, cpu.features.has(Feature.PKU) || cpu.features.has(Feature.PKS));
        add(set, PagingFeature.TOP_BIT8_RESERVED, cpu.features.vendor() == Vendor.AMD);
        return new PagingLimits(cpu.features.physicalBits(), la57 ? 57 : 48, set);
    }

    private static void add(Set<PagingFeature> set, PagingFeature feature, boolean on) {
        if (on) {
            set.add(feature);
        }
    }

    /** The PAE format with the model's limits, whatever paging is in force: for loading PDPTE registers. */
    PagingMode pae() {
        return new PagingMode(PagingFormat.PAE, limits(false));
    }

    /** As {@link #pae} with PDPTEs in memory, as a second stage of that format has them. */
    PagingMode paeInMemory() {
        return new PagingMode(PagingFormat.PAE_IN_MEMORY, limits(false));
    }

    void setPdptesInMemory(boolean on) {
        inMemory = on;
    }

    boolean pdptesInMemory() {
        return inMemory;
    }

    /** Of a world that is not in force, the registers that this follows from are nowhere else in the processor. */
    @Override
    public void save(StateWriter out) {
        out.section("paging").writeLong(key).writeLong(pkru).writeLong(pkrs);
    }

    @Override
    public void restore(StateReader in) {
        in.section("paging");
        key = in.readLong();
        pkru = in.readLong();
        pkrs = in.readLong();
        final long cr0 = cpu.cr0;
        final long cr4 = cpu.cr4;
        final long efer = cpu.efer;
        final long cr3 = cpu.cr3;
        cpu.cr0 = key & CR0_BITS;
        cpu.cr3 = key & CR3_BITS;
        cpu.cr4 = key >>> 32 & CR4_BITS;
        cpu.efer = key & EFER_BITS;
        inMemory = (key & IN_MEMORY) != 0;
        rebuild();
        cpu.cr0 = cr0;
        cpu.cr3 = cr3;
        cpu.cr4 = cr4;
        cpu.efer = efer;
        unseen = true;
    }

    /** The PCID in force: CR3's low bits with CR4.PCIDE, else 0. */
    int pcid() {
        return (cpu.cr4 & Cpu.CR4_PCIDE) != 0 ? (int) cpu.cr3 & 0xfff : 0;
    }
}

package nestbox.l0.ledger;

import nestbox.mmu.paging.Access;
import nestbox.x86.Cpu;

/**
 * What a guest's registers say of paging, for a walk that shares nothing with the silicon's walker: rights are judged by R/W, U/S and
 * XD under WP, NXE, SMEP and SMAP, not by protection keys and shadow stacks.
 *
 * @param levels of tables in memory
 * @param entryBytes 4 or 8
 * @param root the top table in memory
 * @param pdptes the PDPTE registers above it, or null
 * @param ept the entries are EPT's
 */
record GuestPaging(
        int levels,
        int entryBytes,
        long root,
        long[] pdptes,
        boolean pageSizes,
        boolean noExecute,
        boolean writeProtect,
        boolean smep,
        boolean smap,
        boolean globals,
        int pcid,
        boolean ept) {
    static final int ALL = Access.READ | Access.WRITE | Access.EXECUTE | Access.USER;

    private static final long ADDRESS = 0x000ffffffffff000L;
    /** Read, write, execute by supervisor and by user. */
    private static final int EPT_ANY = 0x407;

    private static final int EPT_EXECUTE = 0x404;

    /** The paging of a processor, or null without paging. {@code pdptesInMemory}: AMD's nested paging reads them at each walk. */
    static GuestPaging of(Cpu cpu, boolean pdptesInMemory) {
        if ((cpu.cr0 & Cpu.CR0_PG) == 0) {
            return null;
        }
        boolean wide = (cpu.efer & Cpu.EFER_LMA) != 0;
        boolean pae = (cpu.cr4 & Cpu.CR4_PAE) != 0;
        boolean registers = pae && !wide && !pdptesInMemory;
        int levels = wide ? (cpu.cr4 & Cpu.CR4_LA57) != 0 ? 5 : 4 : pae ? registers ? 2 : 3 : 2;
        boolean pcids = (cpu.cr4 & Cpu.CR4_PCIDE) != 0;
        return new GuestPaging(
                levels,
                pae ? 8 : 4,
                wide ? cpu.cr3 & ADDRESS : pae ? cpu.cr3 & 0xffffffe0L : cpu.cr3 & 0xfffff000L,
                registers ? cpu.pdpte.clone() : null,
                pae || (cpu.cr4 & Cpu.CR4_PSE) != 0,
                pae && (cpu.efer & Cpu.EFER_NXE) != 0,
                (cpu.cr0 & Cpu.CR0_WP) != 0,
                (cpu.cr4 & Cpu.CR4_SMEP) != 0,
                (cpu.cr4 & Cpu.CR4_SMAP) != 0,
                (cpu.cr4 & Cpu.CR4_PGE) != 0,
                pcids ? (int) cpu.cr3 & 0xfff : 0,
                false);
    }

    static GuestPaging ofEpt(long eptp) {
        int levels = (int) (eptp >>> 3 & 7) + 1;
        return new GuestPaging(levels, 8, eptp & ADDRESS, null, true, true, true, false, false, false, 0, true);
    }

    /** NPT12, in the format of L1's own paging. */
    static GuestPaging ofNpt(long ncr3, long cr4, long efer) {
        boolean wide = (efer & Cpu.EFER_LMA) != 0;
        boolean pae = (cr4 & Cpu.CR4_PAE) != 0;
        boolean sizes = pae || (cr4 & Cpu.CR4_PSE) != 0;
        boolean noExecute = pae && (efer & Cpu.EFER_NXE) != 0;
        int levels = wide ? (cr4 & Cpu.CR4_LA57) != 0 ? 5 : 4 : pae ? 3 : 2;
        long root = wide ? ncr3 & ADDRESS : pae ? ncr3 & 0xffffffe0L : ncr3 & 0xfffff000L;
        return new GuestPaging(levels, pae ? 8 : 4, root, null, sizes, noExecute, true, false, false, false, 0, false);
    }

    /** With EFER.NXE clear bit 63 is reserved: nothing is cached of such an entry. Of other reserved bits this judge knows nothing. */
    boolean present(long entry) {
        boolean reserved = !ept && entryBytes == 8 && entry < 0 && !noExecute;
        return (entry & (ept ? EPT_ANY : 1)) != 0 && !reserved;
    }

    /** {@link Access} bits that an entry grants. */
    int rights(long entry, int level) {
        if (ept) {
            boolean executes = (entry & EPT_EXECUTE) != 0;
            return Access.USER | (int) entry & (Access.READ | Access.WRITE) | (executes ? Access.EXECUTE : 0);
        }
        if (!hasRights(level)) {
            return ALL;
        }
        boolean executes = entry >= 0 || !noExecute;
        return Access.READ
                | ((entry & 2) != 0 ? Access.WRITE : 0)
                | ((entry & 4) != 0 ? Access.USER : 0)
                | (executes ? Access.EXECUTE : 0);
    }

    /** An entry without its accessed and dirty flags, which translate nothing. */
    long meaning(long entry) {
        return entry & ~(ept ? 0x300L : 0x60L);
    }

    boolean global(long entry) {
        return globals && (entry & 1 << 8) != 0;
    }

    /** The top table for an address, or -1 if a PDPTE register is not present. */
    long top(long linear) {
        if (pdptes == null) {
            return root;
        }
        long pdpte = pdptes[(int) (linear >>> 30) & 3];
        return (pdpte & 1) == 0 ? -1 : pdpte & ADDRESS;
    }

    int shift(int level) {
        return 12 + (entryBytes == 4 ? 10 : 9) * (level - 1);
    }

    long entryAddress(long table, long linear, int level) {
        int bits = entryBytes == 4 ? 10 : levels == 3 && level == 3 ? 2 : 9;
        return table + (linear >>> shift(level) & (1 << bits) - 1) * entryBytes;
    }

    boolean leaf(long entry, int level) {
        return level == 1 || (entry & 0x80) != 0 && pageSizes && (level == 2 || level == 3 && levels > 3);
    }

    /** The PDPTEs of PAE paging in memory have no rights. */
    private boolean hasRights(int level) {
        return !(entryBytes == 8 && levels == 3 && level == 3);
    }

    long table(long entry) {
        return entry & (entryBytes == 4 ? 0xfffff000L : ADDRESS);
    }

    /** What a leaf maps an address to. */
    long target(long entry, long linear, int level) {
        long within = (1L << shift(level)) - 1;
        long high = entryBytes == 4 && level == 2 ? (entry >>> 13 & 0xff) << 32 : 0;
        return table(entry) & ~within | high | linear & within;
    }
}

package nestbox.x86.mem;

import nestbox.mmu.memory.LittleEndian;
import nestbox.mmu.paging.Access;
import nestbox.x86.Cpu;

/**
 * All guest data of one processor goes through here: typed loads and stores at linear addresses, with a fast path of
 * direct-mapped tags over the {@link MemoryPort}. The fast path holds only translations that the port's own cache holds
 * too, so it never makes anything staler than the port is.
 */
public final class Memory {
    private static final long PAGE = FastPage.PAGE;

    /** Sets of fast translations, see {@link #select}. */
    public static final int SUPERVISOR = 0;

    public static final int USER = 1;
    /** Supervisor with EFLAGS.AC lifting SMAP. */
    public static final int SUPERVISOR_AC = 2;
    /** Every access takes the slow path (alignment checks); the port fills nothing here but fetches. */
    public static final int SLOW = 3;

    /** Added to a set's number once or twice: the sets of a guest's own, so that a world switch flushes nothing. */
    public static final int GUEST_BANK = 4;

    private static final int SETS = 3 * GUEST_BANK;

    private final Cpu cpu;
    private final MemoryPort port;

    private final FastSet[] sets = new FastSet[SETS];
    private FastSet selected;

    /** The selected set's arrays, here to save the hot path a step. */
    private FastPage[] readPages;

    private FastPage[] writePages;
    private long[] fetchTag;
    private long[] fetchPage;

    /**
     * Names what instruction fetches meet now: the mode, the translations' tags, and the translations themselves. The same number
     * means the same code at the same address.
     */
    public long fetchEpoch;

    private final FetchContexts contexts = new FetchContexts();
    /** Tags of the translations in use. */
    private long space;

    private int pcid;

    public Memory(Cpu cpu, MemoryPort port) {
        this.cpu = cpu;
        this.port = port;
        for (int i = 0; i < SETS; i++) {
            sets[i] = new FastSet();
        }
        select(SUPERVISOR);
    }

    /**
     * Selects the set of fast translations for the current class of accesses ({@link #SUPERVISOR}, {@link #USER},
     * {@link #SUPERVISOR_AC}, {@link #SLOW}), so that a change of class flushes nothing.
     */
    public void select(int set) {
        FastSet s = sets[set];
        if (s != selected) {
            selected = s;
            readPages = s.readPages;
            writePages = s.writePages;
            fetchTag = s.fetchTag;
            fetchPage = s.fetchPage;
        }
    }

    public MemoryPort port() {
        return port;
    }

    /** The entry of a direct-mapped table; this form of masking needs no bounds check. */
    private static FastPage at(FastPage[] pages, long linear) {
        return pages[(int) (linear >>> 12) & (pages.length - 1)];
    }

    private int userBit() {
        return cpu.cpl == 3 ? Access.USER : 0;
    }

    /** Lets loads of the page at {@code linear} go straight to {@code data}; {@code offset} is the page's first byte in it. */
    public void fillRead(long linear, byte[] data, int offset) {
        selected.fillRead(linear, data, offset);
    }

    /** As {@link #fillRead} for stores: never for ROM, pages with code, pages watched by a breakpoint, or a clear D bit. */
    public void fillWrite(long linear, byte[] data, int offset) {
        selected.fillWrite(linear, data, offset);
    }

    public void fillFetch(long linear, long physical) {
        selected.fillFetch(linear, physical);
    }

    /** Forgets every fast translation and makes the running block end after its current instruction. */
    public void dropAll() {
        dropSets(0, SETS);
    }

    /** Forgets the fast translations of one bank: 0 or a multiple of {@link #GUEST_BANK}. */
    void dropBank(int bank) {
        dropSets(bank, bank + GUEST_BANK);
    }

    /** Forgets the fast translations of every guest. */
    void dropGuests() {
        dropSets(GUEST_BANK, SETS);
    }

    private void dropSets(int from, int to) {
        for (int i = from; i < to; i++) {
            sets[i].drop();
        }
        translationChanged();
    }

    /**
     * Forgets the fast translations of the {@code 1 << shift} bytes at {@code linear}. Links between blocks are the caller's to
     * break ({@link #translationChanged}): this class cannot know which pages instructions were fetched from.
     */
    public void dropPages(long linear, int shift) {
        for (FastSet set : sets) {
            if (!set.empty()) {
                if (shift == 12) {
                    set.dropPage(linear);
                } else {
                    set.drop(linear, shift);
                }
            }
        }
    }

    /** Forgets fast stores into the RAM page whose first byte is {@code data[offset]}: it has come to hold code. */
    public void dropWritesTo(byte[] data, int offset) {
        for (FastSet set : sets) {
            if (!set.empty()) {
                set.dropWritesTo(data, offset);
            }
        }
    }

    /** Links between blocks must be looked up anew, and the running block ends after its current instruction. */
    public void translationChanged() {
        fetchEpoch = contexts.forget();
        cpu.blockLimit = 0;
    }

    /** Translations are those of another space or PCID; {@link #modeChanged} follows where the mode is another, too. */
    void tagged(long newSpace, int newPcid) {
        if (newSpace != space || newPcid != pcid) {
            space = newSpace;
            pcid = newPcid;
            modeChanged();
        }
    }

    /** The processor's mode may have changed: the running block ends after its current instruction. */
    public void modeChanged() {
        // Outside 64-bit mode linear addresses also depend on CS.
        fetchEpoch = cpu.codeSize == 64 ? contexts.enter(space, pcid, cpu.modeKey) : contexts.enterNameless();
        cpu.blockLimit = 0;
    }

    /** Physical address of the code byte at {@code linear}; raises what an instruction fetch raises. */
    public long fetch(long linear) {
        int i = FastSet.index(linear);
        if (fetchTag[i] == (linear & PAGE)) {
            return fetchPage[i] | (linear & 0xfff);
        }
        return port.fetch(linear);
    }

    /** The page of {@code bytes} bytes that a load may take from it at once, or null. */
    public FastPage readable(long linear, int bytes) {
        FastPage page = at(readPages, linear);
        return page.tag == ((linear + (bytes - 1)) & PAGE) ? page : null;
    }

    /** The page of {@code bytes} bytes that a store, or a load before it, may touch at once, or null. */
    public FastPage writable(long linear, int bytes) {
        FastPage page = at(writePages, linear);
        return page.tag == ((linear + (bytes - 1)) & PAGE) ? page : null;
    }

    public long load8(long linear, int seg) {
        FastPage page = readable(linear, 1);
        return page != null ? page.load8(linear) : port.load(linear, 1, Access.READ | userBit(), seg);
    }

    public long load16(long linear, int seg) {
        FastPage page = readable(linear, 2);
        return page != null ? page.load16(linear) : port.load(linear, 2, Access.READ | userBit(), seg);
    }

    public long load32(long linear, int seg) {
        FastPage page = readable(linear, 4);
        return page != null ? page.load32(linear) : port.load(linear, 4, Access.READ | userBit(), seg);
    }

    public long load64(long linear, int seg) {
        FastPage page = readable(linear, 8);
        return page != null ? page.load64(linear) : port.load(linear, 8, Access.READ | userBit(), seg);
    }

    public void store8(long linear, int seg, long value) {
        FastPage page = writable(linear, 1);
        if (page != null) {
            page.store8(linear, value);
        } else {
            port.store(linear, 1, value & 0xff, Access.WRITE | userBit(), seg);
        }
    }

    public void store16(long linear, int seg, long value) {
        FastPage page = writable(linear, 2);
        if (page != null) {
            page.store16(linear, value);
        } else {
            port.store(linear, 2, value & 0xffff, Access.WRITE | userBit(), seg);
        }
    }

    public void store32(long linear, int seg, long value) {
        FastPage page = writable(linear, 4);
        if (page != null) {
            page.store32(linear, value);
        } else {
            port.store(linear, 4, value & 0xffffffffL, Access.WRITE | userBit(), seg);
        }
    }

    public void store64(long linear, int seg, long value) {
        FastPage page = writable(linear, 8);
        if (page != null) {
            page.store64(linear, value);
        } else {
            port.store(linear, 8, value, Access.WRITE | userBit(), seg);
        }
    }

    /** Zero-extended load of {@code bits} = 8, 16, 32 or 64. */
    public long load(int bits, long linear, int seg) {
        switch (bits) {
            case 8:
                return load8(linear, seg);
            case 16:
                return load16(linear, seg);
            case 32:
                return load32(linear, seg);
            default:
                return load64(linear, seg);
        }
    }

    /** Stores the low {@code bits} = 8, 16, 32 or 64 bits. */
    public void store(int bits, long linear, int seg, long value) {
        switch (bits) {
            case 8:
                store8(linear, seg, value);
                break;
            case 16:
                store16(linear, seg, value);
                break;
            case 32:
                store32(linear, seg, value);
                break;
            default:
                store64(linear, seg, value);
                break;
        }
    }

    /**
     * The load half of a read-modify-write: raises what the write would raise, so that the store half
     * ({@link #store(int, long, int, long)}) cannot fault.
     */
    public long loadForWrite(int bits, long linear, int seg) {
        int bytes = bits >> 3;
        FastPage page = writable(linear, bytes);
        if (page != null) {
            switch (bits) {
                case 8:
                    return page.load8(linear);
                case 16:
                    return page.load16(linear);
                case 32:
                    return page.load32(linear);
                default:
                    return page.load64(linear);
            }
        }
        return port.load(linear, bytes, Access.READ | Access.WRITE | userBit(), seg);
    }

    /**
     * Copies {@code length} ascending bytes, each range within a page, if both pages have fast translations.
     *
     * @return false if nothing was done: a translation is missing, or the target overlaps bytes that are still to be read
     */
    public boolean copy(long from, long to, int length) {
        FastPage source = readable(from, length);
        FastPage target = writable(to, length);
        if (source == null || target == null) {
            return false;
        }
        int sourceAt = source.at(from);
        int targetAt = target.at(to);
        byte[] data = target.data;
        if (source.data == data && targetAt > sourceAt && targetAt < sourceAt + length) {
            return false;
        }
        System.arraycopy(source.data, sourceAt, data, targetAt, length);
        return true;
    }

    /**
     * Stores the low {@code bits} of {@code value} again and again over {@code length} bytes within a page, if the page has a
     * fast translation.
     *
     * @return false if it has none and nothing was done
     */
    public boolean fill(long to, int length, int bits, long value) {
        FastPage target = writable(to, length);
        if (target == null) {
            return false;
        }
        byte[] data = target.data;
        int at = target.at(to);
        int end = at + length;
        long pattern = value;
        for (int width = bits; width < 64; width <<= 1) {
            pattern = (pattern & ((1L << width) - 1)) | pattern << width;
        }
        for (; at + 8 <= end; at += 8) {
            LittleEndian.set(data, at, 8, pattern);
        }
        // What is left is a whole number of elements, so the pattern goes on in phase.
        for (; at < end; at++) {
            data[at] = (byte) pattern;
            pattern = Long.rotateRight(pattern, 8);
        }
        return true;
    }

    /** Raises what a load of {@code length} bytes would raise. */
    public void probeRead(long linear, int length, int seg) {
        if (readable(linear, length) == null) {
            port.probe(linear, length, Access.READ | userBit(), seg);
        }
    }

    /** Raises what a store of {@code length} bytes would raise; a multi-part store probes first. */
    public void probeWrite(long linear, int length, int seg) {
        if (writable(linear, length) == null) {
            port.probe(linear, length, Access.WRITE | userBit(), seg);
        }
    }

    /** An implicit supervisor load (descriptor tables, TSS, IDT), whatever the CPL. {@code bytes} is 1, 2, 4 or 8. */
    public long loadSystem(int bytes, long linear) {
        return port.load(linear, bytes, Access.READ | Access.IMPLICIT, nestbox.x86.Reg.DS);
    }

    /** An implicit supervisor store. */
    public void storeSystem(int bytes, long linear, long value) {
        port.store(linear, bytes, value, Access.WRITE | Access.IMPLICIT, nestbox.x86.Reg.DS);
    }
}

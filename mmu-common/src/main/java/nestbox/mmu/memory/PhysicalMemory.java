package nestbox.mmu.memory;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;
import nestbox.core.NestboxException;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.Stateful;
import nestbox.core.trace.Trace;
import nestbox.core.trace.TraceEvents;

/**
 * Sparse physical memory: RAM and ROM in chunks that are allocated when first touched, MMIO ranges, and holes that read as
 * ones and ignore writes (the PC's open bus). Addresses are raw {@code long}s; values little-endian.
 *
 * <p>Pages that hold translated code are marked in 64-byte granules; every store through this class into a marked granule
 * is first told to the {@link CodeWatcher}s. Fast paths that bypass this class must not cover a page that
 * {@link #holdsCode} is true for.
 */
public final class PhysicalMemory implements Stateful {
    public static final int CHUNK_SHIFT = 18;
    public static final int CHUNK_SIZE = 1 << CHUNK_SHIFT;
    public static final int CHUNK_MASK = CHUNK_SIZE - 1;
    private static final int PAGES = CHUNK_SIZE >> 12;
    private static final int DIRECTORY_SHIFT = 12;
    private static final int DIRECTORY_SIZE = 1 << DIRECTORY_SHIFT;

    /** What stands behind a page. */
    public enum Kind {
        HOLE,
        RAM,
        ROM,
        MMIO
    }

    /** Backing of {@link #CHUNK_SIZE} bytes of RAM or ROM, with the code marks of its pages. */
    private static final class Chunk {
        final byte[] data = new byte[CHUNK_SIZE];
        long[] codeGranules;
    }

    private record Region(long start, long end, Kind kind, MmioHandler handler) {
        boolean contains(long physical) {
            return Long.compareUnsigned(physical, start) >= 0 && Long.compareUnsigned(physical, end) < 0;
        }
    }

    /** A stretch of addresses with one topmost region. */
    private record Span(long start, long end, Region region) {
        boolean contains(long physical) {
            return physical >= start && physical < end;
        }
    }

    private static final Span NOWHERE = new Span(0, 0, null);

    /** Grows to the end of the highest RAM or ROM. */
    private Chunk[][] directory = new Chunk[0][];

    private final int physicalBits;
    private final List<CodeWatcher> watchers = new ArrayList<>();
    private final List<LayoutListener> layoutListeners = new ArrayList<>();
    /** Later regions lie over earlier ones. */
    private final List<Region> regions = new ArrayList<>();

    /** The same without overlaps, in ascending order. */
    private Span[] spans = new Span[0];

    private Span lastSpan = NOWHERE;

    private Trace trace = Trace.off();

    /** Another memory whose RAM and ROM appear in this one, or null; see {@link #share}. */
    private PhysicalMemory shared;

    private long sharedAt;
    private long sharedEnd;

    /** @param physicalBits width of the address bus, at most 52 */
    public PhysicalMemory(int physicalBits) {
        this.physicalBits = physicalBits;
    }

    /** Emits MMIO accesses there from now on. */
    public void setTrace(Trace machineTrace) {
        trace = machineTrace;
    }

    public int physicalBits() {
        return physicalBits;
    }

    public void mapRam(long start, long length) {
        map(start, length, Kind.RAM, null);
    }

    /** Maps {@code contents} read-only; its length must be a multiple of 4096. */
    public void mapRom(long start, byte[] contents) {
        map(start, contents.length, Kind.RAM, null);
        copyIn(start, contents, 0, contents.length);
        map(start, contents.length, Kind.ROM, null);
    }

    /**
     * Lets the RAM and ROM of {@code other} appear here as RAM, {@code at} above their addresses there: the same bytes and the
     * same marks of code, whichever memory they are reached through. There can be one such memory.
     *
     * @param at a multiple of {@link #CHUNK_SIZE}
     * @param length of the range that appears, from address 0 of the other memory on
     */
    public void share(PhysicalMemory other, long at, long length) {
        if (shared != null || (at & CHUNK_MASK) != 0) {
            throw new IllegalArgumentException("share " + Long.toHexString(at));
        }
        mapRam(at, length);
        shared = other;
        sharedAt = at;
        sharedEnd = at + length;
        other.addLayoutListener(this::forgetShared);
        other.addCodeWatcher(new CodeWatcher() {
            @Override
            public void codePageMarked(long physical) {}

            @Override
            public void beforeCodeWrite(long physical, int length) {
                for (CodeWatcher watcher : watchers) {
                    watcher.beforeCodeWrite(physical + at, length);
                }
            }
        });
    }

    private void forgetShared() {
        int shift = CHUNK_SHIFT + DIRECTORY_SHIFT;
        for (int high = (int) (sharedAt >>> shift); high <= (int) (sharedEnd - 1 >>> shift); high++) {
            for (int low = 0; directory[high] != null && low < DIRECTORY_SIZE; low++) {
                long at = (long) high << shift | (long) low << CHUNK_SHIFT;
                if (at >= sharedAt && at < sharedEnd) {
                    directory[high][low] = null;
                }
            }
        }
        layoutListeners.forEach(LayoutListener::layoutChanged);
    }

    /** Sees stretches of addresses with one kind of backing, see {@link #visitLayout}. */
    @FunctionalInterface
    public interface LayoutVisitor {
        void stretch(long start, long end, Kind kind);
    }

    /** Visits all that is mapped, in ascending order. */
    public void visitLayout(LayoutVisitor visitor) {
        for (Span span : spans) {
            visitor.stretch(span.start, span.end, span.region.kind);
        }
    }

    /** Makes RAM read-only until the range is unmapped as {@link Kind#ROM}; its contents stay. */
    public void protect(long start, long length) {
        map(start, length, Kind.ROM, null);
    }

    public void mapMmio(long start, long length, MmioHandler handler) {
        map(start, length, Kind.MMIO, handler);
    }

    /** Removes every region that starts at {@code start} and has the kind; what lay under it shows again. */
    public void unmap(long start, Kind kind) {
        regions.removeIf(region -> region.start == start && region.kind == kind);
        layoutChanged();
    }

    /** Tells {@code listener} of every region that is mapped or unmapped from now on. */
    public void addLayoutListener(LayoutListener listener) {
        layoutListeners.add(listener);
    }

    private void layoutChanged() {
        flatten();
        for (LayoutListener listener : layoutListeners) {
            listener.layoutChanged();
        }
    }

    /** Removes every range of this handler; what lay under it shows again. */
    public void unmapMmio(MmioHandler handler) {
        regions.removeIf(region -> region.handler == handler);
        layoutChanged();
    }

    private void map(long start, long length, Kind kind, MmioHandler handler) {
        if (((start | length) & 0xfff) != 0 || length <= 0) {
            throw refusal(start, length, "is not made of whole pages");
        }
        if (start < 0 || (start + length - 1) >>> physicalBits != 0) {
            throw refusal(start, length, "is beyond " + physicalBits + " bits");
        }
        regions.add(new Region(start, start + length, kind, handler));
        if (kind == Kind.RAM || kind == Kind.ROM) {
            int rows = (int) (start + length - 1 >>> CHUNK_SHIFT + DIRECTORY_SHIFT) + 1;
            if (rows > directory.length) {
                directory = Arrays.copyOf(directory, rows);
            }
        }
        layoutChanged();
    }

    private static NestboxException refusal(long start, long length, String reason) {
        return new NestboxException("physical memory", String.format("range %#x+%#x %s", start, length, reason));
    }

    public Kind kindOf(long physical) {
        Region region = region(physical);
        return region == null ? Kind.HOLE : region.kind;
    }

    public boolean isMmio(long physical) {
        Region region = region(physical);
        return region != null && region.kind == Kind.MMIO;
    }

    /** Whether stores to the page may bypass this class: it is RAM and holds no translated code. */
    public boolean plainRam(long physical) {
        Region region = region(physical);
        return region != null && region.kind == Kind.RAM && !holdsCode(physical);
    }

    /** The topmost region at an address, or null for a hole. */
    private Region region(long physical) {
        Span last = lastSpan;
        if (last.contains(physical)) {
            return last.region;
        }
        int low = 0;
        int high = spans.length - 1;
        while (low <= high) {
            int middle = low + high >>> 1;
            Span span = spans[middle];
            if (span.contains(physical)) {
                lastSpan = span;
                return span.region;
            }
            if (Long.compareUnsigned(physical, span.start) < 0) {
                high = middle - 1;
            } else {
                low = middle + 1;
            }
        }
        return null;
    }

    /** Cuts the address space at every region's bounds and notes the topmost region of each part. */
    private void flatten() {
        TreeSet<Long> bounds = new TreeSet<>();
        for (Region region : regions) {
            bounds.add(region.start);
            bounds.add(region.end);
        }
        List<Span> found = new ArrayList<>();
        Long start = null;
        for (Long end : bounds) {
            Region top = start == null ? null : regionUnder(null, start);
            if (top != null) {
                found.add(new Span(start, end, top));
            }
            start = end;
        }
        spans = found.toArray(new Span[0]);
        lastSpan = NOWHERE;
    }

    /**
     * The backing array of the RAM or ROM page at {@code physical}, or null for MMIO and holes. The page's first byte is at
     * {@code physical & CHUNK_MASK & ~0xfff}. Writing through it is allowed only for RAM pages without code.
     */
    public byte[] backing(long physical) {
        Region region = region(physical);
        if (region == null || region.kind == Kind.MMIO) {
            return null;
        }
        return chunk(physical).data;
    }

    private Chunk chunk(long physical) {
        int high = (int) (physical >>> (CHUNK_SHIFT + DIRECTORY_SHIFT));
        Chunk[] row = directory[high];
        if (row == null) {
            row = new Chunk[DIRECTORY_SIZE];
            directory[high] = row;
        }
        int low = (int) (physical >>> CHUNK_SHIFT) & (DIRECTORY_SIZE - 1);
        Chunk chunk = row[low];
        if (chunk == null) {
            boolean elsewhere = shared != null && physical >= sharedAt && physical < sharedEnd;
            chunk = elsewhere ? shared.sharedChunk(physical - sharedAt) : new Chunk();
            row[low] = chunk;
        }
        return chunk;
    }

    private Chunk sharedChunk(long physical) {
        int rows = (int) (physical >>> CHUNK_SHIFT + DIRECTORY_SHIFT) + 1;
        if (rows > directory.length) {
            directory = Arrays.copyOf(directory, rows);
        }
        return chunk(physical);
    }

    /** Reads 1, 2, 4 or 8 bytes; any alignment, any kind of page. */
    public long read(long physical, int size) {
        if (((physical & 0xfff) + size) > 0x1000) {
            return readBytewise(physical, size);
        }
        return readIn(region(physical), physical, size);
    }

    /** Reads within one page what lies under the ranges of {@code cover}. */
    public long readUnder(MmioHandler cover, long physical, int size) {
        return readIn(regionUnder(cover, physical), physical, size);
    }

    private Region regionUnder(MmioHandler cover, long physical) {
        for (int i = regions.size() - 1; i >= 0; i--) {
            Region region = regions.get(i);
            if (region.contains(physical) && (cover == null || region.handler != cover)) {
                return region;
            }
        }
        return null;
    }

    private long readIn(Region region, long physical, int size) {
        if (region == null) {
            return size == 8 ? -1 : (1L << (size * 8)) - 1;
        }
        if (region.kind == Kind.MMIO) {
            long value = region.handler.read(physical - region.start, size);
            if (trace.on) {
                trace.emit(TraceEvents.MMIO_READ, physical, size, value);
            }
            return value;
        }
        byte[] data = chunk(physical).data;
        int at = (int) physical & CHUNK_MASK;
        return LittleEndian.get(data, at, size);
    }

    private long readBytewise(long physical, int size) {
        long value = 0;
        for (int i = 0; i < size; i++) {
            value |= read(physical + i, 1) << (8 * i);
        }
        return value;
    }

    /** Writes 1, 2, 4 or 8 bytes; any alignment. ROM and holes ignore it. */
    public void write(long physical, int size, long value) {
        if (((physical & 0xfff) + size) > 0x1000) {
            for (int i = 0; i < size; i++) {
                write(physical + i, 1, value >>> (8 * i));
            }
            return;
        }
        writeIn(region(physical), physical, size, value);
    }

    /** Writes within one page what lies under the ranges of {@code cover}. */
    public void writeUnder(MmioHandler cover, long physical, int size, long value) {
        writeIn(regionUnder(cover, physical), physical, size, value);
    }

    private void writeIn(Region region, long physical, int size, long value) {
        if (region == null || region.kind == Kind.ROM) {
            return;
        }
        if (region.kind == Kind.MMIO) {
            long zeroExtended = size == 8 ? value : value & ((1L << (size * 8)) - 1);
            if (trace.on) {
                trace.emit(TraceEvents.MMIO_WRITE, physical, size, zeroExtended);
            }
            region.handler.write(physical - region.start, size, zeroExtended);
            return;
        }
        Chunk chunk = chunk(physical);
        if (chunk.codeGranules != null) {
            announceCodeWrite(chunk, physical, size);
        }
        byte[] data = chunk.data;
        int at = (int) physical & CHUNK_MASK;
        LittleEndian.set(data, at, size, value);
    }

    /** Writes bytes as {@link #write} does, whole pages of RAM at a time. */
    public void copyIn(long physical, byte[] source, int offset, int length) {
        int done = 0;
        while (done < length) {
            long at = physical + done;
            int part = Math.min(length - done, 0x1000 - ((int) at & 0xfff));
            Region region = region(at);
            if (region != null && region.kind == Kind.RAM) {
                Chunk chunk = chunk(at);
                if (chunk.codeGranules != null) {
                    announceCodeWrite(chunk, at, part);
                }
                System.arraycopy(source, offset + done, chunk.data, (int) at & CHUNK_MASK, part);
            } else {
                for (int i = 0; i < part; i++) {
                    write(at + i, 1, source[offset + done + i]);
                }
            }
            done += part;
        }
    }

    /** Reads bytes as {@link #read} does, whole pages of RAM or ROM at a time. */
    public void copyOut(long physical, byte[] target, int offset, int length) {
        int done = 0;
        while (done < length) {
            long at = physical + done;
            int part = Math.min(length - done, 0x1000 - ((int) at & 0xfff));
            byte[] data = backing(at);
            if (data != null) {
                System.arraycopy(data, (int) at & CHUNK_MASK, target, offset + done, part);
            } else {
                for (int i = 0; i < part; i++) {
                    target[offset + done + i] = (byte) read(at + i, 1);
                }
            }
            done += part;
        }
    }

    /** Sees the chunks of RAM and ROM that hold anything but zeros. */
    @FunctionalInterface
    public interface ContentVisitor {
        /** {@code data} holds the {@link #CHUNK_SIZE} bytes from {@code physical} on; it must not be changed. */
        void chunk(long physical, byte[] data);
    }

    /** Visits, in ascending order, every chunk that is not all zeros: touched or not makes no difference. */
    public void visitContents(ContentVisitor visitor) {
        for (int high = 0; high < directory.length; high++) {
            for (int low = 0; directory[high] != null && low < DIRECTORY_SIZE; low++) {
                Chunk chunk = directory[high][low];
                if (chunk != null && !isZero(chunk.data)) {
                    visitor.chunk(
                            (long) high << (DIRECTORY_SHIFT + CHUNK_SHIFT) | (long) low << CHUNK_SHIFT, chunk.data);
                }
            }
        }
    }

    private static boolean isZero(byte[] data) {
        long any = 0;
        for (int at = 0; at < CHUNK_SIZE && any == 0; at += 8) {
            any = LittleEndian.get(data, at, 8);
        }
        return any == 0;
    }

    @Override
    public void save(StateWriter out) {
        out.section("memory");
        visitContents((physical, data) -> out.writeLong(physical).writeBytes(data, 0, CHUNK_SIZE));
        out.writeLong(-1);
    }

    /** Replaces all contents; ranges and devices must be those of the memory that was saved. */
    @Override
    public void restore(StateReader in) {
        in.section("memory");
        for (Chunk[] row : directory) {
            if (row != null) {
                Arrays.fill(row, null);
            }
        }
        for (long physical = in.readLong(); physical != -1; physical = in.readLong()) {
            if (physical >>> CHUNK_SHIFT + DIRECTORY_SHIFT >= directory.length) {
                throw new NestboxException("state", "there is no memory at " + Long.toHexString(physical));
            }
            in.readBytes(chunk(physical).data, 0, CHUNK_SIZE);
        }
        layoutListeners.forEach(LayoutListener::layoutChanged);
    }

    public void addCodeWatcher(CodeWatcher watcher) {
        watchers.add(watcher);
    }

    /**
     * Marks the granules of [physical, physical + length), which lie in one page, as holding translated code; if they are the
     * page's first, all watchers are told.
     */
    public void markCode(long physical, int length) {
        Chunk chunk = chunk(physical);
        if (chunk.codeGranules == null) {
            chunk.codeGranules = new long[PAGES];
        }
        int page = pageInChunk(physical);
        boolean first = chunk.codeGranules[page] == 0;
        chunk.codeGranules[page] |= granules(physical, length);
        if (first) {
            for (CodeWatcher watcher : watchers) {
                watcher.codePageMarked(physical);
            }
        }
    }

    /** Whether any byte of the page is marked. */
    public boolean holdsCode(long physical) {
        long[] granules = chunk(physical).codeGranules;
        return granules != null && granules[pageInChunk(physical)] != 0;
    }

    private void announceCodeWrite(Chunk chunk, long physical, int size) {
        if ((chunk.codeGranules[pageInChunk(physical)] & granules(physical, size)) != 0) {
            for (CodeWatcher watcher : watchers) {
                watcher.beforeCodeWrite(physical, size);
            }
        }
    }

    private static int pageInChunk(long physical) {
        return (int) (physical & CHUNK_MASK) >>> 12;
    }

    private static long granules(long physical, int length) {
        int first = (int) (physical & 0xfff) >>> 6;
        int last = (int) ((physical & 0xfff) + length - 1) >>> 6;
        return (-1L << first) & (-1L >>> (63 - last));
    }
}

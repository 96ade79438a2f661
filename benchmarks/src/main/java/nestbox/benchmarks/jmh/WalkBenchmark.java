package nestbox.benchmarks.jmh;

import java.util.concurrent.TimeUnit;
import nestbox.mmu.memory.PhysicalMemory;
import nestbox.mmu.paging.Access;
import nestbox.mmu.paging.PagingFormat;
import nestbox.mmu.paging.PagingLimits;
import nestbox.mmu.paging.PagingMode;
import nestbox.mmu.paging.Permissions;
import nestbox.mmu.paging.TableReader;
import nestbox.mmu.paging.Walker;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** The walker alone, without any cache: four levels, and the 24 table reads of four levels behind EPT. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class WalkBenchmark {
    private static final long GUEST_ROOT = 0x100000;
    private static final long EPT_ROOT = 0x200000;
    private static final int PAGES = 512;
    private static final long[] NO_REGISTERS = new long[4];

    private final PhysicalMemory memory = new PhysicalMemory(40);
    private final PagingMode guest = new PagingMode(PagingFormat.FOUR_LEVEL, PagingLimits.of(40, 48));
    private final PagingMode ept = new PagingMode(PagingFormat.EPT, PagingLimits.of(40, 48));
    private final Walker inner = new Walker();
    private final Walker outer = new Walker();
    private final Permissions permissions = new Permissions();
    private final TableReader tables = new Tables();
    private final TableReader nestedTables = new NestedTables();
    private int page;

    /** Tables at the address that they are looked up at. */
    private final class Tables implements TableReader {
        @Override
        public long read(long address, int bytes) {
            return memory.read(address, bytes);
        }

        @Override
        public boolean update(long address, int bytes, long expected, long value) {
            memory.write(address, bytes, value);
            return true;
        }
    }

    /** Tables whose addresses are translated by EPT first. */
    private final class NestedTables implements TableReader {
        @Override
        public long read(long address, int bytes) {
            outer.walk(ept, tables, EPT_ROOT, NO_REGISTERS, address, Access.READ, permissions);
            return memory.read(outer.physical, bytes);
        }

        @Override
        public boolean update(long address, int bytes, long expected, long value) {
            return tables.update(address, bytes, expected, value);
        }
    }

    /** Both sets of tables map the first 4 MBytes one to one, by 4-KByte pages. */
    public WalkBenchmark() {
        memory.mapRam(0, 1 << 26);
        permissions.set(false, false, false, false, false);
        build(GUEST_ROOT, 0x23, 0x63);
        build(EPT_ROOT, 7, 0x37);
        if (fourLevels() != (long) page << 12 || twoDimensions() != (long) page << 12) {
            throw new IllegalStateException("the tables are wrong");
        }
    }

    private void build(long root, long pointer, long leaf) {
        memory.write(root, 8, root + 0x1000 | pointer);
        memory.write(root + 0x1000, 8, root + 0x2000 | pointer);
        for (int i = 0; i < 2; i++) {
            long table = root + 0x3000 + 0x1000L * i;
            memory.write(root + 0x2000 + 8L * i, 8, table | pointer);
            for (int j = 0; j < PAGES; j++) {
                memory.write(table + 8L * j, 8, (long) (i * PAGES + j) << 12 | leaf);
            }
        }
    }

    private long next() {
        page = page + 1 & PAGES - 1;
        return (long) page << 12;
    }

    @Benchmark
    public long fourLevels() {
        inner.walk(guest, tables, GUEST_ROOT, NO_REGISTERS, next(), Access.READ, permissions);
        return inner.physical;
    }

    @Benchmark
    public long twoDimensions() {
        inner.walk(guest, nestedTables, GUEST_ROOT, NO_REGISTERS, next(), Access.READ, permissions);
        outer.walk(ept, tables, EPT_ROOT, NO_REGISTERS, inner.physical, Access.READ, permissions);
        return outer.physical;
    }
}

package nestbox.benchmarks.jmh;

import java.util.concurrent.TimeUnit;
import nestbox.mmu.paging.Access;
import nestbox.mmu.tlb.RetentionPolicy;
import nestbox.mmu.tlb.TranslationCache;
import nestbox.mmu.tlb.TranslationListener;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** The translation cache behind the fast path: a hit, and a miss that takes the place of another entry. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class TranslationCacheBenchmark {
    private static final int RESIDENT = 1024;
    private static final int ATTRIBUTES = TranslationCache.attributes(Access.READ | Access.WRITE, false, true, 0, 12);

    /** Retention policy. */
    @Param({"keep", "lru:2048"})
    public String policy;

    private TranslationCache cache;
    private long page;

    private static final class Deaf implements TranslationListener {
        @Override
        public void dropped(long linear, int shift, int attributes) {}

        @Override
        public void droppedMany() {}
    }

    @Setup
    public void fill() {
        cache = new TranslationCache(RetentionPolicy.parse("policy", policy), new Deaf());
        for (long i = 0; i < RESIDENT; i++) {
            cache.add(i << 12, i << 12, ATTRIBUTES);
        }
    }

    @Benchmark
    public long hit() {
        page = page + 1 & RESIDENT - 1;
        long linear = page << 12;
        return cache.physical(cache.find(linear), linear);
    }

    @Benchmark
    public int dropAndAdd() {
        page = page + 1 & RESIDENT - 1;
        long linear = page << 12;
        cache.dropPage(linear);
        cache.add(linear, linear, ATTRIBUTES);
        return cache.size();
    }
}

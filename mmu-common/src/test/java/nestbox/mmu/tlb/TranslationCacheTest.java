package nestbox.mmu.tlb;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import nestbox.core.Seed;
import org.junit.jupiter.api.Test;

/** The cache against a map, and what each policy retains. */
class TranslationCacheTest {
    private final List<Long> dropped = new ArrayList<>();
    private final TranslationListener listener = new TranslationListener() {
        @Override
        public void dropped(long linear, int shift, int attributes) {
            dropped.add(linear);
        }

        @Override
        public void droppedMany() {
            dropped.add(-1L);
        }
    };

    private static int page(boolean global) {
        return TranslationCache.attributes(TranslationCache.RIGHTS, global, true, 0, 12);
    }

    @Test
    void keepAnswersAsAMapDoes() {
        TranslationCache cache = new TranslationCache(RetentionPolicy.KEEP, listener);
        Map<String, Long> model = new HashMap<>();
        Seed seed = new Seed(5);
        for (int step = 0; step < 20_000; step++) {
            int pcid = seed.nextInt(3);
            int space = seed.nextInt(2);
            long linear = (long) seed.nextInt(300) << 12 | (long) seed.nextInt(2) << 47;
            cache.select(space, pcid);
            String key = space + ":" + pcid + ":" + linear;
            switch (seed.nextInt(8)) {
                case 0:
                    cache.dropPage(linear);
                    model.remove(key);
                    break;
                case 1:
                    if (seed.nextInt(200) == 0) {
                        cache.dropContext(pcid);
                        String prefix = space + ":" + pcid + ":";
                        model.keySet().removeIf(k -> k.startsWith(prefix));
                    }
                    break;
                case 2:
                    if (seed.nextInt(400) == 0) {
                        cache.dropGroup();
                        String prefix = space + ":";
                        model.keySet().removeIf(k -> k.startsWith(prefix));
                    }
                    break;
                case 3:
                    cache.dropAddress(1, linear);
                    model.remove(space + ":1:" + linear);
                    break;
                default:
                    int entry = cache.find(linear);
                    Long expected = model.get(key);
                    assertThat(entry >= 0).isEqualTo(expected != null);
                    if (entry >= 0) {
                        assertThat(cache.physical(entry, linear | 5)).isEqualTo(expected | 5);
                    } else {
                        long physical = (long) step << 12;
                        cache.add(linear, physical, page(false));
                        model.put(key, physical);
                    }
                    break;
            }
            assertThat(cache.size()).isEqualTo(model.size());
        }
    }

    @Test
    void lruDropsWhatWasFilledLongestAgoWhateverWasUsed() {
        TranslationCache cache = new TranslationCache(RetentionPolicy.parse("t", "lru:3"), listener);
        for (long linear = 0x1000; linear <= 0x3000; linear += 0x1000) {
            cache.add(linear, linear, page(false));
        }
        assertThat(cache.find(0x1000)).isNotNegative();
        cache.add(0x4000, 0x4000, page(false));
        assertThat(dropped).containsExactly(0x1000L);
        assertThat(cache.size()).isEqualTo(3);
    }

    @Test
    void noneRetainsNothing() {
        TranslationCache cache = new TranslationCache(RetentionPolicy.NONE, listener);
        cache.add(0x1000, 0x1000, page(false));
        cache.addStructure(0x1000, 1, 21, 0x5000, 15);
        assertThat(cache.retains()).isFalse();
        assertThat(cache.find(0x1000)).isNegative();
        assertThat(cache.findStructure(0x1000, 1, 21)).isNegative();
    }

    @Test
    void seededIsTheSameForTheSameSeedAndDropsAtRandom() {
        List<List<Long>> runs = new ArrayList<>();
        for (String policy : new String[] {"seeded:1", "seeded:1", "seeded:2"}) {
            dropped.clear();
            TranslationCache cache = new TranslationCache(RetentionPolicy.parse("t", policy), listener);
            for (int i = 0; i < 500; i++) {
                cache.add((long) i << 12, (long) i << 12, page(false));
            }
            assertThat(cache.size()).isBetween(300, 450);
            runs.add(new ArrayList<>(dropped));
        }
        assertThat(runs.get(0)).isEqualTo(runs.get(1)).isNotEqualTo(runs.get(2));
    }

    @Test
    void globalTranslationsServeEveryPcidOfTheirSpaceOnly() {
        TranslationCache cache = new TranslationCache(RetentionPolicy.KEEP, listener);
        cache.select(0, 1);
        cache.add(0x1000, 0x9000, page(true));
        cache.select(0, 2);
        assertThat(cache.find(0x1000)).isNotNegative();
        cache.select(1, 2);
        assertThat(cache.find(0x1000)).isNegative();
    }

    @Test
    void largePagesAreOneEntry() {
        TranslationCache cache = new TranslationCache(RetentionPolicy.KEEP, listener);
        for (int shift : new int[] {21, 22, 30}) {
            long linear = 0xffff_8000_4000_0000L;
            cache.add(linear, 0x8000_0000L, TranslationCache.attributes(15, false, true, 0, shift));
            long last = linear + (1L << shift) - 1;
            int entry = cache.find(last);
            assertThat(cache.physical(entry, last)).isEqualTo(0x8000_0000L + (1L << shift) - 1);
            cache.dropPage(last);
            assertThat(dropped).containsExactly(linear);
            dropped.clear();
            assertThat(cache.find(linear)).isNegative();
        }
    }

    /** SDM Vol. 2, "INVLPG", footnote: if there are multiple TLB entries for a large page, the instruction invalidates all of them. */
    @Test
    void invalidationOfOnePartDropsTheWholePage() {
        long large = 0x4000_0000L;
        int part = TranslationCache.fractured(page(false), 21);
        int globalPart = TranslationCache.fractured(page(true), 21);
        Map<String, java.util.function.Consumer<TranslationCache>> ways = Map.of(
                "INVLPG", cache -> cache.dropPageOfGroup(large + 0x5000),
                "INVPCID", cache -> cache.dropAddress(0, large + 0x5000),
                "INVVPID", cache -> cache.dropAddressOfGroup(0, large + 0x5000),
                "INVLPGB", cache -> cache.dropMatching(-1, -1, true, large + 0x5000));
        ways.forEach((name, way) -> {
            TranslationCache cache = new TranslationCache(RetentionPolicy.KEEP, listener);
            cache.select(0, 0);
            cache.add(large, 0x1000, part);
            cache.add(large + 0x1000, 0x7000, globalPart);
            cache.add(large + 0x20_0000, 0x2000, part);
            cache.add(large - 0x1000, 0x3000, page(false));
            way.accept(cache);
            assertThat(cache.find(large)).as(name).isNegative();
            assertThat(cache.find(large + 0x20_0000)).as(name).isNotNegative();
            assertThat(cache.find(large - 0x1000)).as(name).isNotNegative();
            cache.clear();
            cache.add(large, 0x1000, page(false));
            way.accept(cache);
            assertThat(cache.find(large)).as(name + " of what is not fractured").isNotNegative();
        });
    }

    @Test
    void invlpgDropsGlobalPartsToo() {
        TranslationCache cache = new TranslationCache(RetentionPolicy.KEEP, listener);
        cache.select(3, 1);
        cache.add(0x20_0000, 0x1000, TranslationCache.fractured(page(true), 21));
        cache.select(3, 2);
        cache.dropPageOfGroup(0x3f_f000);
        assertThat(cache.size()).isZero();
    }
}

package nestbox.mmu.core;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The table of B.3: who is current, in which order the previous ones stand, and who is freed. */
class RootCacheTest {
    private static final int ROLE = 4;
    private static final int OTHER_ROLE = 4 | Role.GUEST_MODE;

    private final List<Long> freed = new ArrayList<>();
    private final RootCache cache = new RootCache(root -> freed.add(root.pgd));

    private static ShadowPage page(int role) {
        return new ShadowPage(1, 0x1000, 0, role, 0);
    }

    private void fill(long current, long... previous) {
        cache.current.set(current, 0x1000, page(ROLE));
        for (int i = 0; i < previous.length; i++) {
            cache.previous[i].set(previous[i], 0x1000, page(ROLE));
        }
    }

    private List<Long> order() {
        List<Long> list = new ArrayList<>();
        list.add(cache.current.valid() ? cache.current.pgd : null);
        for (RootCache.Root root : cache.previous) {
            list.add(root.valid() ? root.pgd : null);
        }
        return list;
    }

    private boolean go(long pgd) {
        return cache.switchTo(pgd, ROLE, true);
    }

    @Test
    void theThirdEntryBecomesCurrentAndTheOthersShiftDown() {
        fill(100, 0, 1, 2);
        assertThat(go(2)).isTrue();
        assertThat(order()).containsExactly(2L, 100L, 0L, 1L);
        assertThat(freed).isEmpty();
    }

    @Test
    void theFirstEntryChangesPlacesWithTheCurrent() {
        fill(100, 0, 1, 2);
        assertThat(go(0)).isTrue();
        assertThat(order()).containsExactly(0L, 100L, 1L, 2L);
    }

    @Test
    void aMissFreesTheOldest() {
        fill(100, 0, 1, 2);
        assertThat(go(7)).isFalse();
        assertThat(order()).containsExactly(null, 100L, 0L, 1L);
        assertThat(freed).containsExactly(2L);
    }

    @Test
    void theCurrentRootIsFoundAtOnce() {
        fill(100, 0, 1, 2);
        assertThat(go(100)).isTrue();
        assertThat(order()).containsExactly(100L, 0L, 1L, 2L);
    }

    @Test
    void withoutACurrentRootAHitClosesTheGap() {
        fill(100, 0, 1, 2);
        cache.release(cache.current);
        freed.clear();
        assertThat(go(1)).isTrue();
        assertThat(order()).containsExactly(1L, 0L, 2L, null);
        assertThat(freed).isEmpty();
    }

    @Test
    void withoutACurrentRootAMissChangesNothing() {
        fill(100, 0, 1, 2);
        cache.release(cache.current);
        freed.clear();
        assertThat(go(9)).isFalse();
        assertThat(order()).containsExactly(null, 0L, 1L, 2L);
        assertThat(freed).isEmpty();
    }

    @Test
    void aRootWithoutShadowPageIsFreedFirst() {
        fill(100, 0, 1, 2);
        cache.current.set(100, 0x2000, null);
        assertThat(go(1)).isTrue();
        assertThat(freed).containsExactly(100L);
        assertThat(order()).containsExactly(1L, 0L, 2L, null);
    }

    @Test
    void aRootOfAnotherRoleDoesNotCount() {
        fill(100, 0, 1, 2);
        assertThat(cache.switchTo(1, OTHER_ROLE, true)).isFalse();
        fill(100, 0, 1, 2);
        assertThat(cache.switchTo(1, OTHER_ROLE, false)).isTrue();
    }

    @Test
    void aDirectRootCountsWhateverTheGuestsCr3() {
        cache.current.set(0, 0x1000, page(ROLE | Role.DIRECT));
        assertThat(cache.switchTo(55, ROLE | Role.DIRECT, true)).isTrue();
    }

    @Test
    void masksFreeWhatTheyName() {
        fill(100, 0, 1, 2);
        cache.free(MmuVcpu.ROOT_CURRENT | MmuVcpu.rootPrevious(1));
        assertThat(order()).containsExactly(null, 0L, null, 2L);
        cache.free(MmuVcpu.ROOTS_ALL);
        assertThat(freed).containsExactlyInAnyOrder(100L, 1L, 0L, 2L);
    }
}

package nestbox.mmu.paging;

import java.util.EnumSet;
import java.util.Set;

/**
 * What bounds a paging format on one processor in one state.
 *
 * @param physBits MAXPHYADDR: address bits from here up are reserved
 * @param linearBits width of linear addresses in IA-32e mode, 48 or 57
 * @param features what the model has and the control registers enable
 */
public record PagingLimits(int physBits, int linearBits, Set<PagingFeature> features) {
    public PagingLimits {
        if (physBits < 32 || physBits > 52) {
            throw new IllegalArgumentException("physBits " + physBits);
        }
        features = features.isEmpty() ? Set.of() : Set.copyOf(features);
    }

    public static PagingLimits of(int physBits, int linearBits, PagingFeature... features) {
        Set<PagingFeature> set = EnumSet.noneOf(PagingFeature.class);
        set.addAll(Set.of(features));
        return new PagingLimits(physBits, linearBits, set);
    }

    public boolean has(PagingFeature feature) {
        return features.contains(feature);
    }
}

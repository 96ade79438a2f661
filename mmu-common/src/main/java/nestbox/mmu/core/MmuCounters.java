package nestbox.mmu.core;

import java.util.LinkedHashMap;
import java.util.Map;

/** What the core has done, as {@code kvm_stat} counts it. Observers read it. */
public final class MmuCounters {
    public long pfTaken;
    public long pfFixed;
    public long pfEmulate;
    public long pfSpurious;
    public long pfRetry;
    public long pfFast;
    public long pfMmioSpteCreated;
    public long pfGuest;
    public long pfReflected;
    public long mmioCacheHits;
    public long mmioCacheFills;
    public long mmioCacheClears;
    public long mmioSpteHits;
    public long rootsBuilt;
    public long rootsReused;
    public long rootsFreed;
    public long pagesShadowed;
    public long pagesZapped;
    public long pagesUnsynced;
    public long pagesSynced;
    public long pagesFlooded;
    public long fastZaps;
    public long emulatedTableWrites;
    public long sptesMapped;
    public long largeSptesMapped;
    public long remoteFlushes;

    /** All of them by name, in order. */
    public Map<String, Long> all() {
        Map<String, Long> map = new LinkedHashMap<>();
        map.put("pf_taken", pfTaken);
        map.put("pf_fixed", pfFixed);
        map.put("pf_emulate", pfEmulate);
        map.put("pf_spurious", pfSpurious);
        map.put("pf_retry", pfRetry);
        map.put("pf_fast", pfFast);
        map.put("pf_mmio_spte_created", pfMmioSpteCreated);
        map.put("pf_guest", pfGuest);
        map.put("pf_reflected", pfReflected);
        map.put("mmio_cache_hits", mmioCacheHits);
        map.put("mmio_cache_fills", mmioCacheFills);
        map.put("mmio_cache_clears", mmioCacheClears);
        map.put("mmio_spte_hits", mmioSpteHits);
        map.put("roots_built", rootsBuilt);
        map.put("roots_reused", rootsReused);
        map.put("roots_freed", rootsFreed);
        map.put("mmu_shadow_zapped", pagesZapped);
        map.put("mmu_shadowed", pagesShadowed);
        map.put("mmu_unsync", pagesUnsynced);
        map.put("mmu_synced", pagesSynced);
        map.put("mmu_flooded", pagesFlooded);
        map.put("mmu_fast_zaps", fastZaps);
        map.put("mmu_pte_write", emulatedTableWrites);
        map.put("pages_mapped", sptesMapped);
        map.put("large_pages_mapped", largeSptesMapped);
        map.put("remote_tlb_flush", remoteFlushes);
        return map;
    }
}

package nestbox.mmu.core;

import java.util.List;
import nestbox.core.trace.Trace;
import nestbox.core.trace.TraceEventType;

/** The MMU core's trace events, named as KVM's tracepoints. A role is a word of bits (level in 0-3). */
public final class MmuTrace {
    public static final TraceEventType GET_PAGE =
            TraceEventType.of("kvm_mmu_get_page", "#gfn", "#role", "root_count", "unsync", "created", "gen");
    public static final TraceEventType SYNC_PAGE =
            TraceEventType.of("kvm_mmu_sync_page", "#gfn", "#role", "root_count", "unsync", "gen");
    public static final TraceEventType UNSYNC_PAGE =
            TraceEventType.of("kvm_mmu_unsync_page", "#gfn", "#role", "root_count", "unsync", "gen");
    public static final TraceEventType PREPARE_ZAP_PAGE =
            TraceEventType.of("kvm_mmu_prepare_zap_page", "#gfn", "#role", "root_count", "unsync", "gen");
    public static final TraceEventType ZAP_ALL_FAST =
            TraceEventType.of("kvm_mmu_zap_all_fast", "mmu_valid_gen", "#mmu_used_pages");
    public static final TraceEventType SET_SPTE =
            TraceEventType.of("kvm_mmu_set_spte", "#gfn", "#spte", "#sptep", "level");
    public static final TraceEventType FAST_PAGE_FAULT =
            TraceEventType.of("fast_page_fault", "#cr2_or_gpa", "#error_code", "#sptep", "#old_spte", "#new_spte");
    public static final TraceEventType MARK_MMIO_SPTE =
            TraceEventType.of("mark_mmio_spte", "#sptep", "#gfn", "access", "#gen");
    public static final TraceEventType CHECK_MMIO_SPTE =
            TraceEventType.of("check_mmio_spte", "#spte", "#kvm_gen", "#spte_gen", "valid");
    public static final TraceEventType HANDLE_MMIO_PAGE_FAULT =
            TraceEventType.of("handle_mmio_page_fault", "#addr", "#gfn", "access");
    /** An access whose fault or operand the MMIO cache answered; KVM has no tracepoint for it. */
    public static final TraceEventType MMIO_CACHE_HIT = TraceEventType.of("mmio_cache_hit", "#address", "#gfn");

    public static final TraceEventType PAGETABLE_WALK = TraceEventType.of("kvm_mmu_pagetable_walk", "#addr", "#pferr");
    public static final TraceEventType WALKER_ERROR = TraceEventType.of("kvm_mmu_walker_error", "#pferr");
    public static final TraceEventType PAGE_FAULT = TraceEventType.of("kvm_page_fault", "#address", "#error_code");

    private static final List<TraceEventType> ALL = List.of(
            GET_PAGE,
            SYNC_PAGE,
            UNSYNC_PAGE,
            PREPARE_ZAP_PAGE,
            ZAP_ALL_FAST,
            SET_SPTE,
            FAST_PAGE_FAULT,
            MARK_MMIO_SPTE,
            CHECK_MMIO_SPTE,
            HANDLE_MMIO_PAGE_FAULT,
            MMIO_CACHE_HIT,
            PAGETABLE_WALK,
            WALKER_ERROR,
            PAGE_FAULT);

    private MmuTrace() {}

    static void page(Trace trace, TraceEventType type, ShadowPage page) {
        trace.emit(type, page.gfn, page.role, page.rootCount, page.unsync ? 1 : 0, page.generation);
    }

    /** The whole table. */
    public static List<TraceEventType> all() {
        return ALL;
    }
}

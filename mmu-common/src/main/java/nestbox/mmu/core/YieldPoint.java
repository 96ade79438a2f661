package nestbox.mmu.core;

import java.util.Arrays;
import java.util.stream.Collectors;
import nestbox.core.NestboxException;

/** Places in L0 at which another vCPU of a real machine could get in between, where KVM has its races. */
public enum YieldPoint {
    FAULT_WALKED(
            "fault-walked",
            Lock.NONE,
            "FNAME(page_fault)",
            "the guest's tables were walked for a fault; what lies behind the frame is not known yet"),
    FAULT_BEFORE_LOCK(
            "fault-before-lock",
            Lock.NONE,
            "kvm_mmu_faultin_pfn, mmu_lock",
            "the sequence of changes and the frame's slot were read, the MMU's lock is not yet taken"),
    FAULT_INSTALL(
            "fault-install",
            Lock.MMU,
            "FNAME(fetch)",
            "the guest's entries were compared once more, the leaf is not yet written"),
    ROOTS_BEFORE_LOCK(
            "roots-before-lock",
            Lock.NONE,
            "mmu_alloc_shadow_roots",
            "the guest's PDPTEs have been read, shadow roots are not yet made"),
    SYNC_ENTRY(
            "sync-entry",
            Lock.MMU,
            "FNAME(sync_spte)",
            "an entry of a guest's table that is out of sync has been read, the shadow entry is not yet written"),
    TABLE_WRITTEN(
            "table-written",
            Lock.MMU,
            "kvm_mmu_track_write",
            "an emulated write has reached a guest's table, its shadow entries are still there"),
    REMOTE_FLUSH(
            "remote-flush",
            Lock.MMU,
            "kvm_flush_remote_tlbs",
            "shadow entries have changed, no processor has yet been asked to flush"),
    ZAP_BATCH("zap-batch", Lock.SLOTS, "kvm_zap_obsolete_pages", "zapping pauses between two batches"),
    SLOT_INVALID(
            "slot-invalid",
            Lock.SLOTS,
            "kvm_invalidate_memslot",
            "a slot that goes away or moves is marked invalid, its translations are about to be zapped"),
    SLOTS_IN_PROGRESS(
            "slots-in-progress",
            Lock.SLOTS,
            "kvm_swap_active_memslots",
            "the generation says that the slots change, the old ones are in force"),
    SLOTS_INSTALLED(
            "slots-installed",
            Lock.SLOTS,
            "kvm_swap_active_memslots",
            "the new slots are in force, the generation still says that they change"),
    DIRTY_PROTECTED(
            "dirty-protected",
            Lock.SLOTS,
            "kvm_get_dirty_log_protect",
            "dirty pages were reported and write-protected, no processor has yet been asked to flush"),
    ENTRY_CHECKED(
            "entry-checked",
            Lock.NONE,
            "vcpu_enter_guest, kvm_vcpu_exit_request",
            "events are chosen and roots loaded for an entry; requests and interrupts are looked at once more"),
    EMULATE_FETCH(
            "emulate-fetch",
            Lock.NONE,
            "x86_emulate_instruction",
            "the guest was left for an instruction, L0 has not yet read its bytes"),
    VMCB12_CHECKED(
            "vmcb12-checked",
            Lock.NONE,
            "nested_svm_vmrun",
            "L0 has copied and checked vmcb12 of a VMRUN, and has not used it yet"),
    VMCS12_CHECKED(
            "vmcs12-checked",
            Lock.NONE,
            "nested_vmx_enter_non_root_mode",
            "L0 has checked vmcs12 of an entry; what it points to in memory (MSR lists, PDPTEs, APIC page) is read later");

    /** What the vCPU holds at a point; others can go as far as they do without it. */
    public enum Lock {
        /** Nothing: another vCPU does what it likes. */
        NONE,
        /** slots_lock, and what userspace holds while it changes slots: others may fault, and nothing is emulated for them. */
        SLOTS,
        /** mmu_lock: others stay in the guest, with the translations that their hardware has. */
        MMU
    }

    private final String id;
    private final Lock lock;
    private final String where;
    private final String meaning;

    YieldPoint(String id, Lock lock, String where, String meaning) {
        this.id = id;
        this.lock = lock;
        this.where = where;
        this.meaning = meaning;
    }

    /** As users write it. */
    public String id() {
        return id;
    }

    public Lock lock() {
        return lock;
    }

    /** The functions of KVM that have the race. */
    public String where() {
        return where;
    }

    public String meaning() {
        return meaning;
    }

    /** @throws NestboxException if there is none of this name */
    public static YieldPoint named(String where, String id) {
        for (YieldPoint point : values()) {
            if (point.id.equals(id)) {
                return point;
            }
        }
        String all = Arrays.stream(values()).map(YieldPoint::id).collect(Collectors.joining(", "));
        throw new NestboxException(where, "yield point '" + id + "' is none of " + all);
    }
}

package nestbox.mmu.core;

import static nestbox.mmu.core.PolicyValue.Verdict.DEVIATES;
import static nestbox.mmu.core.PolicyValue.Verdict.RIGHT;
import static nestbox.mmu.core.PolicyValue.Verdict.SLOW;
import static nestbox.mmu.core.PolicyValue.Verdict.WRONG;

import java.util.List;
import nestbox.core.NestboxException;
import nestbox.mmu.core.PolicyValue.Verdict;

/** The policy points of the MMU core. The first value is that of the preset {@code exact}, {@link #kvm} that of {@code kvm}. */
public enum MmuPolicy implements PolicyPoint {
    MMIO_GVA_ALLOWED(
            "mmioCache.gvaAllowed",
            "legacy",
            value("sean", RIGHT, "proposal, 9 June 2026", "only with shadow paging and CR0.PG=1", MmioGvaRule.SEAN),
            value(
                    "legacy",
                    RIGHT,
                    "Linux",
                    "with every fault that is not TDP's and not nested; needs the clears",
                    MmioGvaRule.LEGACY),
            value(
                    "any",
                    WRONG,
                    "test",
                    "with every fault: a physical address of L1 or L2 is taken for a linear one",
                    MmioGvaRule.ANY)),
    MMIO_CLEAR_ON_NEW_PGD_HIT(
            "mmioCache.clearOnNewPgdHit",
            "on",
            on(RIGHT, "Linux", "forget the linear address when a cached root is taken"),
            off(WRONG, "test", "after MOV CR3 the old address space's MMIO pages match")),
    MMIO_CLEAR_ON_LOAD(
            "mmioCache.clearOnLoad",
            "off",
            off(RIGHT, "Linux", "building a root clears only through the synchronisation of roots"),
            value("paolo", RIGHT, "patch 2/3, 4 June 2026", "building a root always clears", Rule.YES)),
    MMIO_CLEAR_ON_SYNC(
            "mmioCache.clearOnSync",
            "on",
            on(RIGHT, "Linux", "forget the linear address when shadow roots are synchronised"),
            off(WRONG, "test", "a miss in the root cache keeps the old address space's MMIO page")),
    MMIO_CLEAR_ON_UNLOAD(
            "mmioCache.clearOnUnload",
            "on",
            on(RIGHT, "Linux", "forget the linear address when all roots are dropped"),
            off(WRONG, "test", "after a change of paging mode the old MMIO page matches")),
    MMIO_CLEAR_ON_INVLPG(
            "mmioCache.clearOnInvlpg",
            "on",
            on(RIGHT, "Linux", "INVLPG and INVPCID of the page forget it"),
            off(WRONG, "test", "a page remapped from a device to memory stays the device")),
    MMIO_NESTED_LOOKUP(
            "mmioCache.nestedLookup",
            "refuse",
            value("refuse", RIGHT, "Linux", "an nGPA is never looked up in a cache of L1 addresses", NgpaLookup.REFUSE),
            value(
                    "allow",
                    WRONG,
                    "test",
                    "an nGPA equal to an L1 device's address is emulated as that device",
                    NgpaLookup.ALLOW)),
    MMIO_REFUSE_IN_FLUX(
            "mmioCache.refuseInFlux",
            "on",
            on(RIGHT, "Linux ddfd1730fd82", "nothing is cached or matched while slots change"),
            off(WRONG, "Linux before 3.18", "a page cached during an update matches after memory is there")),
    MMIO_GENERATION_WRAP(
            "mmioCache.generationWrap",
            "zap",
            value("zap", RIGHT, "Linux", "when the 19-bit generation returns to 0 all shadow pages go", Rule.YES),
            value("ignore", WRONG, "test", "an MMIO SPTE of 2^18 updates ago is valid again", Rule.NO)),
    ROOTS_PREV_WHEN_PCID_OFF(
            "roots.prevRootsWhenPcidOff",
            "keep",
            value(
                    "keep",
                    RIGHT,
                    "Linux 509bfe3d9796",
                    "without PCIDs cached roots are outside the guest's TLB",
                    Rule.YES),
            value("free", SLOW, "Linux 21823fbda552", "each MOV CR3 empties the root cache", Rule.NO)),
    ROOTS_UNLOAD_ON_PCIDE_SET(
            "roots.unloadOnPcideSet",
            "on",
            on(RIGHT, "Linux 509bfe3d9796", "setting CR4.PCIDE drops all roots"),
            off(WRONG, "test", "a root that is out of sync is taken with MOV CR3 and bit 63")),
    ROOTS_COMPARE_ROLE(
            "roots.compareRole",
            "on",
            on(RIGHT, "Linux", "a cached root is taken only for the same role"),
            off(WRONG, "test", "L1 and L2, or two paging modes, share a root")),
    ROOTS_GUEST_MODE_IN_ROLE(
            "roots.guestModeInRole",
            "on",
            on(RIGHT, "Linux 46d6c6f3ef0e, 6.14", "a root of NPT12 has the role of guest mode"),
            off(WRONG, "Linux before 6.14", "its role is computed before guest mode is entered: it counts as L1's")),
    ROOTS_FREE_UNSYNC_ON_GUEST_FLUSH(
            "roots.freeUnsyncOnGuestFlush",
            "on",
            on(RIGHT, "Linux 07ffaf343e34", "a guest's flush drops cached roots that are out of sync"),
            off(WRONG, "Linux before 5.13", "a later switch with bit 63 uses stale entries")),
    ROOTS_FORCE_SYNC_ON_REUSE(
            "roots.forceSyncOnReuse",
            "off",
            off(RIGHT, "Linux", "a cached root is synchronised only if the guest asks for a flush"),
            on(SLOW, "Linux, module option force_flush_and_sync_on_reuse", "each reuse synchronises and flushes")),
    ROOTS_SYNC_CHILD_BEFORE_LINK(
            "roots.syncChildBeforeLink",
            "on",
            on(RIGHT, "Linux 65855ed8b034", "a table that is out of sync is synchronised before it is linked"),
            off(WRONG, "Linux before 5.15", "linking a table that was edited shows its old entries")),
    ROOTS_FREE_ON_INVEPT(
            "roots.freeOnInvept",
            "all",
            value("all", RIGHT, "Linux, 2020", "INVEPT drops current and cached roots of EPT12", Rule.YES),
            value("current", WRONG, "Linux before 5.9", "cached roots keep entries that L1 has removed", Rule.NO)),
    SHADOW_TABLE_ACCESS(
            "shadow.tableAccess",
            "ancestors",
            value(
                    "ancestors",
                    RIGHT,
                    "Linux b1bd5cba3306",
                    "a shadow page has the rights of the entries above it",
                    Rule.YES),
            value(
                    "deepest",
                    WRONG,
                    "Linux before 5.13, CVE-2021-38198",
                    "it has those of the lowest table of the walk that made it",
                    Rule.NO)),
    SHADOW_UPPER_LEVEL_UNSYNC(
            "shadow.upperLevelUnsync",
            "zap",
            value(
                    "zap",
                    RIGHT,
                    "Linux, June 2021",
                    "a page that becomes an upper-level table loses its unsync shadows",
                    UpperLevelUnsync.ZAP),
            value(
                    "keep",
                    RIGHT,
                    "test",
                    "they stay, until a flush compares them with the table",
                    UpperLevelUnsync.KEEP),
            value(
                    "sync",
                    WRONG,
                    "Linux before June 2021",
                    "they are compared with the table as the MMU in use reads it, L2's for L1's",
                    UpperLevelUnsync.SYNC)),
    SHADOW_NX_IN_ROLE(
            "shadow.nxInRole",
            "off",
            on(RIGHT, "Linux 9645bb56b31a, 2.6.23 to 5.16", "shadow pages differ by EFER.NXE"),
            off(
                    DEVIATES,
                    "Linux, which forces the bit with shadow paging",
                    "after EFER.NXE is cleared, entries with bit 63 stay usable until they are invalidated")),
    SHADOW_PSE_IN_ROLE(
            "shadow.pseInRole",
            "off",
            on(RIGHT, "the manual", "shadow pages of 2-level tables differ by CR4.PSE"),
            off(DEVIATES, "Linux", "4-MByte pages shadowed before CR4.PSE was cleared stay")),
    SHADOW_SYNC_FLUSH(
            "shadow.syncFlush",
            "before",
            value(
                    "before",
                    RIGHT,
                    "Linux, mmu_sync_children",
                    "the others lose their right to write to a table before it is read again",
                    Rule.YES),
            value(
                    "after",
                    WRONG,
                    "test",
                    "what another processor still writes to the table after that is never seen",
                    Rule.NO)),
    FAULT_RETRY(
            "fault.retry",
            "on",
            on(
                    RIGHT,
                    "Linux, mmu_invalidate_seq",
                    "a fault during which slots or attributes of memory changed begins again"),
            off(WRONG, "test", "it maps what was there before")),
    WALK_NCR3_LOW(
            "walk.ncr3Low",
            "ignored",
            value("ignored", RIGHT, "APM, Linux f559b2e9c5c5", "bits 4:0 of nCR3 are ignored in PAE paging", Rule.YES),
            value(
                    "used",
                    WRONG,
                    "CVE-2024-50115",
                    "they are part of the address: PDPTEs beyond the page are read",
                    Rule.NO)),
    WALK_TABLE_OUTSIDE_MEMORY(
            "walk.tableOutsideMemory",
            "fault",
            value("ones", RIGHT, "the PC's open bus", "an entry outside memory reads as ones", Rule.YES),
            value("fault", DEVIATES, "Linux", "an entry outside memory is not present", Rule.NO));

    private final String text;
    private final String kvm;
    private final List<PolicyValue> values;

    MmuPolicy(String text, String kvm, PolicyValue... values) {
        this.text = text;
        this.kvm = kvm;
        this.values = List.of(values);
    }

    private static PolicyValue value(String name, Verdict verdict, String origin, String explanation, Object rule) {
        return new PolicyValue(name, verdict, origin, explanation, rule);
    }

    private static PolicyValue on(Verdict verdict, String origin, String explanation) {
        return value("on", verdict, origin, explanation, Rule.YES);
    }

    private static PolicyValue off(Verdict verdict, String origin, String explanation) {
        return value("off", verdict, origin, explanation, Rule.NO);
    }

    @Override
    public String text() {
        return text;
    }

    @Override
    public List<PolicyValue> choices() {
        return values;
    }

    /** What a value's rule must be. */
    Class<?> takes() {
        return switch (this) {
            case MMIO_GVA_ALLOWED -> MmioGvaRule.class;
            case MMIO_NESTED_LOOKUP -> NgpaLookup.class;
            case SHADOW_UPPER_LEVEL_UNSYNC -> UpperLevelUnsync.class;
            default -> Rule.class;
        };
    }

    @Override
    public PolicyValue kvm() {
        return value(kvm);
    }

    /** @throws NestboxException if there is none of this name */
    public static MmuPolicy named(String name) {
        for (MmuPolicy policy : values()) {
            if (policy.text.equals(name)) {
                return policy;
            }
        }
        throw new NestboxException("policy", "'" + name + "' is no policy of the MMU core");
    }
}

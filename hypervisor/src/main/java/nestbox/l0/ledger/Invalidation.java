package nestbox.l0.ledger;

import nestbox.x86.mem.TranslationObserver.Scope;

/**
 * An event that the manual says removes translations.
 *
 * @param number among all writes and invalidations
 * @param time virtual time
 * @param kind what happened
 * @param scope what an instruction of the world itself reaches
 * @param tag the world's, see {@link World#tag}
 * @param pcid of one PCID
 * @param address linear, nested-physical, or of nested tables
 * @param root nested tables of an EPT violation
 */
public record Invalidation(
        long number, long time, Kind kind, Scope scope, long tag, int pcid, long address, long root) {
    /** SDM Vol. 3, "Operations that Invalidate Cached Mappings"; APM Vol. 2, "TLB Management" of SVM. */
    public enum Kind {
        /** INVLPG, INVPCID, MOV CR and their like, by L1 for itself or by L2 for itself. */
        INSTRUCTION,
        /** A VM entry or exit without VPID, of VPID 0. */
        TRANSITION,
        INVVPID_ADDRESS,
        INVVPID,
        INVVPID_ALL,
        INVVPID_NON_GLOBAL,
        INVEPT,
        INVEPT_ALL,
        /** L1 sees an EPT violation: the address's mappings in these tables go. */
        EPT_VIOLATION,
        TLB_CONTROL_ALL,
        TLB_CONTROL_ASID,
        TLB_CONTROL_NON_GLOBAL,
        INVLPGA
    }

    /** Whether what the guest's tables made of an address is gone. */
    boolean coversFirstStage(Path path, World world, int pcid, long linear) {
        boolean tagged = tag == world.tag();
        boolean samePage = address >>> path.shift() == linear >>> path.shift();
        return switch (kind) {
            case INSTRUCTION -> tagged && reaches(path, pcid, samePage);
            case TRANSITION, INVVPID, TLB_CONTROL_ASID -> tagged;
            case INVVPID_ADDRESS, INVLPGA -> tagged && samePage;
            case INVVPID_ALL -> world.tag() != 0;
            case INVVPID_NON_GLOBAL, TLB_CONTROL_NON_GLOBAL -> tagged && !path.global();
            case INVEPT -> address == world.root();
            case INVEPT_ALL -> world.second() != null;
            case EPT_VIOLATION -> false;
            case TLB_CONTROL_ALL -> true;
        };
    }

    /** Whether a translation by nested tables is gone. On AMD's processors it is part of that of the linear address. */
    boolean coversSecondStage(Path.Nested part, boolean global, World world) {
        boolean samePage = address >>> part.shift() == part.ngpa() >>> part.shift();
        return switch (kind) {
            case INVEPT -> address == world.root();
            case INVEPT_ALL, TLB_CONTROL_ALL -> true;
            case EPT_VIOLATION -> root == world.root() && samePage;
            case TLB_CONTROL_ASID -> tag == world.tag();
            case TLB_CONTROL_NON_GLOBAL -> tag == world.tag() && !global;
            default -> false;
        };
    }

    /** SDM Vol. 3, "Operations that Invalidate TLBs and Paging-Structure Caches". */
    private boolean reaches(Path path, int current, boolean samePage) {
        return switch (scope) {
            case ADDRESS -> samePage && (path.global() || pcid == current);
            case ADDRESS_OF_PCID -> samePage && !path.global() && pcid == current;
            case CONTEXT -> !path.global() && pcid == current;
            case CONTEXT_AND_GLOBAL -> path.global() || pcid == current;
            case ALL_BUT_GLOBAL -> !path.global();
            case ALL -> true;
        };
    }

    @Override
    public String toString() {
        String what = switch (kind) {
            case INSTRUCTION -> instruction();
            case TRANSITION -> "flush of ALL";
            case INVVPID_ADDRESS -> String.format("INVVPID of %x, VPID %d,", address, tag);
            case INVVPID -> "INVVPID of VPID " + tag;
            case INVVPID_ALL -> "INVVPID of all VPIDs";
            case INVVPID_NON_GLOBAL -> "INVVPID of VPID " + tag + ", but for global translations,";
            case INVEPT -> String.format("INVEPT of %x", address);
            case INVEPT_ALL -> "INVEPT of all tables";
            case EPT_VIOLATION -> String.format("EPT violation of %x", address);
            case TLB_CONTROL_ALL -> "TLB_CONTROL for all ASIDs";
            case TLB_CONTROL_ASID -> "TLB_CONTROL for ASID " + tag;
            case TLB_CONTROL_NON_GLOBAL -> "TLB_CONTROL for ASID " + tag + ", but for global translations,";
            case INVLPGA -> String.format("INVLPGA of %x, ASID %d,", address, tag);
        };
        return what + (tag != 0 && kind == Kind.INSTRUCTION ? " by L2" : "") + " at " + time;
    }

    private String instruction() {
        return switch (scope) {
            case ADDRESS -> String.format("INVLPG of %x", address);
            case ADDRESS_OF_PCID -> String.format("INVPCID of %x, PCID %d,", address, pcid);
            case CONTEXT -> String.format("flush of PCID %d (MOV CR3, INVPCID)", pcid);
            default -> "flush of " + scope;
        };
    }
}

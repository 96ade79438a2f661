package nestbox.svm.l0;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What becomes of each check of VMRUN if L0 leaves it out (policy {@code check.omit}). A check is <em>delegable</em> if what it looks at
 * passes through the merge unchanged whichever MMU L0 uses and whatever its guest's model lacks: the silicon's VMRUN of vmcb02 then
 * refuses what is wrong with vmcb12. All others are L0's alone.
 */
public final class OmittedVmrunChecks {
    /** Who finds what a check would have found. */
    public enum Finder {
        /** The silicon, whose VMEXIT_INVALID is L1's. */
        SILICON("delegable"),
        /** Nobody: L2 runs in a state that hardware refuses. */
        NOBODY("L0's alone"),
        /** Another step of L0's entry. */
        ANOTHER_STEP("L0's alone, twice"),
        /** It does not come to that: L0's guests have no state that violates it. */
        NOTHING_TO_FIND("cannot be violated");

        private final String text;

        Finder(String text) {
            this.text = text;
        }

        @Override
        public String toString() {
            return text;
        }
    }

    /**
     * A row.
     *
     * @param finder who finds what the check would have found
     * @param why what vmcb02 has, or what stands in the way
     */
    public record Omitted(Finder finder, String why) {}

    private static final Map<String, Omitted> ROWS = rows();

    private OmittedVmrunChecks() {}

    /** By the ids of the checks. */
    public static Map<String, Omitted> all() {
        return ROWS;
    }

    private static Map<String, Omitted> rows() {
        Map<String, Omitted> rows = new LinkedHashMap<>();
        controls(rows);
        registers(rows);
        String noStacks = "L0 offers hypervisors no shadow stacks";
        add(rows, Finder.NOTHING_TO_FIND, noStacks, "save.s-cet.reserved", "save.cet.wp", "save.cet.v86");
        add(rows, Finder.SILICON, "EVENTINJ passes", "inject.type", "inject.exception.vector", "inject.exception.mode");
        add(rows, Finder.NOTHING_TO_FIND, "without CR0.PG VMRUN is #UD, as with KVM", "nested.host-paging");
        add(rows, Finder.NOBODY, "vmcb02 has a root of L0's", "nested.ncr3.reserved");
        add(rows, Finder.SILICON, "G_PAT passes", "nested.pat");
        return rows;
    }

    private static void controls(Map<String, Omitted> rows) {
        add(rows, Finder.NOBODY, "vmcb02 intercepts VMRUN in any case", "control.vmrun.intercepted");
        add(rows, Finder.NOBODY, "vmcb02 has L0's own ASID", "control.asid.nonzero");
        add(rows, Finder.NOBODY, "vmcb02 has a map of L0's own", "control.iopm.address", "control.msrpm.address");
        add(rows, Finder.NOBODY, "vmcb02 intercepts NMIs in any case", "control.vnmi.intercepted");
    }

    private static void registers(Map<String, Omitted> rows) {
        add(rows, Finder.NOBODY, "vmcb02 has it set in any case", "save.efer.svme");
        String model = "it passes, but the silicon may have what the guest's model lacks";
        add(rows, Finder.NOBODY, model, "save.efer.reserved", "save.cr4.reserved");
        add(rows, Finder.NOBODY, "vmcb02 has both clear", "save.cr0.cd-nw");
        add(rows, Finder.SILICON, "CR0[63:32] passes", "save.cr0.high");
        add(rows, Finder.NOBODY, "without nested paging vmcb02 has a root of L0's", "save.cr3.reserved");
        add(rows, Finder.NOBODY, "L0's registers have 32 bits there", "save.dr6.high", "save.dr7.high");
        add(rows, Finder.NOBODY, "without nested paging vmcb02 has CR4.PAE set", "save.long-mode.pae");
        add(rows, Finder.SILICON, "EFER.LME and CR0.PE pass", "save.long-mode.pe");
        add(rows, Finder.SILICON, "EFER.LME and the attributes of CS pass", "save.long-mode.cs");
        add(rows, Finder.ANOTHER_STEP, "L0 loads the PDPEs itself, and refuses then", "save.pdpe.reserved");
    }

    private static void add(Map<String, Omitted> rows, Finder finder, String why, String... checks) {
        for (String check : checks) {
            rows.put(check, new Omitted(finder, why));
        }
    }
}

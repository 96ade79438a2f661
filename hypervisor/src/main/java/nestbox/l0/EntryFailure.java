package nestbox.l0;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;
import nestbox.core.NestboxException;

/** The ways in which a nested entry fails; what is left of it afterwards depends on nothing else. */
public enum EntryFailure {
    /** The silicon refuses L2's control structure. VMX: VMfailValid; SVM: #VMEXIT(INVALID). */
    VMFAIL(false, "the silicon refuses the entry: VMfail, or #VMEXIT(INVALID)"),
    /** L2's state is illegal. VMX: exit 33; SVM: #VMEXIT(INVALID). */
    GUEST_STATE(true, "L2's state is illegal: exit 33, or #VMEXIT(INVALID)"),
    /** An entry of L1's list of MSRs cannot be loaded. VMX: exit 34; SVM has no such list. */
    MSR_LOAD(true, "an MSR of the entry list cannot be loaded: exit 34"),
    /** A page that the entry needs is no memory: L0 gives the run up before L1's instruction. */
    UNBACKED_PAGE(false, "a page that the entry needs is no memory: KVM_EXIT_INTERNAL_ERROR"),
    /** L0 has no frame left for a table: as with an unbacked page. */
    OUT_OF_MEMORY(false, "L0 has no frame left: KVM_EXIT_INTERNAL_ERROR");

    private final boolean toHost;
    private final String meaning;

    EntryFailure(boolean toHost, String meaning) {
        this.toHost = toHost;
        this.meaning = meaning;
    }

    /**
     * Whether the entry fails behind its controls. On VMX L1 then goes on with the host state of vmcs12, and MSRs that were loaded
     * stay; else everything is as it was before.
     */
    public boolean toHost() {
        return toHost;
    }

    /** Whether L0 gives the run up, which can go on at L1's instruction once more. */
    public boolean givesUp() {
        return this == UNBACKED_PAGE || this == OUT_OF_MEMORY;
    }

    public String meaning() {
        return meaning;
    }

    /** As a user writes it. */
    public String text() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** @throws NestboxException naming {@code where} and the possible values */
    static EntryFailure parse(String where, String text) {
        for (EntryFailure failure : values()) {
            if (failure.text().equals(text)) {
                return failure;
            }
        }
        String all = Arrays.stream(values()).map(EntryFailure::text).collect(Collectors.joining(", "));
        throw new NestboxException(where, "'" + text + "' is none of " + all);
    }
}

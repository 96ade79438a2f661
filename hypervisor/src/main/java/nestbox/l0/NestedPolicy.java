package nestbox.l0;

import static nestbox.mmu.core.PolicyValue.Verdict.DEVIATES;
import static nestbox.mmu.core.PolicyValue.Verdict.RIGHT;
import static nestbox.mmu.core.PolicyValue.Verdict.SLOW;
import static nestbox.mmu.core.PolicyValue.Verdict.WRONG;

import java.util.List;
import nestbox.core.NestboxException;
import nestbox.mmu.core.PolicyPoint;
import nestbox.mmu.core.PolicyValue;

/**
 * The policy points of nesting (facts A.1, A.3, A.4, G and H). The first value is that of the preset {@code exact}, {@link #kvm} that
 * of {@code kvm}. Where a point has two values that answer yes or no, {@link NestedPolicies#applies} asks it.
 */
public enum NestedPolicy implements PolicyPoint {
    VMFAIL_PDPTR(
            "vmfail.pdptr",
            "none",
            value(
                    "snapshot",
                    RIGHT,
                    "proposal, 9 June 2026",
                    "when hardware refuses vmcs02, L1's PDPTE registers come back as they were",
                    VmfailPdptr.SNAPSHOT),
            value(
                    "memory",
                    WRONG,
                    "patch 1/3, 4 June 2026",
                    "they are loaded again from memory, which L1 may have edited since",
                    VmfailPdptr.MEMORY),
            value("none", WRONG, "Linux", "L2's stay, without EPT", VmfailPdptr.NONE)),
    VMFAIL_CR3(
            "vmfail.cr3",
            "snapshot",
            value(
                    "snapshot",
                    RIGHT,
                    "Linux, June 2026",
                    "when hardware refuses vmcs02, L1's CR3 comes back as it was",
                    VmfailCr3.SNAPSHOT),
            value(
                    "stash",
                    WRONG,
                    "Linux f087a02941fe, 5.2 to 7.0",
                    "without EPT it is kept in vmcs01.GUEST_CR3, where it stays if L0 gives the entry up",
                    VmfailCr3.STASH),
            value(
                    "vmcs01",
                    WRONG,
                    "Linux bd18bffca353, 4.19",
                    "it is read from vmcs01.GUEST_CR3, which without EPT holds L0's own",
                    VmfailCr3.VMCS01),
            value("none", WRONG, "Linux before bd18bffca353", "L2's stays", VmfailCr3.NONE)),
    VMFAIL_UNLOAD(
            "vmfail.unload",
            "on",
            value(
                    "off",
                    RIGHT,
                    "patch 3/3, 4 June 2026",
                    "when hardware refuses vmcs02, the roots of L1 and L2 are kept",
                    Boolean.FALSE),
            value("on", SLOW, "Linux", "all roots are dropped, and L1's is built anew", Boolean.TRUE)),
    VMFAIL_MSR(
            "vmfail.msr",
            "exitList",
            value(
                    "snapshot",
                    RIGHT,
                    "SDM",
                    "when hardware refuses vmcs02, the MSRs of the entry list come back as they were",
                    VmfailMsr.SNAPSHOT),
            value(
                    "exitList",
                    WRONG,
                    "Linux",
                    "those that the exit-load list has, too, get the value that it gives them",
                    VmfailMsr.EXIT_LIST),
            value("none", WRONG, "test", "L2's stay", VmfailMsr.NONE)),
    SVM_INVALID_EXIT(
            "svm.invalidExit",
            "kvm",
            value(
                    "silicon",
                    RIGHT,
                    "silicon",
                    "a VMRUN that fails clears EXITINTINFO in vmcb12 and leaves EVENTINJ",
                    Boolean.FALSE),
            value("kvm", DEVIATES, "Linux", "it clears EVENTINJ and leaves EXITINTINFO", Boolean.TRUE)),
    SVM_HOST_PDPTES(
            "svm.hostPdptes",
            "memory",
            value("memory", RIGHT, "APM, Linux", "#VMEXIT loads L1's PDPTEs from memory at its CR3", Boolean.TRUE),
            value("kept", WRONG, "test", "they are what they were before VMRUN, as on VMX at VMfail", Boolean.FALSE));

    /** Where L1's PDPTE registers come from when hardware refuses vmcs02. */
    public enum VmfailPdptr {
        SNAPSHOT,
        MEMORY,
        NONE
    }

    /** Where L1's CR3 comes from then. */
    public enum VmfailCr3 {
        SNAPSHOT,
        STASH,
        VMCS01,
        NONE
    }

    /** Where the MSRs that the entry list loaded come from then. */
    public enum VmfailMsr {
        SNAPSHOT,
        EXIT_LIST,
        NONE
    }

    private final String text;
    private final String kvm;
    private final List<PolicyValue> values;

    NestedPolicy(String text, String kvm, PolicyValue... values) {
        this.text = text;
        this.kvm = kvm;
        this.values = List.of(values);
    }

    private static PolicyValue value(
            String name, PolicyValue.Verdict verdict, String origin, String explanation, Object rule) {
        return new PolicyValue(name, verdict, origin, explanation, rule);
    }

    @Override
    public String text() {
        return text;
    }

    @Override
    public List<PolicyValue> choices() {
        return values;
    }

    @Override
    public PolicyValue kvm() {
        return value(kvm);
    }

    static boolean isOne(String name) {
        for (NestedPolicy policy : values()) {
            if (policy.text.equals(name)) {
                return true;
            }
        }
        return false;
    }

    /** @throws NestboxException if there is none of this name */
    public static NestedPolicy named(String name) {
        for (NestedPolicy policy : values()) {
            if (policy.text.equals(name)) {
                return policy;
            }
        }
        throw new NestboxException("policy", "'" + name + "' is no policy of nesting");
    }
}

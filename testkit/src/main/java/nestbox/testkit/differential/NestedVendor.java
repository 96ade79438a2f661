package nestbox.testkit.differential;

/** Silicon of a vendor, and the model that L0 and the bare silicon show L1 alike. */
public enum NestedVendor {
    /** LAM and protection keys are left out: L0 hides them under shadow paging, and LAM has no intercept. */
    INTEL(
            "max,+vmx,-lam,-pku,-pks",
            "l1-vmx.asm",
            "vmcall",
            "-ibt,-shstk,-waitpkg"
                    + off(
                            "activity-shutdown bus-lock-detection enable-user-wait-pause entry-load-cet entry-load-perf-global-ctrl"
                                    + " entry-load-pkrs ept-advanced-exitinfo ept-uc ept-ve exit-load-cet exit-load-perf-global-ctrl"
                                    + " exit-load-pkrs exit-save-perf-global-ctrl mbec notify page-walk-5 ple spp tertiary-ctls"
                                    + " zero-len-inject"),
            off("ept ept-1gb ept-2mb ept-execonly ept-wb eptad eptp-switching invept"
                    + " invept-all-context invept-single-context page-walk-4 pml unrestricted-guest vmfunc")),
    /** Without decode assists: L0 does not offer them, but exits carry what they tell, as under KVM. */
    AMD(
            "EPYC-Milan,+svm,-pku,-decodeassists",
            "l1-svm.asm",
            "vmmcall",
            "-ibt,-shstk,-gmet,-svm-lock,-tlbictl",
            ",-npt,-v-vmsave-vmload");

    private final String silicon;
    final String source;
    /** What L2 executes to leave. */
    final String hypercall;

    private final String withheld;
    private final String withheldWithoutTdp;

    NestedVendor(String silicon, String source, String hypercall, String withheld, String withheldWithoutTdp) {
        this.silicon = silicon;
        this.source = source;
        this.hypercall = hypercall;
        this.withheld = withheld;
        this.withheldWithoutTdp = withheldWithoutTdp;
    }

    private static String off(String features) {
        return ",-vmx-" + features.replace(" ", ",-vmx-");
    }

    String silicon() {
        return silicon;
    }

    /** The model that L1 sees: what L0 offers, so that no difference is one of the offer. */
    String model(boolean tdp) {
        return silicon + ",+hypervisor," + withheld + (tdp ? "" : withheldWithoutTdp);
    }
}

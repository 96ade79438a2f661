package nestbox.vmx.capability;

/**
 * The vectors of capability bits that VMX has: control words with their capability MSRs, and the plain capability MSRs
 * (SDM Vol. 3, Appendix "VMX Capability Reporting Facility").
 */
public enum CapabilityWord {
    BASIC("IA32_VMX_BASIC", 0x480, -1, 0),
    PIN("pin-based VM-execution controls", 0x481, 0x48d, 0x16),
    PRIMARY("primary processor-based VM-execution controls", 0x482, 0x48e, 0x0401_e172),
    SECONDARY("secondary processor-based VM-execution controls", 0x48b, -1, 0),
    TERTIARY("tertiary processor-based VM-execution controls", 0x492, -1, 0),
    EXIT("primary VM-exit controls", 0x483, 0x48f, 0x0003_6dff),
    EXIT2("secondary VM-exit controls", 0x493, -1, 0),
    ENTRY("VM-entry controls", 0x484, 0x490, 0x11ff),
    MISC("IA32_VMX_MISC", 0x485, -1, 0),
    EPT_VPID("IA32_VMX_EPT_VPID_CAP", 0x48c, -1, 0),
    VMFUNC("VM-function controls", 0x491, -1, 0);

    private final String title;
    private final int msr;
    private final int trueMsr;
    private final int default1;

    CapabilityWord(String title, int msr, int trueMsr, int default1) {
        this.title = title;
        this.msr = msr;
        this.trueMsr = trueMsr;
        this.default1 = default1;
    }

    /** The manual's name of the word. */
    public String title() {
        return title;
    }

    /** Index of the MSR that reports on the word. */
    public int msr() {
        return msr;
    }

    /** Index of the MSR that reports the true settings, or -1 for words whose reserved bits are all 0. */
    public int trueMsr() {
        return trueMsr;
    }

    /** The default1 class: reserved bits that must be 1 unless the true MSR says otherwise. */
    public int default1() {
        return default1;
    }
}

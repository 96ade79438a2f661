package nestbox.testkit.differential;

import java.util.Locale;

/** What a step of L1 does, in the order of its table; operands are a, b and c. Those of one vendor only say so. */
enum L1Op {
    /** b to the memory at a. */
    STORE8(null),
    STORE4(null),
    STORE1(null),
    /** Logs the memory at a. */
    LOAD8(null),
    /** Inverts the bits b of the memory at a. */
    FLIP(null),
    /** An interrupt or NMI of L1 to itself: a is the low half of the APIC's command. */
    IPI(null),
    /** Takes interrupts that wait. */
    WINDOW(null),
    /** RFLAGS a and interruptibility b of the next entry. */
    ENTRY(null),
    INVLPG(null),
    /** Loads L1's CR3 again. */
    CR3(null),
    RDMSR(null),
    /** MSR a := b. */
    WRMSR(null),
    /** Logs a sum of L1's state that an exit loads: MSRs, segments, descriptor tables. */
    HOST(null),
    /** Logs a sum of all fields, or of both VMCBs. */
    DUMP(null),
    /** For the next probe: field or offset a becomes b, or its bits b are inverted if c is 1. */
    MUTATE(null),
    /** Enters guest a at one instruction with the mutations, and takes them back. */
    PROBE(null),
    /** VMWRITE of b to field a of the current VMCS. */
    WRITE(NestedVendor.INTEL),
    READ(NestedVendor.INTEL),
    FLIP_FIELD(NestedVendor.INTEL),
    /** Guest a's VMCS becomes current. */
    CURRENT(NestedVendor.INTEL),
    /** INVEPT of type a, EPTP b. */
    INVEPT(NestedVendor.INTEL),
    /** INVVPID of type a, VPID b, address c. */
    INVVPID(NestedVendor.INTEL),
    VMCLEAR(NestedVendor.INTEL),
    VMPTRLD(NestedVendor.INTEL),
    VMPTRST(NestedVendor.INTEL),
    LAUNCH(NestedVendor.INTEL),
    RESUME(NestedVendor.INTEL),
    /** INVLPGA of address a, ASID b. */
    INVLPGA(NestedVendor.AMD),
    /** An interrupt of L1 to itself while GIF is clear; a is the low half of the APIC's command. */
    CLOSED(NestedVendor.AMD),
    /** VMRUN, VMSAVE, VMLOAD of address a. */
    VMRUN(NestedVendor.AMD),
    VMSAVE(NestedVendor.AMD),
    VMLOAD(NestedVendor.AMD);

    private final NestedVendor only;

    L1Op(NestedVendor only) {
        this.only = only;
    }

    /** The label of its code in this vendor's L1, or 0. */
    String label(NestedVendor vendor) {
        return only == null || only == vendor ? "l1_" + this : "0";
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}

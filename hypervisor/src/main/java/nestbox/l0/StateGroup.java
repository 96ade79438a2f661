package nestbox.l0;

/** Parts of a guest's registers that move between the control structure and L0's copy, as a bit set. */
public final class StateGroup {
    /** RIP, RSP, RFLAGS, interrupt shadow, NMI blocking. */
    public static final int BASIC = 1;
    /** The other segment registers and descriptor-table registers. */
    public static final int SEGMENTS = 1 << 1;
    /** What of CR0, CR3 and CR4 the guest changes without an exit; PDPTE registers. */
    public static final int CONTROL = 1 << 2;
    /** System MSRs that the guest changes without an exit. */
    public static final int SYSTEM = 1 << 3;
    /** x87 and vector registers, XCR0, PKRU. */
    public static final int VECTOR = 1 << 4;

    /** CS and SS, from which mode and CPL follow. */
    public static final int CODE = 1 << 5;

    public static final int ALL = BASIC | SEGMENTS | CONTROL | SYSTEM | VECTOR | CODE;

    /** What L1 and L2 have of their own. */
    public static final int SWITCHED = ALL & ~VECTOR;

    private StateGroup() {}
}

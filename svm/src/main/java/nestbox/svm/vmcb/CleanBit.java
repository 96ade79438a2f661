package nestbox.svm.vmcb;

/** Groups of VMCB fields that software may declare unchanged since the last VMRUN (APM Vol. 2, "VMCB Clean Bits"). */
public enum CleanBit {
    /** Intercept vectors, TSC offset, pause filter. */
    I(0),
    IOPM(1),
    ASID(2),
    /** V_TPR to V_INTR_VECTOR. */
    TPR(3),
    /** Nested paging: enable, nCR3, G_PAT. */
    NP(4),
    CRX(5),
    DRX(6),
    DT(7),
    SEG(8),
    CR2(9),
    LBR(10),
    AVIC(11),
    CET(12);

    private final int bit;

    CleanBit(int bit) {
        this.bit = bit;
    }

    /** Bit number in the clean field at offset C0h. */
    public int bit() {
        return bit;
    }
}

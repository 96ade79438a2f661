package nestbox.svm.vmcb;

import nestbox.x86.Cpu;

/**
 * Segment registers of the state-save area, 16 bytes each: selector, attributes, limit, base (APM Vol. 2, "Layout of VMCB",
 * "State Save Area"). Attributes are the descriptor's bits 55:52 and 47:40 as 12 bits.
 */
public enum VmcbSegment {
    ES(0x400, true),
    CS(0x410, true),
    SS(0x420, true),
    DS(0x430, true),
    FS(0x440, false),
    GS(0x450, false),
    GDTR(0x460, true),
    LDTR(0x470, false),
    IDTR(0x480, true),
    TR(0x490, false);

    /** Attribute bits. */
    public static final int LONG = 1 << 9;

    public static final int DEFAULT_BIG = 1 << 10;
    private static final int LOW = 0xff;
    private static final int HIGH = 0xf00;
    private static final int HIGH_SHIFT = 4;

    private final int offset;
    private final boolean switched;

    VmcbSegment(int offset, boolean switched) {
        this.offset = offset;
        this.switched = switched;
    }

    /** Byte offset of the selector in the VMCB. */
    public int offset() {
        return offset;
    }

    /** Whether VMRUN and #VMEXIT switch it; the others are VMLOAD's and VMSAVE's. */
    public boolean switched() {
        return switched;
    }

    /** The clean bit that covers it; null for those of VMLOAD and VMSAVE. */
    public CleanBit clean() {
        return !switched ? null : this == GDTR || this == IDTR ? CleanBit.DT : CleanBit.SEG;
    }

    /** Access rights as {@link Cpu#rights} has them; a segment that is not present is unusable. */
    public static int rights(int attributes) {
        int rights = attributes & LOW | (attributes & HIGH) << HIGH_SHIFT;
        return (rights & Cpu.RIGHTS_P) == 0 ? rights | Cpu.RIGHTS_UNUSABLE : rights;
    }

    /** Attributes of access rights; an unusable segment is stored as not present. */
    public static int attributes(int rights) {
        int attributes = rights & LOW | rights >>> HIGH_SHIFT & HIGH;
        return (rights & Cpu.RIGHTS_UNUSABLE) != 0 ? attributes & ~Cpu.RIGHTS_P : attributes;
    }
}

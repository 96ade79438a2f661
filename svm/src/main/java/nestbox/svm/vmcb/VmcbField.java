package nestbox.svm.vmcb;

import nestbox.x86.model.Feature;

/**
 * Fields of the VMCB other than segments: byte offset from its start, width in bytes, clean bit (null: never cached) and the
 * feature without which the field is reserved (null: always there). APM Vol. 2, "Layout of VMCB".
 */
public enum VmcbField {
    INTERCEPT_CR(0x000, 4, CleanBit.I, null),
    INTERCEPT_DR(0x004, 4, CleanBit.I, null),
    INTERCEPT_EXCEPTION(0x008, 4, CleanBit.I, null),
    INTERCEPT_MISC1(0x00c, 4, CleanBit.I, null),
    INTERCEPT_MISC2(0x010, 4, CleanBit.I, null),
    INTERCEPT_MISC3(0x014, 4, CleanBit.I, null),
    PAUSE_FILTER_THRESHOLD(0x03c, 2, CleanBit.I, Feature.PFTHRESHOLD),
    PAUSE_FILTER_COUNT(0x03e, 2, CleanBit.I, Feature.PAUSE_FILTER),
    IOPM_BASE_PA(0x040, 8, CleanBit.IOPM, null),
    MSRPM_BASE_PA(0x048, 8, CleanBit.IOPM, null),
    TSC_OFFSET(0x050, 8, CleanBit.I, null),
    GUEST_ASID(0x058, 4, CleanBit.ASID, null),
    TLB_CONTROL(0x05c, 1, null, null),
    /** V_TPR to V_NMI_ENABLE. */
    INTERRUPT_CONTROL(0x060, 4, CleanBit.TPR, null),
    V_INTR_VECTOR(0x064, 1, CleanBit.TPR, null),
    INTERRUPT_SHADOW(0x068, 8, null, null),
    EXITCODE(0x070, 8, null, null),
    EXITINFO1(0x078, 8, null, null),
    EXITINFO2(0x080, 8, null, null),
    EXITINTINFO(0x088, 8, null, null),
    /** NP_ENABLE, GMET, INVLPGB and TLBSYNC in the guest. */
    NESTED_CONTROL(0x090, 8, CleanBit.NP, Feature.NPT),
    EVENTINJ(0x0a8, 8, null, null),
    N_CR3(0x0b0, 8, CleanBit.NP, Feature.NPT),
    /** LBR_VIRTUALIZATION_ENABLE, virtualized VMLOAD and VMSAVE. */
    VIRTUAL_EXTENSIONS(0x0b8, 8, CleanBit.LBR, Feature.LBRV),
    CLEAN(0x0c0, 4, null, Feature.VMCB_CLEAN),
    NRIP(0x0c8, 8, null, Feature.NRIP_SAVE),
    BYTES_FETCHED(0x0d0, 1, null, Feature.DECODEASSISTS),
    INSTRUCTION_BYTES(0x0d1, 15, null, Feature.DECODEASSISTS),

    CPL(0x4cb, 1, CleanBit.SEG, null),
    EFER(0x4d0, 8, CleanBit.CRX, null),
    CR4(0x548, 8, CleanBit.CRX, null),
    CR3(0x550, 8, CleanBit.CRX, null),
    CR0(0x558, 8, CleanBit.CRX, null),
    DR7(0x560, 8, CleanBit.DRX, null),
    DR6(0x568, 8, CleanBit.DRX, null),
    RFLAGS(0x570, 8, null, null),
    RIP(0x578, 8, null, null),
    RSP(0x5d8, 8, null, null),
    S_CET(0x5e0, 8, CleanBit.CET, Feature.SHSTK),
    SSP(0x5e8, 8, CleanBit.CET, Feature.SHSTK),
    ISST_ADDR(0x5f0, 8, CleanBit.CET, Feature.SHSTK),
    RAX(0x5f8, 8, null, null),
    STAR(0x600, 8, null, null),
    LSTAR(0x608, 8, null, null),
    CSTAR(0x610, 8, null, null),
    SFMASK(0x618, 8, null, null),
    KERNEL_GS_BASE(0x620, 8, null, null),
    SYSENTER_CS(0x628, 8, null, null),
    SYSENTER_ESP(0x630, 8, null, null),
    SYSENTER_EIP(0x638, 8, null, null),
    CR2(0x640, 8, CleanBit.CR2, null),
    G_PAT(0x668, 8, CleanBit.NP, Feature.NPT),
    DBGCTL(0x670, 8, CleanBit.LBR, Feature.LBRV),
    BR_FROM(0x678, 8, CleanBit.LBR, Feature.LBRV),
    BR_TO(0x680, 8, CleanBit.LBR, Feature.LBRV),
    LASTEXCPFROM(0x688, 8, CleanBit.LBR, Feature.LBRV),
    LASTEXCPTO(0x690, 8, CleanBit.LBR, Feature.LBRV);

    /** Bytes of the control area; the state-save area follows. */
    public static final int CONTROL_AREA = 0x400;

    private final int offset;
    private final int bytes;
    private final CleanBit clean;
    private final Feature feature;

    VmcbField(int offset, int bytes, CleanBit clean, Feature feature) {
        this.offset = offset;
        this.bytes = bytes;
        this.clean = clean;
        this.feature = feature;
    }

    public int offset() {
        return offset;
    }

    public int bytes() {
        return bytes;
    }

    /** The clean bit that covers the field, or null if the processor reads it at every VMRUN. */
    public CleanBit clean() {
        return clean;
    }

    /** What the model must have for the field to mean anything, or null. */
    public Feature feature() {
        return feature;
    }

    public boolean inSaveArea() {
        return offset >= CONTROL_AREA;
    }
}

package nestbox.svm.l0;

import java.util.Map;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.svm.check.CheckContext;
import nestbox.svm.vmcb.EventInfo;
import nestbox.svm.vmcb.ExitCode;
import nestbox.svm.vmcb.Vmcb;
import nestbox.svm.vmcb.VmcbField;
import nestbox.svm.vmcb.VmcbSegment;
import nestbox.svm.world.LastBranches;
import nestbox.x86.Cpu;
import nestbox.x86.model.CpuFeatures;
import nestbox.x86.model.Feature;
import nestbox.x86.system.ControlRegisters;
import nestbox.x86.system.MsrTable;

/**
 * L1's VMCB: the page in L1's memory, and L0's own copy of it, made once at VMRUN, which checks, merge and exits work on so that
 * L1's other processors cannot change it in between.
 */
final class Vmcb12 implements CheckContext {
    static final long V_TPR = 0xff;
    static final long V_IRQ = 1 << 8;
    static final long V_GIF = 1 << 9;
    static final long V_NMI_PENDING = 1 << 11;
    static final long V_NMI_BLOCKING = 1 << 12;
    private static final long V_IGN_TPR = 1 << 20;
    static final long V_INTR_MASKING = 1 << 24;
    static final long V_GIF_ENABLE = 1 << 25;
    private static final long V_NMI_ENABLE = 1 << 26;
    /** What of INTERRUPT_CONTROL changes while L2 runs. */
    static final long CHANGING = V_TPR | V_IRQ | V_GIF | V_NMI_PENDING | V_NMI_BLOCKING;

    private static final long INT_CTL = V_TPR | V_IRQ | 0xf << 16 | V_IGN_TPR | V_INTR_MASKING;
    private static final int NP_ENABLE = 1;
    /** In VIRTUAL_EXTENSIONS: VMLOAD and VMSAVE of L2 are virtualized. */
    static final long VIRTUAL_VMLOAD = 2;

    private static final long INJECTED = 0xffff_ffff_0000_0000L | EventInfo.VALID | EventInfo.ERROR_CODE_VALID | 0x7ff;
    /** Instructions that a processor need not have: where L1's has not, L2's raise #UD, intercepted or not (facts E.1). */
    private static final Map<ExitCode, Feature> INSTRUCTIONS = Map.of(
            ExitCode.SKINIT, Feature.SKINIT,
            ExitCode.RDTSCP, Feature.RDTSCP,
            ExitCode.XSETBV, Feature.XSAVE,
            ExitCode.RDPRU, Feature.RDPRU,
            ExitCode.INVPCID, Feature.INVPCID);

    private final Cpu cpu;
    private final Vmcb page;
    private final Vmcb copy = Vmcb.detached();

    Vmcb12(Cpu cpu) {
        this.cpu = cpu;
        page = new Vmcb(cpu.physical);
    }

    /** Copies the VMCB, without what L0 does not offer. */
    void load(long address) {
        page.attach(address);
        copy.copy(page);
        withhold();
    }

    /** Clears in the copy what L0 does not offer. */
    void withhold() {
        keep(VmcbField.INTERCEPT_MISC2, (bit(ExitCode.RDPRU) << 1) - 1);
        keep(VmcbField.INTERCEPT_MISC3, bit(ExitCode.INVPCID));
        INSTRUCTIONS.forEach((instruction, feature) -> {
            if (!cpu.features.has(feature)) {
                boolean third = instruction == ExitCode.INVPCID;
                keep(third ? VmcbField.INTERCEPT_MISC3 : VmcbField.INTERCEPT_MISC2, ~bit(instruction));
            }
        });
        keep(VmcbField.PAUSE_FILTER_COUNT, cpu.features.has(Feature.PAUSE_FILTER) ? -1 : 0);
        keep(VmcbField.PAUSE_FILTER_THRESHOLD, cpu.features.has(Feature.PFTHRESHOLD) ? -1 : 0);
        keep(VmcbField.INTERRUPT_CONTROL, interruptBits());
        keep(VmcbField.INTERRUPT_SHADOW, 1);
        keep(VmcbField.EVENTINJ, INJECTED);
        keep(VmcbField.NESTED_CONTROL, cpu.features.has(Feature.NPT) ? NP_ENABLE : 0);
        long extensions = cpu.features.has(Feature.V_VMSAVE_VMLOAD) ? VIRTUAL_VMLOAD : 0;
        keep(
                VmcbField.VIRTUAL_EXTENSIONS,
                cpu.features.has(Feature.LBRV) ? extensions | LastBranches.ENABLE : extensions);
    }

    private long interruptBits() {
        long gif = cpu.features.has(Feature.VGIF) ? V_GIF | V_GIF_ENABLE : 0;
        long nmi = cpu.features.has(Feature.VNMI) ? V_NMI_PENDING | V_NMI_BLOCKING | V_NMI_ENABLE : 0;
        return INT_CTL | gif | nmi;
    }

    long address() {
        return page.address();
    }

    /** Takes the copy of a saved state. */
    void restore(long address, Vmcb data) {
        page.attach(address);
        copy.copy(data);
    }

    void save(StateWriter out) {
        out.writeLong(page.address());
        copy.save(out);
    }

    void restore(StateReader in) {
        long address = in.readLong();
        if (address >= 0) {
            page.attach(address);
        }
        copy.restore(in);
    }

    /** INTERRUPT_CONTROL as L1 finds it: what {@link #CHANGING} says as L2 has it, everything else as L1 has set it. */
    long interruptControl(long ofL2) {
        return get(VmcbField.INTERRUPT_CONTROL) & ~CHANGING | ofL2 & CHANGING;
    }

    /** Of an intercept in the word that has it. */
    private static long bit(ExitCode code) {
        return 1L << (code.code() & 31);
    }

    private void keep(VmcbField field, long bits) {
        copy.set(field, copy.get(field) & bits);
    }

    /** The copy. */
    Vmcb copy() {
        return copy;
    }

    /** The page in L1's memory, for what an exit writes; {@link Vmcb#commit} ends that. */
    Vmcb page() {
        page.reattach();
        return page;
    }

    boolean intercepts(long code) {
        return (copy.get((int) (code >>> 5 << 2), 4) >>> (code & 31) & 1) != 0;
    }

    boolean intercepts(ExitCode code) {
        return intercepts(code.code());
    }

    boolean interruptMasking() {
        return (copy.get(VmcbField.INTERRUPT_CONTROL) & V_INTR_MASKING) != 0;
    }

    /** STGI and CLGI of L2 change V_GIF, which gates its virtual interrupts alone. */
    boolean virtualGif() {
        return (copy.get(VmcbField.INTERRUPT_CONTROL) & V_GIF_ENABLE) != 0;
    }

    /** NMIs of L2 are virtual; L1's own leave it. */
    boolean virtualNmi() {
        return (copy.get(VmcbField.INTERRUPT_CONTROL) & V_NMI_ENABLE) != 0;
    }

    /**
     * Whether a virtual interrupt or NMI is deliverable.
     *
     * @param control INTERRUPT_CONTROL as L2 has it
     * @param flag L2's interrupt flag
     */
    boolean deliverable(long control, boolean flag) {
        if (virtualGif() && (control & V_GIF) == 0) {
            return false;
        }
        boolean nmi = virtualNmi() && (control & (V_NMI_PENDING | V_NMI_BLOCKING)) == V_NMI_PENDING;
        boolean above = (control & V_IGN_TPR) != 0 || (control >>> 16 & 0xf) > (control & 0xf);
        return nmi || flag && (control & V_IRQ) != 0 && above;
    }

    boolean npt() {
        return (copy.get(VmcbField.NESTED_CONTROL) & NP_ENABLE) != 0;
    }

    /** DEBUGCTL and the last-branch registers change with the world. */
    boolean lastBranches() {
        return (copy.get(VmcbField.VIRTUAL_EXTENSIONS) & LastBranches.ENABLE) != 0;
    }

    /** L1 asks for virtualized VMLOAD and VMSAVE; where the silicon cannot give them they leave L2. */
    boolean virtualVmload() {
        return (copy.get(VmcbField.VIRTUAL_EXTENSIONS) & VIRTUAL_VMLOAD) != 0;
    }

    @Override
    public long get(VmcbField field) {
        return copy.get(field);
    }

    @Override
    public int attributes(VmcbSegment segment) {
        return copy.attributes(segment);
    }

    @Override
    public CpuFeatures features() {
        return cpu.features;
    }

    @Override
    public long cr4Bits() {
        return ControlRegisters.cr4Mask(cpu);
    }

    @Override
    public long eferBits() {
        return ControlRegisters.eferMask(cpu);
    }

    @Override
    public long shadowStackBits() {
        return MsrTable.cetBits(cpu.features);
    }

    @Override
    public long userShadowStack() {
        return cpu.userCet;
    }

    @Override
    public boolean hostPaging() {
        return (cpu.cr0 & Cpu.CR0_PG) != 0;
    }

    @Override
    public boolean hostLongMode() {
        return cpu.longMode();
    }

    @Override
    public long readPhysical(long address, int bytes) {
        return cpu.physical.read(address, bytes);
    }
}

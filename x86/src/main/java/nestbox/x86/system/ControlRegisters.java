package nestbox.x86.system;

import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import nestbox.x86.Vector;
import nestbox.x86.mem.TranslationControl;
import nestbox.x86.model.CpuFeatures;
import nestbox.x86.model.Feature;

/**
 * Writes of CR0, CR3, CR4, CR8 and EFER with every rule (SDM Vol. 2, "MOV - Move to/from Control Registers"; Vol. 3, "Control
 * Registers").
 */
public final class ControlRegisters {
    private static final long CR0_DEFINED = Cpu.CR0_PE
            | Cpu.CR0_MP
            | Cpu.CR0_EM
            | Cpu.CR0_TS
            | Cpu.CR0_NE
            | Cpu.CR0_WP
            | Cpu.CR0_AM
            | Cpu.CR0_NW
            | Cpu.CR0_CD
            | Cpu.CR0_PG;
    /** A change of one of these makes MOV to CR0 reload the PDPTE registers in PAE paging. */
    private static final long CR0_PDPTES = Cpu.CR0_CD | Cpu.CR0_NW | Cpu.CR0_PG;

    private static final long CR4_PDPTES = Cpu.CR4_PAE | Cpu.CR4_PGE | Cpu.CR4_PSE | Cpu.CR4_SMEP;
    private static final long NO_FLUSH = 1L << 63;
    private static final int VM_CR = 0xc0010114;
    private static final long VM_CR_SVMDIS = 1 << 4;
    private static final long EFER_TCE = 1 << 15;
    private static final long EFER_AUTO_IBRS = 1 << 21;

    /** CR4 bits and the feature that makes each of them settable. */
    private enum Cr4Bit {
        VME(Cpu.CR4_VME | Cpu.CR4_PVI, Feature.VME),
        TSD(Cpu.CR4_TSD, Feature.TSC),
        DE(Cpu.CR4_DE, Feature.DE),
        PSE(Cpu.CR4_PSE, Feature.PSE),
        PAE(Cpu.CR4_PAE, Feature.PAE),
        MCE(Cpu.CR4_MCE, Feature.MCE),
        PGE(Cpu.CR4_PGE, Feature.PGE),
        FXSR(Cpu.CR4_OSFXSR, Feature.FXSR),
        SSE(Cpu.CR4_OSXMMEXCPT, Feature.SSE),
        UMIP(Cpu.CR4_UMIP, Feature.UMIP),
        LA57(Cpu.CR4_LA57, Feature.LA57),
        VMXE(Cpu.CR4_VMXE, Feature.VMX),
        FSGSBASE(Cpu.CR4_FSGSBASE, Feature.FSGSBASE),
        PCIDE(Cpu.CR4_PCIDE, Feature.PCID),
        OSXSAVE(Cpu.CR4_OSXSAVE, Feature.XSAVE),
        SMEP(Cpu.CR4_SMEP, Feature.SMEP),
        SMAP(Cpu.CR4_SMAP, Feature.SMAP),
        PKE(Cpu.CR4_PKE, Feature.PKU),
        CET_SHADOW_STACK(Cpu.CR4_CET, Feature.SHSTK),
        CET_INDIRECT_BRANCH(Cpu.CR4_CET, Feature.IBT),
        PKS(Cpu.CR4_PKS, Feature.PKS),
        LAM_SUP(Cpu.CR4_LAM_SUP, Feature.LAM);

        private final long mask;
        private final Feature feature;

        Cr4Bit(long mask, Feature feature) {
            this.mask = mask;
            this.feature = feature;
        }
    }

    private ControlRegisters() {}

    private static TranslationControl translation(Cpu c) {
        return c.mem.port().control();
    }

    private static void require(Cpu c, boolean condition) {
        if (!condition) {
            throw c.raise(Vector.GP, 0);
        }
    }

    /** Whether the PDPTE registers are in use: PAE paging outside IA-32e mode. */
    public static boolean paePaging(Cpu c) {
        return paePaging(c.cr0, c.cr4, c.efer);
    }

    private static boolean paePaging(long cr0, long cr4, long efer) {
        return (cr0 & Cpu.CR0_PG) != 0 && (cr4 & Cpu.CR4_PAE) != 0 && (efer & Cpu.EFER_LMA) == 0;
    }

    /** CR4 bits that the model has; RDPMC exists everywhere, and so does PCE. */
    public static long cr4Mask(CpuFeatures features) {
        long mask = Cpu.CR4_PCE;
        for (Cr4Bit bit : Cr4Bit.values()) {
            if (features.has(bit.feature)) {
                mask |= bit.mask;
            }
        }
        return mask;
    }

    /** As {@link #cr4Mask(CpuFeatures)}, of a processor. */
    public static long cr4Mask(Cpu c) {
        return cr4Mask(c.features);
    }

    /** MOV to CR0 and LMSW. */
    public static void writeCr0(Cpu c, long requested) {
        long old = c.cr0;
        long value = requested & CR0_DEFINED | Cpu.CR0_ET;
        require(c, requested >>> 32 == 0);
        require(c, (value & Cpu.CR0_PG) == 0 || (value & Cpu.CR0_PE) != 0);
        require(c, (value & Cpu.CR0_NW) == 0 || (value & Cpu.CR0_CD) != 0);
        require(c, (value & Cpu.CR0_WP) != 0 || (c.cr4 & Cpu.CR4_CET) == 0);
        boolean paging = (value & Cpu.CR0_PG) != 0;
        boolean was = (old & Cpu.CR0_PG) != 0;
        long efer = c.efer;
        if (paging && !was && (efer & Cpu.EFER_LME) != 0) {
            require(c, (c.cr4 & Cpu.CR4_PAE) != 0);
            require(c, (c.rights[Reg.CS] & Cpu.RIGHTS_L) == 0);
            require(c, (c.rights[Reg.TR] & 0x1d) != Descriptor.TSS16);
            efer |= Cpu.EFER_LMA;
        } else if (!paging && was) {
            require(c, !c.mode64());
            require(c, (c.cr4 & Cpu.CR4_PCIDE) == 0);
            efer &= ~Cpu.EFER_LMA;
        }
        if (paePaging(value, c.cr4, efer) && ((old ^ value) & CR0_PDPTES) != 0) {
            require(c, translation(c).loadPdptes(c.cr3));
        }
        c.cr0 = value;
        c.efer = efer;
        Tracing.controlRegister(c, 0, value);
        if (((old ^ value) & ~(Cpu.CR0_TS | Cpu.CR0_MP | Cpu.CR0_EM | Cpu.CR0_NE)) != 0) {
            translation(c).cr0Written(old);
            c.updateMode();
        }
    }

    /** MOV to CR3. */
    public static void writeCr3(Cpu c, long requested) {
        boolean pcids = (c.cr4 & Cpu.CR4_PCIDE) != 0;
        boolean keep = pcids && (requested & NO_FLUSH) != 0;
        long value = pcids ? requested & ~NO_FLUSH : requested;
        if (c.longMode()) {
            require(c, legalCr3(c.features, value));
        } else {
            value &= 0xffffffffL;
        }
        if (paePaging(c)) {
            require(c, translation(c).loadPdptes(value));
        }
        long old = c.cr3;
        c.cr3 = value;
        Tracing.controlRegister(c, 3, requested);
        translation(c).cr3Written(old, keep);
    }

    /** Whether CR3 sets no bit beyond the physical-address width but those of linear-address masking. */
    public static boolean legalCr3(CpuFeatures features, long value) {
        long control = features.has(Feature.LAM) ? Cpu.CR3_LAM_U57 | Cpu.CR3_LAM_U48 : 0;
        return (value & ~control) >>> features.physicalBits() == 0;
    }

    /** MOV to CR4. */
    public static void writeCr4(Cpu c, long value) {
        long old = c.cr4;
        require(c, (value & ~cr4Mask(c)) == 0);
        if (c.longMode()) {
            require(c, (value & Cpu.CR4_PAE) != 0);
            require(c, ((value ^ old) & Cpu.CR4_LA57) == 0);
        }
        require(c, (value & Cpu.CR4_CET) == 0 || (c.cr0 & Cpu.CR0_WP) != 0);
        if ((value & ~old & Cpu.CR4_PCIDE) != 0) {
            require(c, c.longMode() && (c.cr3 & 0xfff) == 0);
        }
        if (paePaging(c.cr0, value, c.efer) && ((value ^ old) & CR4_PDPTES) != 0) {
            require(c, translation(c).loadPdptes(c.cr3));
        }
        c.cr4 = value;
        Tracing.controlRegister(c, 4, value);
        translation(c).cr4Written(old);
        c.updateMode();
    }

    /** MOV to CR8. */
    static void writeCr8(Cpu c, long value) {
        require(c, value >>> 4 == 0);
        Tracing.controlRegister(c, 8, value);
        c.apic.setTaskPriorityClass((int) value);
    }

    /** EFER bits that the model has, LMA included; SVME needs the extension as well. */
    public static long eferMask(CpuFeatures features) {
        long mask = 0;
        if (features.has(Feature.SYSCALL)) {
            mask |= Cpu.EFER_SCE;
        }
        if (features.has(Feature.LM)) {
            mask |= Cpu.EFER_LME | Cpu.EFER_LMA;
        }
        if (features.has(Feature.NX)) {
            mask |= Cpu.EFER_NXE;
        }
        if (features.has(Feature.FXSR_OPT)) {
            mask |= Cpu.EFER_FFXSR;
        }
        if (features.has(Feature.TCE)) {
            mask |= EFER_TCE;
        }
        if (features.has(Feature.AUTO_IBRS)) {
            mask |= EFER_AUTO_IBRS;
        }
        return mask;
    }

    /** As {@link #eferMask(CpuFeatures)}, of a processor. */
    public static long eferMask(Cpu c) {
        boolean svm = c.features.has(Feature.SVM) && c.extension != null && (c.msrs.stored(VM_CR) & VM_CR_SVMDIS) == 0;
        return eferMask(c.features) | (svm ? Cpu.EFER_SVME : 0);
    }

    /** WRMSR to EFER: LMA is kept, LME may change only without paging. */
    static void writeEfer(Cpu c, long requested) {
        require(c, (requested & ~eferMask(c)) == 0);
        long old = c.efer;
        long value = requested & ~Cpu.EFER_LMA | old & Cpu.EFER_LMA;
        require(c, ((value ^ old) & Cpu.EFER_LME) == 0 || (c.cr0 & Cpu.CR0_PG) == 0);
        c.efer = value;
        c.counters.regimeChanged();
        if (((value ^ old) & (Cpu.EFER_NXE | Cpu.EFER_LME)) != 0) {
            translation(c).eferWritten(old);
        }
    }
}

package nestbox.svm.world;

import nestbox.svm.vmcb.Vmcb;
import nestbox.svm.vmcb.VmcbField;
import nestbox.svm.vmcb.VmcbSegment;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Reg;

/**
 * Moves state between the processor and the state-save area: what VMRUN and #VMEXIT switch, and what VMLOAD and VMSAVE do
 * (APM Vol. 2, "VMRUN Instruction", "VMSAVE and VMLOAD Instructions"). Bases are made canonical, never refused.
 */
public final class GuestState {
    private static final long RFLAGS = 0x3f7fd7;
    private static final long DR6_WRITABLE = 0xe00f;
    private static final long DR6_FIXED = 0xffff0ff0L;
    private static final long DR7_WRITABLE = 0xffff23ffL;
    private static final long DR7_FIXED = 0x400;
    private static final int PRESENT = Cpu.RIGHTS_P | Cpu.RIGHTS_S;
    private static final VmcbSegment[] SWITCHED = {VmcbSegment.ES, VmcbSegment.CS, VmcbSegment.SS, VmcbSegment.DS};

    private GuestState() {}

    private static long canonical(Cpu c, long base) {
        int shift = 64 - c.features.linearBits();
        return base << shift >> shift;
    }

    private static void loadSegment(Cpu c, Vmcb vmcb, VmcbSegment segment, int to) {
        c.selector[to] = vmcb.selector(segment);
        c.rights[to] = VmcbSegment.rights(vmcb.attributes(segment));
        c.limit[to] = vmcb.limit(segment);
        c.base[to] = canonical(c, vmcb.base(segment));
    }

    private static void storeSegment(Cpu c, Vmcb vmcb, VmcbSegment segment, int from) {
        vmcb.setSegment(segment, c.selector[from], VmcbSegment.attributes(c.rights[from]), c.limit[from], c.base[from]);
    }

    /** Loads what VMRUN loads, without telling memory port or modes. */
    public static void load(Cpu c, Vmcb vmcb) {
        for (int i = 0; i < SWITCHED.length; i++) {
            loadSegment(c, vmcb, SWITCHED[i], i);
        }
        // The code segment is always present.
        c.rights[Reg.CS] = c.rights[Reg.CS] & ~Cpu.RIGHTS_UNUSABLE | PRESENT;
        c.gdtBase = canonical(c, vmcb.base(VmcbSegment.GDTR));
        c.gdtLimit = (int) vmcb.limit(VmcbSegment.GDTR) & 0xffff;
        c.idtBase = canonical(c, vmcb.base(VmcbSegment.IDTR));
        c.idtLimit = (int) vmcb.limit(VmcbSegment.IDTR) & 0xffff;
        c.cr0 = vmcb.get(VmcbField.CR0) | Cpu.CR0_ET;
        c.cr2 = vmcb.get(VmcbField.CR2);
        c.cr3 = vmcb.get(VmcbField.CR3);
        c.cr4 = vmcb.get(VmcbField.CR4);
        long efer = vmcb.get(VmcbField.EFER) & ~Cpu.EFER_LMA;
        boolean longMode = (efer & Cpu.EFER_LME) != 0 && (c.cr0 & Cpu.CR0_PG) != 0;
        c.efer = longMode ? efer | Cpu.EFER_LMA : efer;
        c.dr[6] = vmcb.get(VmcbField.DR6) & DR6_WRITABLE | DR6_FIXED;
        c.dr[7] = vmcb.get(VmcbField.DR7) & DR7_WRITABLE | DR7_FIXED;
        long rflags = vmcb.get(VmcbField.RFLAGS) & RFLAGS;
        Flags.setArithmetic(c, rflags);
        c.systemFlags = rflags & ~(long) Flags.ARITHMETIC | Flags.FIXED;
        c.rip = vmcb.get(VmcbField.RIP);
        c.r[Reg.RSP] = vmcb.get(VmcbField.RSP);
        c.r[Reg.RAX] = vmcb.get(VmcbField.RAX);
        if (!c.protectedMode()) {
            c.cpl = 0;
        } else if (c.virtual8086()) {
            c.cpl = 3;
        } else {
            c.cpl = (int) vmcb.get(VmcbField.CPL) & 3;
        }
    }

    /** Stores what #VMEXIT stores; RIP is the caller's. */
    public static void store(Cpu c, Vmcb vmcb) {
        for (int i = 0; i < SWITCHED.length; i++) {
            storeSegment(c, vmcb, SWITCHED[i], i);
        }
        vmcb.setSegment(VmcbSegment.GDTR, 0, 0, c.gdtLimit, c.gdtBase);
        vmcb.setSegment(VmcbSegment.IDTR, 0, 0, c.idtLimit, c.idtBase);
        vmcb.set(VmcbField.CPL, c.cpl);
        vmcb.set(VmcbField.EFER, c.efer);
        vmcb.set(VmcbField.CR4, c.cr4);
        vmcb.set(VmcbField.CR3, c.cr3);
        vmcb.set(VmcbField.CR2, c.cr2);
        vmcb.set(VmcbField.CR0, c.cr0);
        vmcb.set(VmcbField.DR7, c.dr[7]);
        vmcb.set(VmcbField.DR6, c.dr[6]);
        vmcb.set(VmcbField.RFLAGS, c.rflags());
        vmcb.set(VmcbField.RSP, c.r[Reg.RSP]);
        vmcb.set(VmcbField.RAX, c.r[Reg.RAX]);
    }

    /** What VMRUN loads on a processor with shadow stacks. */
    public static void loadShadowStack(Cpu c, Vmcb vmcb) {
        c.supervisorCet = vmcb.get(VmcbField.S_CET);
        c.ssp = vmcb.get(VmcbField.SSP);
        c.interruptSspTable = canonical(c, vmcb.get(VmcbField.ISST_ADDR));
    }

    /** What #VMEXIT stores on a processor with shadow stacks. */
    public static void storeShadowStack(Cpu c, Vmcb vmcb) {
        vmcb.set(VmcbField.S_CET, c.supervisorCet);
        vmcb.set(VmcbField.SSP, c.ssp);
        vmcb.set(VmcbField.ISST_ADDR, c.interruptSspTable);
    }

    /** VMLOAD. */
    public static void loadRest(Cpu c, Vmcb vmcb) {
        loadSegment(c, vmcb, VmcbSegment.FS, Reg.FS);
        loadSegment(c, vmcb, VmcbSegment.GS, Reg.GS);
        loadSegment(c, vmcb, VmcbSegment.LDTR, Reg.LDTR);
        loadSegment(c, vmcb, VmcbSegment.TR, Reg.TR);
        c.kernelGsBase = canonical(c, vmcb.get(VmcbField.KERNEL_GS_BASE));
        c.star = vmcb.get(VmcbField.STAR);
        c.lstar = canonical(c, vmcb.get(VmcbField.LSTAR));
        c.cstar = canonical(c, vmcb.get(VmcbField.CSTAR));
        c.fmask = vmcb.get(VmcbField.SFMASK) & 0xffffffffL;
        c.sysenterCs = vmcb.get(VmcbField.SYSENTER_CS) & 0xffffffffL;
        c.sysenterEsp = vmcb.get(VmcbField.SYSENTER_ESP);
        c.sysenterEip = vmcb.get(VmcbField.SYSENTER_EIP);
    }

    /** VMSAVE. */
    public static void storeRest(Cpu c, Vmcb vmcb) {
        storeSegment(c, vmcb, VmcbSegment.FS, Reg.FS);
        storeSegment(c, vmcb, VmcbSegment.GS, Reg.GS);
        storeSegment(c, vmcb, VmcbSegment.LDTR, Reg.LDTR);
        storeSegment(c, vmcb, VmcbSegment.TR, Reg.TR);
        vmcb.set(VmcbField.KERNEL_GS_BASE, c.kernelGsBase);
        vmcb.set(VmcbField.STAR, c.star);
        vmcb.set(VmcbField.LSTAR, c.lstar);
        vmcb.set(VmcbField.CSTAR, c.cstar);
        vmcb.set(VmcbField.SFMASK, c.fmask);
        vmcb.set(VmcbField.SYSENTER_CS, c.sysenterCs);
        vmcb.set(VmcbField.SYSENTER_ESP, c.sysenterEsp);
        vmcb.set(VmcbField.SYSENTER_EIP, c.sysenterEip);
    }
}

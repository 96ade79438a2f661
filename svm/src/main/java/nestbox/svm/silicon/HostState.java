package nestbox.svm.silicon;

import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Reg;

/**
 * What VMRUN saves of the host and #VMEXIT restores (APM Vol. 2, "VMRUN Instruction", "#VMEXIT"). The format of the host save
 * area at VM_HSAVE_PA is the processor's own; this one keeps it to itself.
 */
final class HostState {
    private static final int SEGMENTS = 4;
    private static final long ALL_BREAKPOINTS_OFF = 0x400;

    final int[] selector = new int[SEGMENTS];
    final long[] base = new long[SEGMENTS];
    final long[] limit = new long[SEGMENTS];
    final int[] rights = new int[SEGMENTS];
    long gdtBase;
    int gdtLimit;
    long idtBase;
    int idtLimit;
    long efer;
    long cr0;
    long cr3;
    long cr4;
    long rflags;
    long rip;
    long rsp;
    long rax;
    long pat;
    long debugCtl;
    long supervisorCet;
    long ssp;
    long interruptSspTable;
    final long[] lastBranch = new long[4];
    /** Of PAE paging. */
    final long[] pdpte = new long[4];

    void save(Cpu c) {
        for (int i = 0; i < SEGMENTS; i++) {
            selector[i] = c.selector[i];
            base[i] = c.base[i];
            limit[i] = c.limit[i];
            rights[i] = c.rights[i];
        }
        gdtBase = c.gdtBase;
        gdtLimit = c.gdtLimit;
        idtBase = c.idtBase;
        idtLimit = c.idtLimit;
        efer = c.efer;
        cr0 = c.cr0;
        cr3 = c.cr3;
        cr4 = c.cr4;
        rflags = c.rflags();
        rip = c.rip;
        rsp = c.r[Reg.RSP];
        rax = c.r[Reg.RAX];
        pat = c.pat;
        supervisorCet = c.supervisorCet;
        ssp = c.ssp;
        interruptSspTable = c.interruptSspTable;
        for (int i = 0; i < 4; i++) {
            pdpte[i] = c.pdpte[i];
        }
    }

    /** Everything but what depends on the memory port. CPL is 0, CR0.PE set, RFLAGS.VM clear, breakpoints are off. */
    void restore(Cpu c) {
        for (int i = 0; i < SEGMENTS; i++) {
            c.selector[i] = selector[i];
            c.base[i] = base[i];
            c.limit[i] = limit[i];
            c.rights[i] = rights[i];
        }
        c.gdtBase = gdtBase;
        c.gdtLimit = gdtLimit;
        c.idtBase = idtBase;
        c.idtLimit = idtLimit;
        c.efer = efer;
        c.cr0 = cr0 | Cpu.CR0_PE;
        c.cr3 = cr3;
        c.cr4 = cr4;
        Flags.setArithmetic(c, rflags);
        c.systemFlags = rflags & ~(long) (Flags.ARITHMETIC | Flags.VM) | Flags.FIXED;
        c.rip = rip;
        c.r[Reg.RSP] = rsp;
        c.r[Reg.RAX] = rax;
        c.pat = pat;
        c.supervisorCet = supervisorCet;
        c.ssp = ssp;
        c.interruptSspTable = interruptSspTable;
        c.dr[7] = ALL_BREAKPOINTS_OFF;
        c.cpl = 0;
        for (int i = 0; i < 4; i++) {
            c.pdpte[i] = pdpte[i];
        }
    }

    boolean interruptFlag() {
        return (rflags & Flags.IF) != 0;
    }
}

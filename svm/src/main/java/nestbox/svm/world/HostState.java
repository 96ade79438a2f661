package nestbox.svm.world;

import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.Stateful;
import nestbox.svm.vmcb.Vmcb;
import nestbox.svm.vmcb.VmcbField;
import nestbox.svm.vmcb.VmcbSegment;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Reg;

/**
 * What VMRUN saves of the host and #VMEXIT restores (APM Vol. 2, "VMRUN Instruction", "#VMEXIT"). The format of the host save
 * area at VM_HSAVE_PA is the processor's own; this one keeps it to itself.
 */
public final class HostState implements Stateful {
    private static final int SEGMENTS = 4;
    private static final VmcbSegment[] SEGMENT = {VmcbSegment.ES, VmcbSegment.CS, VmcbSegment.SS, VmcbSegment.DS};
    private static final long DR6_FIXED = 0xffff0ff0L;
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
    public long pat;
    public long debugCtl;
    long supervisorCet;
    long ssp;
    long interruptSspTable;
    public final long[] lastBranch = new long[4];

    public void save(Cpu c) {
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
    }

    /** Everything but what depends on the memory port. CPL is 0, CR0.PE set, RFLAGS.VM clear, breakpoints are off. */
    public void restore(Cpu c) {
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
        c.supervisorCet = supervisorCet;
        c.ssp = ssp;
        c.interruptSspTable = interruptSspTable;
        c.dr[7] = ALL_BREAKPOINTS_OFF;
        c.cpl = 0;
    }

    @Override
    public void save(StateWriter out) {
        out.writeInts(selector).writeLongs(base).writeLongs(limit).writeInts(rights);
        out.writeLong(gdtBase).writeInt(gdtLimit).writeLong(idtBase).writeInt(idtLimit);
        out.writeLong(efer).writeLong(cr0).writeLong(cr3).writeLong(cr4);
        out.writeLong(rflags).writeLong(rip).writeLong(rsp).writeLong(rax).writeLong(pat);
        out.writeLong(debugCtl).writeLong(supervisorCet).writeLong(ssp).writeLong(interruptSspTable);
        out.writeLongs(lastBranch);
    }

    @Override
    public void restore(StateReader in) {
        in.readInts(selector);
        in.readLongs(base);
        in.readLongs(limit);
        in.readInts(rights);
        gdtBase = in.readLong();
        gdtLimit = in.readInt();
        idtBase = in.readLong();
        idtLimit = in.readInt();
        efer = in.readLong();
        cr0 = in.readLong();
        cr3 = in.readLong();
        cr4 = in.readLong();
        rflags = in.readLong();
        rip = in.readLong();
        rsp = in.readLong();
        rax = in.readLong();
        pat = in.readLong();
        debugCtl = in.readLong();
        supervisorCet = in.readLong();
        ssp = in.readLong();
        interruptSspTable = in.readLong();
        in.readLongs(lastBranch);
    }

    public boolean interruptFlag() {
        return (rflags & Flags.IF) != 0;
    }

    /** Writes it as a state-save area has it. */
    public void store(Vmcb to) {
        for (int i = 0; i < SEGMENTS; i++) {
            to.setSegment(SEGMENT[i], selector[i], VmcbSegment.attributes(rights[i]), limit[i], base[i]);
        }
        to.setSegment(VmcbSegment.GDTR, 0, 0, gdtLimit, gdtBase);
        to.setSegment(VmcbSegment.IDTR, 0, 0, idtLimit, idtBase);
        to.set(VmcbField.EFER, efer);
        to.set(VmcbField.CR0, cr0);
        to.set(VmcbField.CR3, cr3);
        to.set(VmcbField.CR4, cr4);
        to.set(VmcbField.RFLAGS, rflags);
        to.set(VmcbField.RIP, rip);
        to.set(VmcbField.RSP, rsp);
        to.set(VmcbField.RAX, rax);
        to.set(VmcbField.DR6, DR6_FIXED);
        to.set(VmcbField.DR7, ALL_BREAKPOINTS_OFF);
        to.set(VmcbField.G_PAT, pat);
        to.set(VmcbField.S_CET, supervisorCet);
        to.set(VmcbField.SSP, ssp);
        to.set(VmcbField.ISST_ADDR, interruptSspTable);
        LastBranches.store(this, to);
    }

    /** Reads what {@link #store} wrote. The PDPTEs of PAE paging are no part of it, and stay. */
    public void load(Vmcb from) {
        for (int i = 0; i < SEGMENTS; i++) {
            selector[i] = from.selector(SEGMENT[i]);
            rights[i] = VmcbSegment.rights(from.attributes(SEGMENT[i]));
            limit[i] = from.limit(SEGMENT[i]);
            base[i] = from.base(SEGMENT[i]);
        }
        gdtBase = from.base(VmcbSegment.GDTR);
        gdtLimit = (int) from.limit(VmcbSegment.GDTR);
        idtBase = from.base(VmcbSegment.IDTR);
        idtLimit = (int) from.limit(VmcbSegment.IDTR);
        efer = from.get(VmcbField.EFER);
        cr0 = from.get(VmcbField.CR0);
        cr3 = from.get(VmcbField.CR3);
        cr4 = from.get(VmcbField.CR4);
        rflags = from.get(VmcbField.RFLAGS);
        rip = from.get(VmcbField.RIP);
        rsp = from.get(VmcbField.RSP);
        rax = from.get(VmcbField.RAX);
        pat = from.get(VmcbField.G_PAT);
        supervisorCet = from.get(VmcbField.S_CET);
        ssp = from.get(VmcbField.SSP);
        interruptSspTable = from.get(VmcbField.ISST_ADDR);
        LastBranches.load(this, from);
    }

    /** CR0 as saved. */
    public long cr0() {
        return cr0;
    }

    /** CR4 as saved. */
    public long cr4() {
        return cr4;
    }

    /** IA32_PAT as saved. */
    public long pat() {
        return pat;
    }

    /** Whether the host is in long mode. */
    public boolean longMode() {
        return (efer & Cpu.EFER_LMA) != 0;
    }

    /** EFER as saved. */
    public long efer() {
        return efer;
    }
}

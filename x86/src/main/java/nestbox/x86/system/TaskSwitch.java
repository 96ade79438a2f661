package nestbox.x86.system;

import nestbox.mmu.paging.Access;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.GuestFault;
import nestbox.x86.Reg;
import nestbox.x86.Vector;

/**
 * Hardware task switches through 16- and 32-bit TSSs (SDM Vol. 3, "Task Switching"). Faults up to the save of the old task
 * belong to it; later ones are raised in the new task, whose registers are loaded by then.
 */
final class TaskSwitch {
    static final int CALL = 0;
    static final int IRET = 1;
    static final int JMP = 2;
    static final int GATE = 3;

    private static final int MIN_LIMIT32 = 0x67;
    /** With CR4.CET the TSS holds an SSP as well. */
    private static final int MIN_LIMIT32_CET = 0x6b;

    private static final int MIN_LIMIT16 = 0x2b;
    /** L0 to L3 and LE of DR7. */
    private static final long DR7_LOCAL = 0x155;

    /** TSS fields by the order of the register numbers: EAX.. and ES... */
    private static final int EIP32 = 0x20;

    private static final int GPRS32 = 0x28;
    private static final int SEGMENTS32 = 0x48;
    private static final int LDT32 = 0x60;
    private static final int IP16 = 0x0e;
    private static final int GPRS16 = 0x12;
    private static final int SEGMENTS16 = 0x22;
    private static final int LDT16 = 0x2a;

    private TaskSwitch() {}

    /** Through a task gate, whose own checks have passed. */
    static void throughGate(Cpu c, long gate, int source, boolean hasError, long error, boolean resume) {
        int selector = Descriptor.gateSelector(gate);
        if ((selector & 4) != 0) {
            throw c.raise(Vector.GP, selector & 0xfffc);
        }
        long d = Descriptor.fetch(c, selector, Vector.GP);
        int type = Descriptor.type(d);
        if (type != Descriptor.TSS16 && type != Descriptor.TSS32) {
            throw c.raise(Vector.GP, selector & 0xfffc);
        }
        if (!Descriptor.present(d)) {
            throw c.raise(Vector.NP, selector & 0xfffc);
        }
        to(c, selector, d, source, hasError, error, resume);
    }

    /** IRET with NT set: back to the task that the current TSS links to. */
    static void back(Cpu c) {
        int selector = (int) c.mem.loadSystem(2, linear(c, c.base[Reg.TR], 0));
        int error = selector & 0xfffc;
        if ((selector & 4) != 0) {
            throw c.raise(Vector.TS, error);
        }
        long d = Descriptor.fetch(c, selector, Vector.TS);
        int type = Descriptor.type(d);
        if (type != Descriptor.TSS16_BUSY && type != Descriptor.TSS32_BUSY) {
            throw c.raise(Vector.TS, error);
        }
        if (!Descriptor.present(d)) {
            throw c.raise(Vector.NP, error);
        }
        to(c, selector, d, IRET, false, 0, false);
    }

    /** To the TSS of descriptor {@code d}, whose type, privilege and presence have been checked. */
    static void to(Cpu c, int selector, long d, int source, boolean hasError, long error, boolean resume) {
        boolean wide = (Descriptor.type(d) & 8) != 0;
        boolean cet = (c.cr4 & Cpu.CR4_CET) != 0;
        int least = !wide ? MIN_LIMIT16 : cet ? MIN_LIMIT32_CET : MIN_LIMIT32;
        if (cet && !wide || Descriptor.limit(d) < least) {
            throw c.raise(Vector.TS, selector & 0xfffc);
        }
        if (c.extension != null && c.extension.taskSwitch(c, selector, source, hasError, error)) {
            return;
        }
        boolean inDelivery = c.event.active && c.event.length == 0;
        probe(c, d, wide, source);
        TaskShadowStack shadow = TaskShadowStack.leave(c, Descriptor.base(d), source);
        save(c, source, resume);
        markDescriptors(c, selector, d, source);
        boolean nested = source == CALL || source == GATE;
        if (nested) {
            c.mem.storeSystem(2, linear(c, Descriptor.base(d), 0), c.selector[Reg.TR]);
        }
        try {
            TaskState.load(c, selector, d, wide, nested, shadow);
            if (hasError) {
                StackFrame s = c.frame.current();
                s.push(wide ? 4 : 2, error);
                s.commit();
            }
        } catch (GuestFault f) {
            if (inDelivery) {
                throw f;
            }
            Exceptions.deliverRaised(c);
        }
    }

    /** Both TSSs must be in memory before anything changes. */
    private static void probe(Cpu c, long d, boolean wide, int source) {
        int implicit = Access.IMPLICIT;
        boolean old32 = (c.rights[Reg.TR] & 8) != 0;
        long old = c.base[Reg.TR];
        c.mem.port().probe(linear(c, old, old32 ? EIP32 : IP16), old32 ? 0x40 : 0x1c, Access.WRITE | implicit, Reg.DS);
        long base = Descriptor.base(d);
        c.mem.port()
                .probe(linear(c, base, 0), wide ? MIN_LIMIT32 + 1 : MIN_LIMIT16 + 1, Access.READ | implicit, Reg.DS);
        if (source == CALL || source == GATE) {
            c.mem.port().probe(linear(c, base, 0), 2, Access.WRITE | implicit, Reg.DS);
        }
    }

    /** Saves the registers of the running task in its TSS. */
    private static void save(Cpu c, int source, boolean resume) {
        long flags = Exceptions.pushedFlags(c, resume);
        if (source == IRET) {
            flags &= ~(long) Flags.NT;
        }
        long tss = c.base[Reg.TR];
        boolean wide = (c.rights[Reg.TR] & 8) != 0;
        int width = wide ? 4 : 2;
        int ip = wide ? EIP32 : IP16;
        c.mem.storeSystem(width, linear(c, tss, ip), c.rip);
        c.mem.storeSystem(width, linear(c, tss, ip + width), flags);
        int gprs = wide ? GPRS32 : GPRS16;
        for (int i = 0; i < 8; i++) {
            c.mem.storeSystem(width, linear(c, tss, gprs + i * width), c.r[i]);
        }
        int segments = wide ? SEGMENTS32 : SEGMENTS16;
        for (int i = 0; i < (wide ? 6 : 4); i++) {
            c.mem.storeSystem(2, linear(c, tss, segments + i * width), c.selector[i]);
        }
    }

    /** The busy bits: JMP and IRET free the old task; JMP, CALL and gates take the new one. */
    private static void markDescriptors(Cpu c, int selector, long d, int source) {
        if (source == JMP || source == IRET) {
            long at = Descriptor.locate(c, c.selector[Reg.TR], 8);
            if (at != Descriptor.NOWHERE) {
                Descriptor.storeTypeByte(c, at, Descriptor.withBusy(c.mem.loadSystem(8, at), false));
            }
        }
        if (source != IRET) {
            Descriptor.storeTypeByte(c, Descriptor.locate(c, selector, 8), Descriptor.withBusy(d, true));
        }
    }

    static long linear(Cpu c, long tss, int offset) {
        return Descriptor.linear(c, tss + offset);
    }

    /**
     * The second half: the new task's state out of its TSS (same section, and table "Exception Conditions Checked During a Task
     * Switch").
     */
    private static final class TaskState {
        private TaskState() {}

        static void load(Cpu c, int selector, long d, boolean wide, boolean nested, TaskShadowStack shadow) {
            long tss = Descriptor.base(d);
            int width = wide ? 4 : 2;
            long cr3 = wide ? c.mem.loadSystem(4, linear(c, tss, 0x1c)) : c.cr3;
            int ip = wide ? EIP32 : IP16;
            long eip = c.mem.loadSystem(width, linear(c, tss, ip));
            long flags = c.mem.loadSystem(width, linear(c, tss, ip + width));
            int gprs = wide ? GPRS32 : GPRS16;
            for (int i = 0; i < 8; i++) {
                long value = c.mem.loadSystem(width, linear(c, tss, gprs + i * width));
                c.r[i] = wide ? value : c.r[i] & 0xffff0000L | value;
            }
            int segments = wide ? SEGMENTS32 : SEGMENTS16;
            for (int i = 0; i < 6; i++) {
                c.selector[i] = wide || i < 4 ? (int) c.mem.loadSystem(2, linear(c, tss, segments + i * width)) : 0;
            }
            int ldt = (int) c.mem.loadSystem(2, linear(c, tss, wide ? LDT32 : LDT16));
            boolean trap = wide && (c.mem.loadSystem(2, linear(c, tss, 0x64)) & 1) != 0;
            Segments.set(c, Reg.TR, selector, Descriptor.withBusy(d, true));
            c.rip = eip;
            c.cr0 |= Cpu.CR0_TS;
            c.dr[7] &= ~DR7_LOCAL;
            if (trap) {
                c.pendingDebug |= Exceptions.DR6_BT;
                c.pend(Cpu.PENDING_DEBUG_TRAP);
            }
            setFlags(c, nested ? flags | Flags.NT : flags, wide);
            if (wide && (c.cr0 & Cpu.CR0_PG) != 0) {
                loadCr3(c, cr3);
            }
            loadSegments(c, ldt);
            if (c.rip > c.limit[Reg.CS]) {
                throw c.raise(Vector.GP, 0);
            }
            if (shadow != null) {
                shadow.arrive(c);
                c.updateMode();
            }
        }

        private static void setFlags(Cpu c, long flags, boolean wide) {
            long defined = Flags.ARITHMETIC | Flags.TF | Flags.IF | Flags.DF | Flags.IOPL | Flags.NT;
            if (wide) {
                defined |= Flags.RF | Flags.VM | Flags.AC | Flags.VIF | Flags.VIP | Flags.ID;
            }
            // VM is the segments' business below; until they are loaded the old CPL goes on.
            c.setRflags(flags & defined);
            c.updatePending();
        }

        private static void loadCr3(Cpu c, long cr3) {
            if (ControlRegisters.paePaging(c) && !c.mem.port().control().loadPdptes(cr3)) {
                throw c.raise(Vector.TS, c.selector[Reg.TR] & 0xfffc);
            }
            long old = c.cr3;
            c.cr3 = cr3;
            c.mem.port().control().cr3Written(old, false);
        }

        private static void loadSegments(Cpu c, int ldt) {
            for (int seg = 0; seg < 6; seg++) {
                c.rights[seg] = Cpu.RIGHTS_UNUSABLE;
            }
            c.selector[Reg.LDTR] = ldt;
            c.rights[Reg.LDTR] = Cpu.RIGHTS_UNUSABLE;
            boolean v86 = c.virtual8086();
            int cs = c.selector[Reg.CS];
            c.cpl = v86 ? 3 : cs & 3;
            try {
                loadLdt(c, ldt);
                if (v86) {
                    FarReturn.enterVirtual8086(
                            c,
                            cs,
                            c.selector[Reg.SS],
                            c.selector[Reg.ES],
                            c.selector[Reg.DS],
                            c.selector[Reg.FS],
                            c.selector[Reg.GS]);
                    return;
                }
                loadCode(c, cs);
                loadStack(c, c.selector[Reg.SS]);
                loadData(c, Reg.ES);
                loadData(c, Reg.DS);
                loadData(c, Reg.FS);
                loadData(c, Reg.GS);
            } finally {
                c.updateMode();
            }
        }

        private static void loadLdt(Cpu c, int selector) {
            if (Descriptor.isNull(selector)) {
                return;
            }
            int error = selector & 0xfffc;
            if ((selector & 4) != 0) {
                throw c.raise(Vector.TS, error);
            }
            long d = Descriptor.fetch(c, selector, Vector.TS);
            if (Descriptor.type(d) != Descriptor.LDT || !Descriptor.present(d)) {
                throw c.raise(Vector.TS, error);
            }
            Segments.set(c, Reg.LDTR, selector, d);
        }

        private static void loadCode(Cpu c, int selector) {
            int error = selector & 0xfffc;
            if (Descriptor.isNull(selector)) {
                throw c.raise(Vector.TS, error);
            }
            long d = Descriptor.fetch(c, selector, Vector.TS);
            int dpl = Descriptor.dpl(d);
            boolean allowed = Descriptor.conforming(d) ? dpl <= c.cpl : dpl == c.cpl;
            if (!Descriptor.code(d) || !allowed) {
                throw c.raise(Vector.TS, error);
            }
            if (!Descriptor.present(d)) {
                throw c.raise(Vector.NP, error);
            }
            Segments.set(c, Reg.CS, selector, Descriptor.access(c, selector, d));
        }

        private static void loadStack(Cpu c, int selector) {
            if (Descriptor.isNull(selector)) {
                throw c.raise(Vector.TS, selector & 0xfffc);
            }
            long d = Segments.stackDescriptor(c, selector, c.cpl, Vector.TS);
            Segments.set(c, Reg.SS, selector, Descriptor.access(c, selector, d));
        }

        private static void loadData(Cpu c, int seg) {
            int selector = c.selector[seg];
            if (Descriptor.isNull(selector)) {
                Segments.setNull(c, seg, selector);
                return;
            }
            long d = Segments.dataDescriptor(c, selector, c.cpl, Vector.TS);
            Segments.set(c, seg, selector, Descriptor.access(c, selector, d));
        }
    }
}

package nestbox.x86.system;

import nestbox.core.trace.TraceEvents;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Intercept;
import nestbox.x86.Reg;
import nestbox.x86.Vector;
import nestbox.x86.insn.Insn;
import nestbox.x86.model.Vendor;

/**
 * System management mode: entry by SMI and return by RSM (SDM Vol. 3, "System Management Mode"; APM Vol. 2, "System-Management
 * Mode"). Which memory SMM alone sees is the chipset's matter; it asks {@link Cpu#smm}.
 */
public final class ManagementMode {
    /** SMBASE after RESET. */
    public static final int SMBASE_RESET = 0x30000;

    private static final int AREA = 0x8000;
    private static final int ENTRY = 0x8000;
    private static final int REAL_DATA = 0x93 | Cpu.RIGHTS_G;
    private static final long CR0_CLEARED = Cpu.CR0_PE | Cpu.CR0_EM | Cpu.CR0_TS | Cpu.CR0_PG;
    private static final int NAMED_RIGHTS = 0xf0ff;
    /** Where the saved rights hold {@link Cpu#RIGHTS_UNUSABLE}, in a bit that they do not name. */
    private static final int UNUSABLE = 1 << 8;

    private static final long RFLAGS_DEFINED = 0x3f7fd5;
    private static final long CR0_KNOWN = 0xe005003fL;

    private ManagementMode() {}

    /** Physical address of the state save area's base, to which the maps' offsets of 7xxxh are added. */
    private static long area(Cpu c) {
        return (c.smbase & 0xffffffffL) + AREA;
    }

    /** Takes an SMI at an instruction boundary. INIT, NMI and further SMIs wait until RSM. */
    static void enter(Cpu c) {
        if (c.extension != null) {
            c.extension.enterSmm(c, area(c));
        }
        long[] items = capture(c);
        c.smm = true;
        SaveMap map = SaveMap.of(c.features);
        map.write(c.physical, area(c), items);
        c.smmNmiBlocked = c.nmiBlocked;
        c.nmiBlocked = true;
        c.smmPendingDebug = c.pendingDebug;
        c.pendingDebug = 0;
        c.unpend(Cpu.PENDING_DEBUG_TRAP | Cpu.PENDING_INACTIVE);
        c.activity = Cpu.ACTIVE;
        c.cr0 &= ~CR0_CLEARED;
        c.cr4 = 0;
        c.efer = c.features.vendor() == Vendor.AMD ? c.efer & Cpu.EFER_SVME : 0;
        c.dr[7] = DebugRegisters.DR7_FIXED;
        for (int seg = Reg.ES; seg <= Reg.GS; seg++) {
            c.selector[seg] = 0;
            c.base[seg] = 0;
            c.limit[seg] = 0xffffffffL;
            c.rights[seg] = REAL_DATA;
        }
        c.selector[Reg.CS] = c.smbase >>> 4 & 0xffff;
        c.base[Reg.CS] = c.smbase & 0xffffffffL;
        c.rip = ENTRY;
        c.cpl = 0;
        Tracing.event(c, TraceEvents.SMI, c.smbase);
        follow(c, Flags.FIXED);
    }

    private static void follow(Cpu c, long flags) {
        c.setRflags(flags);
        c.updateMode();
        c.mem.port().control().invalidateAll();
        c.updatePending();
    }

    private static long[] capture(Cpu c) {
        long[] items = new long[SaveMap.ITEMS];
        System.arraycopy(c.r, 0, items, 0, 16);
        items[SaveMap.RIP] = c.rip;
        items[SaveMap.RFLAGS] = c.rflags();
        items[SaveMap.CR0] = c.cr0;
        items[SaveMap.CR3] = c.cr3;
        items[SaveMap.CR4] = c.cr4;
        items[SaveMap.EFER] = c.efer;
        items[SaveMap.DR6] = c.dr[6];
        items[SaveMap.DR7] = c.dr[7];
        items[SaveMap.GDT_BASE] = c.gdtBase;
        items[SaveMap.GDT_LIMIT] = c.gdtLimit;
        items[SaveMap.IDT_BASE] = c.idtBase;
        items[SaveMap.IDT_LIMIT] = c.idtLimit;
        items[SaveMap.AUTO_HALT] = c.activity == Cpu.HALTED ? 1 : 0;
        items[SaveMap.SMBASE] = c.smbase;
        items[SaveMap.REVISION] = SaveMap.of(c.features).revision();
        for (int seg = 0; seg < 8; seg++) {
            int rights = c.rights[seg];
            items[SaveMap.segment(seg, SaveMap.SELECTOR)] = c.selector[seg];
            items[SaveMap.segment(seg, SaveMap.RIGHTS)] =
                    rights & NAMED_RIGHTS | ((rights & Cpu.RIGHTS_UNUSABLE) != 0 ? UNUSABLE : 0);
            items[SaveMap.segment(seg, SaveMap.LIMIT)] = c.limit[seg];
            items[SaveMap.segment(seg, SaveMap.BASE)] = c.base[seg];
        }
        return items;
    }

    /** RSM: #UD outside SMM; state that no processor can be in leads to shutdown. */
    static void resume(Cpu c, Insn in) {
        if (Guard.taken(c, Intercept.RSM, in)) {
            return;
        }
        if (!c.smm) {
            throw c.raise(Vector.UD);
        }
        long area = area(c);
        long[] items = SaveMap.of(c.features).read(c.physical, area);
        if (!valid(c, items)) {
            shutdown(c);
            return;
        }
        load(c, items);
        c.smm = false;
        c.nmiBlocked = c.smmNmiBlocked;
        if (!c.nmiBlocked) {
            c.unblockNmi();
        }
        c.pendingDebug = c.smmPendingDebug;
        if (c.pendingDebug != 0) {
            c.pend(Cpu.PENDING_DEBUG_TRAP);
        }
        if ((items[SaveMap.AUTO_HALT] & 1) != 0) {
            c.activity = Cpu.HALTED;
            c.pend(Cpu.PENDING_INACTIVE);
        }
        c.noStepTrap = true;
        Tracing.event(c, TraceEvents.RSM, c.rip);
        follow(c, items[SaveMap.RFLAGS] & RFLAGS_DEFINED | Flags.FIXED);
        boolean left = c.extension == null || c.extension.leaveSmm(c, area);
        if (!left || !tables(c)) {
            shutdown(c);
        }
    }

    private static boolean tables(Cpu c) {
        boolean loads = ControlRegisters.paePaging(c) && (c.extension == null || c.extension.loadsPdptes(c));
        return !loads || c.mem.port().control().loadPdptes(c.cr3);
    }

    private static void shutdown(Cpu c) {
        c.activity = Cpu.SHUTDOWN;
        c.pend(Cpu.PENDING_INACTIVE);
        Tracing.activity(c);
        c.platform.shutdown(c);
    }

    private static boolean valid(Cpu c, long[] items) {
        long cr0 = items[SaveMap.CR0];
        long cr4 = items[SaveMap.CR4];
        long efer = items[SaveMap.EFER];
        boolean paging = (cr0 & Cpu.CR0_PG) != 0;
        boolean lma = (efer & Cpu.EFER_LMA) != 0;
        int cs = (int) items[SaveMap.segment(Reg.CS, SaveMap.RIGHTS)];
        boolean bad = cr0 >>> 32 != 0
                || (paging && (cr0 & Cpu.CR0_PE) == 0)
                || ((cr0 & Cpu.CR0_NW) != 0 && (cr0 & Cpu.CR0_CD) == 0)
                || (cr4 & ~ControlRegisters.cr4Mask(c)) != 0
                || (efer & ~ControlRegisters.eferMask(c)) != 0
                || lma != (paging && (efer & Cpu.EFER_LME) != 0)
                || (lma && (cr4 & Cpu.CR4_PAE) == 0)
                || (lma && (cs & (Cpu.RIGHTS_L | Cpu.RIGHTS_DB)) == (Cpu.RIGHTS_L | Cpu.RIGHTS_DB))
                || ((cr4 & Cpu.CR4_PCIDE) != 0 && !lma)
                || ((cr4 & Cpu.CR4_CET) != 0 && (cr0 & Cpu.CR0_WP) == 0)
                || !ControlRegisters.legalCr3(c.features, items[SaveMap.CR3])
                || (items[SaveMap.DR6] | items[SaveMap.DR7]) >>> 32 != 0;
        return !bad;
    }

    private static void load(Cpu c, long[] items) {
        System.arraycopy(items, 0, c.r, 0, 16);
        c.rip = items[SaveMap.RIP];
        c.cr0 = items[SaveMap.CR0] & CR0_KNOWN | Cpu.CR0_ET;
        c.cr3 = items[SaveMap.CR3];
        c.cr4 = items[SaveMap.CR4];
        c.efer = items[SaveMap.EFER];
        c.dr[6] = items[SaveMap.DR6] | DebugRegisters.DR6_FIXED;
        c.dr[7] = items[SaveMap.DR7] | DebugRegisters.DR7_FIXED;
        c.gdtBase = items[SaveMap.GDT_BASE];
        c.gdtLimit = (int) items[SaveMap.GDT_LIMIT] & 0xffff;
        c.idtBase = items[SaveMap.IDT_BASE];
        c.idtLimit = (int) items[SaveMap.IDT_LIMIT] & 0xffff;
        c.smbase = (int) items[SaveMap.SMBASE];
        for (int seg = 0; seg < 8; seg++) {
            int rights = (int) items[SaveMap.segment(seg, SaveMap.RIGHTS)];
            c.selector[seg] = (int) items[SaveMap.segment(seg, SaveMap.SELECTOR)] & 0xffff;
            c.rights[seg] = rights & NAMED_RIGHTS | ((rights & UNUSABLE) != 0 ? Cpu.RIGHTS_UNUSABLE : 0);
            c.limit[seg] = items[SaveMap.segment(seg, SaveMap.LIMIT)] & 0xffffffffL;
            c.base[seg] = items[SaveMap.segment(seg, SaveMap.BASE)];
        }
        boolean virtual = (items[SaveMap.RFLAGS] & Flags.VM) != 0;
        c.cpl = !c.protectedMode() ? 0 : virtual ? 3 : (c.rights[Reg.SS] & Cpu.RIGHTS_DPL) >> 5;
    }
}

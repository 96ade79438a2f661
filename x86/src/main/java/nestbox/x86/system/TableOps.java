package nestbox.x86.system;

import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Intercept;
import nestbox.x86.Reg;
import nestbox.x86.Vector;
import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;
import nestbox.x86.op.Operands;

/** Descriptor-table registers and the instructions that look at descriptors (SDM Vol. 2; Vol. 3, "Privilege-Level Checking"). */
final class TableOps {
    private TableOps() {}

    static Handler bind(Insn in) {
        switch (in.form.mnemonic()) {
            case "SGDT":
                return (c, i) -> store(c, i, c.gdtBase, c.gdtLimit);
            case "SIDT":
                return (c, i) -> store(c, i, c.idtBase, c.idtLimit);
            case "LGDT":
                return (c, i) -> load(c, i, true);
            case "LIDT":
                return (c, i) -> load(c, i, false);
            case "SLDT":
                return (c, i) -> storeSelector(c, i, Reg.LDTR);
            case "STR":
                return (c, i) -> storeSelector(c, i, Reg.TR);
            case "LLDT":
                return TableOps::lldt;
            case "LTR":
                return TableOps::ltr;
            case "LAR":
                return TableOps::lar;
            case "LSL":
                return TableOps::lsl;
            case "VERR":
                return (c, i) -> verify(c, i, false);
            case "VERW":
                return (c, i) -> verify(c, i, true);
            case "ARPL":
                return TableOps::arpl;
            default:
                return null;
        }
    }

    private static void store(Cpu c, Insn in, long base, int limit) {
        Guard.umip(c);
        if (Guard.taken(c, Intercept.GDTR_IDTR, in)) {
            return;
        }
        int bytes = in.codeSize == 64 ? 8 : 4;
        long at = Operands.linear(c, in, 2 + bytes, true);
        int blame = Operands.faultSegment(in);
        c.mem.probeWrite(at, 2 + bytes, blame);
        c.mem.store16(at, blame, limit);
        c.mem.store(8 * bytes, Descriptor.linear(c, at + 2), blame, base);
    }

    private static void load(Cpu c, Insn in, boolean gdt) {
        Guard.privileged(c);
        if (Guard.taken(c, Intercept.GDTR_IDTR, in)) {
            return;
        }
        int bytes = in.codeSize == 64 ? 8 : 4;
        long at = Operands.linear(c, in, 2 + bytes, false);
        int blame = Operands.faultSegment(in);
        int limit = (int) c.mem.load16(at, blame);
        long base = c.mem.load(8 * bytes, Descriptor.linear(c, at + 2), blame);
        if (in.codeSize != 64 && in.size == 16) {
            base &= 0xffffff;
        }
        if (in.codeSize == 64 && !c.canonicalBase(base)) {
            throw c.raise(Vector.GP, 0);
        }
        if (gdt) {
            c.gdtBase = base;
            c.gdtLimit = limit;
        } else {
            c.idtBase = base;
            c.idtLimit = limit;
        }
    }

    private static void storeSelector(Cpu c, Insn in, int seg) {
        Guard.protectedMode(c);
        Guard.umip(c);
        if (!Guard.taken(c, Intercept.LDTR_TR, in)) {
            Operands.setRm(c, in, in.memory ? 16 : in.size, c.selector[seg]);
        }
    }

    private static void lldt(Cpu c, Insn in) {
        Guard.protectedMode(c);
        Guard.privileged(c);
        if (Guard.taken(c, Intercept.LDTR_TR, in)) {
            return;
        }
        int selector = (int) Operands.rm(c, in, 16);
        if (Descriptor.isNull(selector)) {
            Segments.setNull(c, Reg.LDTR, selector);
            return;
        }
        loadSystem(c, Reg.LDTR, selector, false);
    }

    private static void ltr(Cpu c, Insn in) {
        Guard.protectedMode(c);
        Guard.privileged(c);
        if (Guard.taken(c, Intercept.LDTR_TR, in)) {
            return;
        }
        int selector = (int) Operands.rm(c, in, 16);
        if (Descriptor.isNull(selector)) {
            throw c.raise(Vector.GP, 0);
        }
        loadSystem(c, Reg.TR, selector, true);
    }

    private static void loadSystem(Cpu c, int seg, int selector, boolean task) {
        int error = selector & 0xfffc;
        if ((selector & 4) != 0) {
            throw c.raise(Vector.GP, error);
        }
        long d = Descriptor.fetch(c, selector, Vector.GP);
        int type = Descriptor.type(d);
        boolean good =
                task ? type == Descriptor.TSS32 || (type == Descriptor.TSS16 && !c.longMode()) : type == Descriptor.LDT;
        if (!good) {
            throw c.raise(Vector.GP, error);
        }
        if (!Descriptor.present(d)) {
            throw c.raise(Vector.NP, error);
        }
        long upper = 0;
        if (c.longMode()) {
            upper = Descriptor.fetchUpper(c, selector, Vector.GP);
            if ((upper >>> 32 & 0x1f00) != 0 || !c.canonicalBase(Descriptor.base(d) | upper << 32)) {
                throw c.raise(Vector.GP, error);
            }
        }
        if (task) {
            d = Descriptor.withBusy(d, true);
            Descriptor.storeTypeByte(c, Descriptor.locate(c, selector, 8), d);
        }
        Segments.setSystem(c, seg, selector, d, upper);
    }

    /** The visible descriptor of the source operand, or 0 (whose type is none) with ZF cleared by the callers. */
    private static long visible(Cpu c, int selector) {
        if (Descriptor.isNull(selector)) {
            return 0;
        }
        long at = Descriptor.locate(c, selector, 8);
        return at == Descriptor.NOWHERE ? 0 : c.mem.loadSystem(8, at);
    }

    /** The privilege rule of LAR, LSL, VERR and VERW: conforming code is visible to all. */
    private static boolean reachable(Cpu c, int selector, long d) {
        int dpl = Descriptor.dpl(d);
        return Descriptor.conforming(d) || (c.cpl <= dpl && (selector & 3) <= dpl);
    }

    private static boolean systemVisible(Cpu c, long d, boolean gates) {
        switch (Descriptor.type(d)) {
            case Descriptor.TSS32:
            case Descriptor.TSS32_BUSY:
            case Descriptor.LDT:
                return true;
            case Descriptor.TSS16:
            case Descriptor.TSS16_BUSY:
                return !c.longMode();
            case Descriptor.CALL_GATE32:
                return gates;
            case Descriptor.CALL_GATE16:
            case Descriptor.TASK_GATE:
                return gates && !c.longMode();
            default:
                return false;
        }
    }

    private static boolean accessible(Cpu c, int selector, long d, boolean gates) {
        return (!Descriptor.system(d) || systemVisible(c, d, gates)) && reachable(c, selector, d);
    }

    private static void setZf(Cpu c, boolean zf) {
        Flags.update(c, Flags.ZF, zf ? Flags.ZF : 0);
    }

    private static void lar(Cpu c, Insn in) {
        Guard.protectedMode(c);
        int selector = (int) Operands.rm(c, in, 16);
        long d = visible(c, selector);
        boolean ok = accessible(c, selector, d, true);
        if (ok) {
            Operands.setReg(c, in, in.reg, in.size, d >>> 32 & 0x00ffff00L);
        }
        setZf(c, ok);
    }

    private static void lsl(Cpu c, Insn in) {
        Guard.protectedMode(c);
        int selector = (int) Operands.rm(c, in, 16);
        long d = visible(c, selector);
        boolean ok = accessible(c, selector, d, false);
        if (ok) {
            Operands.setReg(c, in, in.reg, in.size, Descriptor.limit(d));
        }
        setZf(c, ok);
    }

    private static void verify(Cpu c, Insn in, boolean write) {
        Guard.protectedMode(c);
        int selector = (int) Operands.rm(c, in, 16);
        long d = visible(c, selector);
        boolean kind = write ? Descriptor.writableData(d) : Descriptor.readable(d);
        setZf(c, kind && reachable(c, selector, d));
    }

    private static void arpl(Cpu c, Insn in) {
        Guard.protectedMode(c);
        long destination = Operands.rm(c, in, 16);
        long rpl = c.r[in.reg] & 3;
        boolean raise = (destination & 3) < rpl;
        if (raise) {
            Operands.setRm(c, in, 16, destination & ~3L | rpl);
        }
        setZf(c, raise);
    }
}

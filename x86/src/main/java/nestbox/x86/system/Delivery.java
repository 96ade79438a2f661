package nestbox.x86.system;

import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Reg;
import nestbox.x86.Vector;

/** One event through the interrupt table of the current mode (SDM Vol. 2, "INT n/INTO/INT3/INT1", Operation). */
final class Delivery {
    private static final long CLEARED = Flags.TF | Flags.VM | Flags.RF | Flags.NT;

    private Delivery() {}

    /** Delivers or raises; nothing has changed when it raises, but for a task switch that failed half-way. */
    static void deliver(Cpu c, int vector, int type, boolean hasError, long error, boolean resume) {
        if (!c.protectedMode()) {
            realMode(c, vector, resume);
            return;
        }
        boolean wide = c.longMode();
        int size = wide ? 16 : 8;
        int idtError = vector * 8 + 2;
        if (vector * size + size - 1 > c.idtLimit) {
            throw c.raise(Vector.GP, idtError);
        }
        long at = Descriptor.linear(c, c.idtBase + vector * (long) size);
        long gate = c.mem.loadSystem(8, at);
        long upper = wide ? c.mem.loadSystem(8, at + 8) : 0;
        boolean software = type == EventInDelivery.SOFTWARE_INTERRUPT || type == EventInDelivery.SOFTWARE_EXCEPTION;
        checkGate(c, gate, software, wide, idtError);
        if (Descriptor.type(gate) == Descriptor.TASK_GATE) {
            TaskSwitch.throughGate(c, gate, TaskSwitch.GATE, hasError, error, resume);
        } else if (wide) {
            longMode(c, gate, upper, hasError, error, resume);
        } else {
            protectedMode(c, gate, hasError, error, resume);
        }
    }

    private static void realMode(Cpu c, int vector, boolean resume) {
        if (vector * 4 + 3 > c.idtLimit) {
            throw c.raise(Vector.GP, 0);
        }
        long entry = c.mem.loadSystem(4, c.idtBase + vector * 4L & 0xffffffffL);
        StackFrame s = c.frame.current();
        s.probe(6);
        s.push(2, Exceptions.pushedFlags(c, resume));
        s.push(2, c.selector[Reg.CS]);
        s.push(2, c.rip);
        s.commit();
        Segments.setReal(c, Reg.CS, (int) (entry >>> 16));
        c.updateMode();
        c.rip = entry & 0xffff;
        c.setSystemFlags(c.systemFlags & ~(long) (Flags.IF | Flags.TF | Flags.AC | Flags.RF));
    }

    private static void checkGate(Cpu c, long gate, boolean software, boolean wide, int error) {
        boolean good;
        switch (Descriptor.type(gate)) {
            case Descriptor.INTERRUPT_GATE32:
            case Descriptor.TRAP_GATE32:
                good = true;
                break;
            case Descriptor.TASK_GATE:
            case Descriptor.INTERRUPT_GATE16:
            case Descriptor.TRAP_GATE16:
                good = !wide;
                break;
            default:
                good = false;
                break;
        }
        if (!good || (software && Descriptor.dpl(gate) < c.cpl)) {
            throw c.raise(Vector.GP, error);
        }
        if (!Descriptor.present(gate)) {
            throw c.raise(Vector.NP, error);
        }
    }

    /** The handler's code segment, checked. */
    private static long handler(Cpu c, int selector) {
        if (Descriptor.isNull(selector)) {
            throw c.raise(Vector.GP, 0);
        }
        int error = selector & 0xfffc;
        long d = Descriptor.fetch(c, selector, Vector.GP);
        if (!Descriptor.code(d) || Descriptor.dpl(d) > c.cpl) {
            throw c.raise(Vector.GP, error);
        }
        if (c.longMode() && (!Descriptor.longCode(d) || Descriptor.big(d))) {
            throw c.raise(Vector.GP, error);
        }
        if (!Descriptor.present(d)) {
            throw c.raise(Vector.NP, error);
        }
        return d;
    }

    private static void protectedMode(Cpu c, long gate, boolean hasError, long error, boolean resume) {
        int selector = Descriptor.gateSelector(gate);
        long cs = handler(c, selector);
        int type = Descriptor.type(gate);
        boolean gate32 = (type & 8) != 0;
        int width = gate32 ? 4 : 2;
        long target = gate32 ? Descriptor.gateOffset32(gate) : gate & 0xffff;
        boolean v86 = c.virtual8086();
        int level = Descriptor.conforming(cs) ? c.cpl : Descriptor.dpl(cs);
        if (v86 && level != 0) {
            throw c.raise(Vector.GP, selector & 0xfffc);
        }
        boolean inner = level < c.cpl;
        int words = (inner ? v86 ? 9 : 5 : 3) + (hasError ? 1 : 0);
        StackFrame s = c.frame;
        int ss = 0;
        long stack = 0;
        if (inner) {
            ss = Privilege.stackSelector(c, level);
            stack = Privilege.stack(c, ss, level);
            s.segment(stack, ss, Privilege.stackPointer(c, level), level);
        } else {
            s.current();
        }
        s.probe(words * width);
        if (target > Descriptor.limit(cs)) {
            throw c.raise(Vector.GP, 0);
        }
        cs = Descriptor.access(c, selector, cs);
        if (inner) {
            stack = Descriptor.access(c, ss, stack);
        }
        ShadowStack.enter(c, level, inner ? ShadowStack.ofLevel(c, level) : ShadowStack.STAY, false);
        if (inner) {
            if (v86) {
                s.push(width, c.selector[Reg.GS]);
                s.push(width, c.selector[Reg.FS]);
                s.push(width, c.selector[Reg.DS]);
                s.push(width, c.selector[Reg.ES]);
            }
            s.push(width, c.selector[Reg.SS]);
            s.push(width, c.r[Reg.RSP]);
        }
        s.push(width, Exceptions.pushedFlags(c, resume));
        s.push(width, c.selector[Reg.CS]);
        s.push(width, c.rip);
        if (hasError) {
            s.push(width, error);
        }
        if (v86) {
            Segments.setNull(c, Reg.ES, 0);
            Segments.setNull(c, Reg.DS, 0);
            Segments.setNull(c, Reg.FS, 0);
            Segments.setNull(c, Reg.GS, 0);
        }
        if (inner) {
            Segments.set(c, Reg.SS, ss, stack);
        }
        s.commit();
        enter(c, selector, cs, level, target, (type & 1) == 0);
    }

    private static void longMode(Cpu c, long gate, long upper, boolean hasError, long error, boolean resume) {
        int selector = Descriptor.gateSelector(gate);
        long cs = handler(c, selector);
        long target = Descriptor.gateOffset32(gate) | upper << 32;
        int level = Descriptor.conforming(cs) ? c.cpl : Descriptor.dpl(cs);
        boolean inner = level < c.cpl;
        int ist = (int) (gate >>> 32) & 7;
        long rsp = c.r[Reg.RSP];
        if (ist != 0) {
            rsp = Privilege.stack64(c, 0x24 + 8 * (ist - 1));
        } else if (inner) {
            rsp = Privilege.stack64(c, 4 + 8 * level);
        }
        if (!c.canonical(rsp)) {
            throw c.raise(Vector.SS, 0);
        }
        long ssp = ist != 0
                ? ShadowStack.ofTable(c, level, ist)
                : inner ? ShadowStack.ofLevel(c, level) : ShadowStack.STAY;
        StackFrame s = c.frame.flat(rsp & ~15L, level);
        s.probe(hasError ? 48 : 40);
        if (!c.canonical(target)) {
            throw c.raise(Vector.GP, 0);
        }
        cs = Descriptor.access(c, selector, cs);
        ShadowStack.enter(c, level, ssp, true);
        s.push(8, c.selector[Reg.SS]);
        s.push(8, c.r[Reg.RSP]);
        s.push(8, Exceptions.pushedFlags(c, resume));
        s.push(8, c.selector[Reg.CS]);
        s.push(8, c.rip);
        if (hasError) {
            s.push(8, error);
        }
        if (inner) {
            Segments.setNullStack(c, level, level);
        }
        s.commit();
        enter(c, selector, cs, level, target, (Descriptor.type(gate) & 1) == 0);
    }

    private static void enter(Cpu c, int selector, long cs, int level, long target, boolean interruptGate) {
        Segments.set(c, Reg.CS, selector & ~3 | level, cs);
        c.cpl = level;
        c.rip = target;
        c.setSystemFlags(c.systemFlags & ~(CLEARED | (interruptGate ? Flags.IF : 0)));
        c.updateMode();
    }
}

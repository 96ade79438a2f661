package nestbox.x86.system;

import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import nestbox.x86.Vector;

/**
 * Far JMP and CALL by value (SDM Vol. 2, "JMP - Jump", "CALL - Call Procedure"; Vol. 3, "Accessing a Code Segment Through a Call
 * Gate").
 */
final class FarTransfer {
    private static final long UPPER_TYPE = 0x1f00;

    private FarTransfer() {}

    static void jump(Cpu c, int selector, long offset, int bits) {
        if (!c.protectedMode() || c.virtual8086()) {
            checkTarget(c, c.limit[Reg.CS], false, offset);
            enterReal(c, selector, offset);
            return;
        }
        transfer(c, selector, offset, bits, false);
    }

    static void call(Cpu c, int selector, long offset, int bits) {
        if (!c.protectedMode() || c.virtual8086()) {
            int width = bits >> 3;
            StackFrame s = c.frame.current();
            s.probe(2 * width);
            checkTarget(c, c.limit[Reg.CS], false, offset);
            s.push(width, c.selector[Reg.CS]);
            s.push(width, c.rip);
            s.commit();
            enterReal(c, selector, offset);
            return;
        }
        transfer(c, selector, offset, bits, true);
    }

    /** CS:IP in real or virtual-8086 mode. */
    static void enterReal(Cpu c, int selector, long offset) {
        if (c.virtual8086()) {
            Segments.setVirtual8086(c, Reg.CS, selector);
        } else {
            Segments.setReal(c, Reg.CS, selector);
        }
        c.updateMode();
        c.rip = offset;
    }

    /** #GP(0) for an instruction pointer outside the segment, or not canonical when the target is 64-bit code. */
    static void checkTarget(Cpu c, long limit, boolean target64, long offset) {
        if (target64 ? !c.canonical(offset) : offset > limit) {
            throw c.raise(Vector.GP, 0);
        }
    }

    private static void transfer(Cpu c, int selector, long offset, int bits, boolean call) {
        if (Descriptor.isNull(selector)) {
            throw c.raise(Vector.GP, 0);
        }
        long d = Descriptor.fetch(c, selector, Vector.GP);
        if (Descriptor.system(d)) {
            throughSystem(c, selector, d, call);
            return;
        }
        int error = selector & 0xfffc;
        int dpl = Descriptor.dpl(d);
        boolean allowed = Descriptor.conforming(d) ? dpl <= c.cpl : (selector & 3) <= c.cpl && dpl == c.cpl;
        if (!Descriptor.code(d) || !allowed || badLongCode(c, d)) {
            throw c.raise(Vector.GP, error);
        }
        if (!Descriptor.present(d)) {
            throw c.raise(Vector.NP, error);
        }
        boolean target64 = c.longMode() && Descriptor.longCode(d);
        long target = bits == 64 ? offset : offset & (1L << bits) - 1;
        if (call) {
            int width = bits >> 3;
            StackFrame s = c.frame.current();
            s.probe(2 * width);
            checkTarget(c, Descriptor.limit(d), target64, target);
            d = Descriptor.access(c, selector, d);
            ShadowStack.enter(c, c.cpl, ShadowStack.STAY, target64);
            s.push(width, c.selector[Reg.CS]);
            s.push(width, c.rip);
            s.commit();
        } else {
            checkTarget(c, Descriptor.limit(d), target64, target);
            d = Descriptor.access(c, selector, d);
            ShadowStack.jump(c, target64);
        }
        enter(c, selector, d, c.cpl, target);
    }

    /** IA-32e mode has no code that is both 64-bit and default 32-bit. */
    static boolean badLongCode(Cpu c, long d) {
        return c.longMode() && Descriptor.longCode(d) && Descriptor.big(d);
    }

    /** Loads CS and RIP; the last step. */
    static void enter(Cpu c, int selector, long d, int cpl, long target) {
        Segments.set(c, Reg.CS, selector & ~3 | cpl, d);
        c.cpl = cpl;
        c.updateMode();
        c.rip = target;
    }

    private static void throughSystem(Cpu c, int selector, long d, boolean call) {
        int error = selector & 0xfffc;
        int type = Descriptor.type(d);
        boolean gate = type == Descriptor.CALL_GATE32 || (!c.longMode() && type == Descriptor.CALL_GATE16);
        boolean task =
                !c.longMode() && (type == Descriptor.TASK_GATE || type == Descriptor.TSS16 || type == Descriptor.TSS32);
        int dpl = Descriptor.dpl(d);
        if ((!gate && !task) || dpl < c.cpl || dpl < (selector & 3)) {
            throw c.raise(Vector.GP, error);
        }
        if (gate && c.longMode() && (Descriptor.fetchUpper(c, selector, Vector.GP) >>> 32 & UPPER_TYPE) != 0) {
            throw c.raise(Vector.GP, error);
        }
        if (!Descriptor.present(d)) {
            throw c.raise(Vector.NP, error);
        }
        int source = call ? TaskSwitch.CALL : TaskSwitch.JMP;
        if (gate) {
            throughCallGate(c, selector, d, call);
        } else if (type == Descriptor.TASK_GATE) {
            TaskSwitch.throughGate(c, d, source, false, 0, false);
        } else {
            TaskSwitch.to(c, selector, d, source, false, 0, false);
        }
    }

    private static void throughCallGate(Cpu c, int gateSelector, long gate, boolean call) {
        int selector = Descriptor.gateSelector(gate);
        if (Descriptor.isNull(selector)) {
            throw c.raise(Vector.GP, 0);
        }
        int error = selector & 0xfffc;
        long d = Descriptor.fetch(c, selector, Vector.GP);
        int dpl = Descriptor.dpl(d);
        boolean conforming = Descriptor.conforming(d);
        boolean inner = call && !conforming && dpl < c.cpl;
        boolean allowed = conforming || call ? dpl <= c.cpl : dpl == c.cpl;
        if (!Descriptor.code(d) || !allowed) {
            throw c.raise(Vector.GP, error);
        }
        if (c.longMode() && (!Descriptor.longCode(d) || Descriptor.big(d))) {
            throw c.raise(Vector.GP, error);
        }
        if (!Descriptor.present(d)) {
            throw c.raise(Vector.NP, error);
        }
        if (c.longMode()) {
            long target = Descriptor.gateOffset32(gate) | Descriptor.fetchUpper(c, gateSelector, Vector.GP) << 32;
            call64(c, selector, d, target, call, inner);
            return;
        }
        boolean gate32 = Descriptor.type(gate) == Descriptor.CALL_GATE32;
        long target = gate32 ? Descriptor.gateOffset32(gate) : gate & 0xffff;
        int width = gate32 ? 4 : 2;
        if (inner) {
            callInner(c, selector, d, target, width, (int) (gate >>> 32) & 0x1f);
            return;
        }
        if (call) {
            StackFrame s = c.frame.current();
            s.probe(2 * width);
            checkTarget(c, Descriptor.limit(d), false, target);
            d = Descriptor.access(c, selector, d);
            ShadowStack.enter(c, c.cpl, ShadowStack.STAY, false);
            s.push(width, c.selector[Reg.CS]);
            s.push(width, c.rip);
            s.commit();
        } else {
            checkTarget(c, Descriptor.limit(d), false, target);
            d = Descriptor.access(c, selector, d);
            ShadowStack.jump(c, false);
        }
        enter(c, selector, d, c.cpl, target);
    }

    private static void callInner(Cpu c, int selector, long code, long target, int width, int parameters) {
        int level = Descriptor.dpl(code);
        int ss = Privilege.stackSelector(c, level);
        long sp = Privilege.stackPointer(c, level);
        long stack = Privilege.stack(c, ss, level);
        StackFrame s = c.frame.segment(stack, ss, sp, level);
        s.probe((4 + parameters) * width);
        checkTarget(c, Descriptor.limit(code), false, target);
        long oldPointer = c.r[Reg.RSP] & c.stackMask;
        // The highest parameter first: a fault in reading them leaves the new stack's free part scribbled on, no more.
        s.push(width, c.selector[Reg.SS]);
        s.push(width, oldPointer);
        for (int i = parameters - 1; i >= 0; i--) {
            long inner = s.pointer;
            long value = c.frame.current().peek(i * width, width);
            s.segment(stack, ss, inner, level).push(width, value);
        }
        long cs = Descriptor.access(c, selector, code);
        stack = Descriptor.access(c, ss, stack);
        ShadowStack.enter(c, level, ShadowStack.ofLevel(c, level), false);
        s.push(width, c.selector[Reg.CS]);
        s.push(width, c.rip);
        Segments.set(c, Reg.SS, ss, stack);
        s.commit();
        enter(c, selector, cs, level, target);
    }

    private static void call64(Cpu c, int selector, long d, long target, boolean call, boolean inner) {
        int level = inner ? Descriptor.dpl(d) : c.cpl;
        if (!call) {
            checkTarget(c, 0, true, target);
            long code = Descriptor.access(c, selector, d);
            ShadowStack.jump(c, true);
            enter(c, selector, code, level, target);
            return;
        }
        long rsp = inner ? Privilege.stack64(c, 4 + 8 * level) : c.r[Reg.RSP];
        if (!c.canonical(rsp)) {
            throw c.raise(Vector.SS, 0);
        }
        StackFrame s = c.frame.flat(rsp, level);
        s.probe(inner ? 32 : 16);
        checkTarget(c, 0, true, target);
        long cs = Descriptor.access(c, selector, d);
        ShadowStack.enter(c, level, inner ? ShadowStack.ofLevel(c, level) : ShadowStack.STAY, true);
        if (inner) {
            s.push(8, c.selector[Reg.SS]);
            s.push(8, c.r[Reg.RSP]);
        }
        s.push(8, c.selector[Reg.CS]);
        s.push(8, c.rip);
        if (inner) {
            Segments.setNullStack(c, level, level);
        }
        s.commit();
        enter(c, selector, cs, level, target);
    }
}

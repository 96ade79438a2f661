package nestbox.x86.system;

import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import nestbox.x86.Vector;
import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;
import nestbox.x86.model.Vendor;
import nestbox.x86.op.Operands;
import nestbox.x86.op.Stack;

/** MOV, PUSH and POP of segment registers, Lxs, far jumps, calls and returns, software interrupts. */
final class SegmentOps {
    private SegmentOps() {}

    static Handler bind(Insn in) {
        switch (in.form.mnemonic()) {
            case "MOV":
                return move(in);
            case "PUSH":
                return segment(in) < 0 ? null : SegmentOps::push;
            case "POP":
                return segment(in) < 0 ? null : SegmentOps::pop;
            case "LES":
                return (c, i) -> loadPointer(c, i, Reg.ES);
            case "LDS":
                return (c, i) -> loadPointer(c, i, Reg.DS);
            case "LSS":
                return (c, i) -> loadPointer(c, i, Reg.SS);
            case "LFS":
                return (c, i) -> loadPointer(c, i, Reg.FS);
            case "LGS":
                return (c, i) -> loadPointer(c, i, Reg.GS);
            case "JMPF":
                return in.memory ? SegmentOps::jumpMemory : SegmentOps::jumpDirect;
            case "CALLF":
                return in.memory ? SegmentOps::callMemory : SegmentOps::callDirect;
            case "RETF":
                return (c, i) -> FarReturn.ret(c, i.size, (int) i.imm & 0xffff);
            default:
                return null;
        }
    }

    private static Handler move(Insn in) {
        String first = in.form.operands().get(0);
        if (first.equals("Sw")) {
            return SegmentOps::moveTo;
        }
        boolean from = in.form.operands().get(1).equals("Sw");
        return from ? SegmentOps::moveFrom : null;
    }

    private static void moveTo(Cpu c, Insn in) {
        load(c, in.reg & 7, (int) Operands.rm(c, in, 16));
    }

    private static void moveFrom(Cpu c, Insn in) {
        Operands.setRm(c, in, in.memory ? 16 : in.size, c.selector[in.reg & 7]);
    }

    /** Loads a segment register; SS opens an interrupt shadow. */
    private static void load(Cpu c, int seg, int selector) {
        if (seg == Reg.CS || seg > Reg.GS) {
            throw c.raise(Vector.UD);
        }
        Segments.load(c, seg, selector & 0xffff);
        if (seg == Reg.SS) {
            Shadow.begin(c, Cpu.SHADOW_MOV_SS);
        }
    }

    /** The segment register that the form names, or -1. */
    private static int segment(Insn in) {
        if (in.form.operands().isEmpty()) {
            return -1;
        }
        switch (in.form.operands().get(0)) {
            case "ES":
                return Reg.ES;
            case "CS":
                return Reg.CS;
            case "SS":
                return Reg.SS;
            case "DS":
                return Reg.DS;
            case "FS":
                return Reg.FS;
            case "GS":
                return Reg.GS;
            default:
                return -1;
        }
    }

    /** Stores the selector's 16 bits and moves the pointer by the operand size, as processors since the Pentium do. */
    private static void push(Cpu c, Insn in) {
        int selector = c.selector[segment(in)];
        if (in.size != 32) {
            Stack.push(c, in.size, selector);
            return;
        }
        c.mem.store(16, Stack.linear(c, c.r[Reg.RSP] - 4, 2, true), Reg.SS, selector);
        Stack.drop(c, -4);
    }

    private static void pop(Cpu c, Insn in) {
        int seg = segment(in);
        int selector = (int) Stack.peek(c, in.size == 32 ? 16 : in.size) & 0xffff;
        // The pointer moves on the stack that the selector was read from.
        long mask = c.stackMask;
        load(c, seg, selector);
        long top = c.r[Reg.RSP] + (in.size >> 3);
        c.r[Reg.RSP] = mask == 0xffff ? c.r[Reg.RSP] & ~0xffffL | top & 0xffff : top & mask;
    }

    private static void loadPointer(Cpu c, Insn in, int seg) {
        int width = in.size >> 3;
        long at = Operands.linear(c, in, width + 2, false);
        int blame = Operands.faultSegment(in);
        long offset = c.mem.load(in.size, at, blame);
        int selector = (int) c.mem.load16(c.longMode() ? at + width : at + width & 0xffffffffL, blame);
        load(c, seg, selector);
        Operands.setReg(c, in, in.reg, in.size, offset);
    }

    private static int selector(Insn in) {
        return (int) in.imm2 & 0xffff;
    }

    private static long offset(Insn in) {
        return in.size == 16 ? in.imm & 0xffff : in.imm & 0xffffffffL;
    }

    /** AMD has no far pointers with 64-bit offsets (APM Vol. 3, "JMP (Far)"). */
    private static int pointerBits(Cpu c, Insn in) {
        return in.size == 64 && c.features.vendor() == Vendor.AMD ? 32 : in.size;
    }

    private static void jumpDirect(Cpu c, Insn in) {
        c.farLength = in.length;
        FarTransfer.jump(c, selector(in), offset(in), in.size);
    }

    private static void callDirect(Cpu c, Insn in) {
        c.farLength = in.length;
        FarTransfer.call(c, selector(in), offset(in), in.size);
    }

    private static void jumpMemory(Cpu c, Insn in) {
        c.farLength = in.length;
        int bits = pointerBits(c, in);
        long at = Operands.linear(c, in, (bits >> 3) + 2, false);
        int blame = Operands.faultSegment(in);
        long offset = c.mem.load(bits, at, blame);
        FarTransfer.jump(c, (int) c.mem.load16(at + (bits >> 3), blame), offset, bits);
    }

    private static void callMemory(Cpu c, Insn in) {
        c.farLength = in.length;
        int bits = pointerBits(c, in);
        long at = Operands.linear(c, in, (bits >> 3) + 2, false);
        int blame = Operands.faultSegment(in);
        long offset = c.mem.load(bits, at, blame);
        FarTransfer.call(c, (int) c.mem.load16(at + (bits >> 3), blame), offset, bits);
    }
}

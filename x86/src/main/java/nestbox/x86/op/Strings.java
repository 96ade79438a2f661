package nestbox.x86.op;

import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Reg;
import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;

/** MOVS, STOS, LODS, CMPS and SCAS (SDM Vol. 2). ES:rDI is the destination; the source's segment may be overridden. */
final class Strings {
    private Strings() {}

    static Handler bind(Insn in) {
        switch (mnemonic(in)) {
            case "MOVS":
                return Repeat.bind(in, Strings::movs, null);
            case "STOS":
                return Repeat.bind(in, Strings::stos, null);
            case "LODS":
                return Repeat.bind(in, Strings::lods, null);
            case "CMPS":
                return Repeat.bind(in, Strings::cmps, Flags::zf);
            case "SCAS":
                return Repeat.bind(in, Strings::scas, Flags::zf);
            default:
                return null;
        }
    }

    /** The mnemonic without the size's letter. */
    private static String mnemonic(Insn in) {
        String mnemonic = in.form.mnemonic();
        boolean source = Kinds.kind(in, 0).startsWith("X") || Kinds.kind(in, 1).startsWith("X");
        boolean target = Kinds.kind(in, 0).startsWith("Y") || Kinds.kind(in, 1).startsWith("Y");
        return (source || target) && mnemonic.length() == 5 ? mnemonic.substring(0, 4) : mnemonic;
    }

    /** Linear address of the element at the source index. */
    static long source(Cpu c, Insn in) {
        long offset = Operands.zeroExtend(c.r[Reg.RSI], in.addressSize);
        return Operands.linearAt(c, in, in.seg, offset, in.size >> 3, false);
    }

    static int targetSegment(Insn in) {
        return in.codeSize == 64 ? Insn.FLAT : Reg.ES;
    }

    /** Linear address of the element at the destination index. */
    static long target(Cpu c, Insn in, boolean write) {
        long offset = Operands.zeroExtend(c.r[Reg.RDI], in.addressSize);
        return Operands.linearAt(c, in, targetSegment(in), offset, in.size >> 3, write);
    }

    /** Moves an index register by {@code elements} in the direction of DF. */
    static void advance(Cpu c, Insn in, int register, int elements) {
        long step = (long) elements * (in.size >> 3);
        long delta = (c.systemFlags & Flags.DF) != 0 ? -step : step;
        Operands.setReg(c, in, register, in.addressSize, c.r[register] + delta);
    }

    private static int movs(Cpu c, Insn in, int most) {
        int done = BulkStrings.movs(c, in, most);
        if (done == 0) {
            long value = c.mem.load(in.size, source(c, in), in.seg);
            c.mem.store(in.size, target(c, in, true), targetSegment(in), value);
            done = 1;
        }
        advance(c, in, Reg.RSI, done);
        advance(c, in, Reg.RDI, done);
        return done;
    }

    private static int stos(Cpu c, Insn in, int most) {
        int done = BulkStrings.stos(c, in, most);
        if (done == 0) {
            c.mem.store(in.size, target(c, in, true), targetSegment(in), Operands.reg(c, in, Reg.RAX, in.size));
            done = 1;
        }
        advance(c, in, Reg.RDI, done);
        return done;
    }

    private static int lods(Cpu c, Insn in, int most) {
        Operands.setReg(c, in, Reg.RAX, in.size, c.mem.load(in.size, source(c, in), in.seg));
        advance(c, in, Reg.RSI, 1);
        return 1;
    }

    private static int cmps(Cpu c, Insn in, int most) {
        long a = c.mem.load(in.size, source(c, in), in.seg);
        long b = c.mem.load(in.size, target(c, in, false), targetSegment(in));
        Alu.sub(c, a, b, in.size);
        advance(c, in, Reg.RSI, 1);
        advance(c, in, Reg.RDI, 1);
        return 1;
    }

    private static int scas(Cpu c, Insn in, int most) {
        long b = c.mem.load(in.size, target(c, in, false), targetSegment(in));
        Alu.sub(c, Operands.reg(c, in, Reg.RAX, in.size), b, in.size);
        advance(c, in, Reg.RDI, 1);
        return 1;
    }
}

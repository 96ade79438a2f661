package nestbox.x86.op;

import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;

/** General-purpose instructions that are neither privileged nor floating-point. */
final class IntegerSemantics {
    private IntegerSemantics() {}

    static Handler bind(Insn in) {
        Handler handler = Moves.bind(in);
        if (handler == null) {
            handler = arithmetic(in);
        }
        if (handler == null) {
            handler = control(in);
        }
        if (handler == null) {
            handler = stack(in);
        }
        return handler != null ? handler : flags(in);
    }

    private static Handler arithmetic(Insn in) {
        switch (in.form.mnemonic()) {
            case "ADD":
                return Shapes.binary(in, Alu::add);
            case "OR":
                return Shapes.binary(in, Alu::or);
            case "ADC":
                return Shapes.binary(in, Alu::adc);
            case "SBB":
                return Shapes.binary(in, Alu::sbb);
            case "AND":
                return Shapes.binary(in, Alu::and);
            case "SUB":
                return Shapes.binary(in, Alu::sub);
            case "XOR":
                return Shapes.binary(in, Alu::xor);
            case "CMP":
                return Shapes.compare(in, Alu::sub);
            case "TEST":
                return Shapes.compare(in, Alu::and);
            case "INC":
                return Shapes.unary(in, Alu::inc);
            case "DEC":
                return Shapes.unary(in, Alu::dec);
            case "NEG":
                return Shapes.unary(in, Alu::neg);
            case "NOT":
                return Shapes.unary(in, Alu::not);
            default:
                return null;
        }
    }

    private static Handler control(Insn in) {
        String mnemonic = in.form.mnemonic();
        switch (mnemonic) {
            case "JMP":
                return Kinds.isRelative(in, 0) ? Branch::jump : Kinds.isNear(in, 0) ? Branch::jumpIndirect : null;
            case "CALL":
                return Kinds.isRelative(in, 0) ? Branch::call : Kinds.isNear(in, 0) ? Branch::callIndirect : null;
            case "RET":
                return Kinds.count(in) == 0 ? Branch::ret : Branch::retImmediate;
            case "JCXZ":
            case "JECXZ":
            case "JRCXZ":
                return Branch::jumpIfCounterZero;
            case "LOOP":
                return Branch::loop;
            case "LOOPE":
                return Branch::loopEqual;
            case "LOOPNE":
                return Branch::loopNotEqual;
            default:
                int cc = mnemonic.startsWith("J") ? Conditions.number(mnemonic.substring(1)) : -1;
                return cc < 0 ? null : Branch.conditional(cc);
        }
    }

    private static Handler stack(Insn in) {
        switch (in.form.mnemonic()) {
            case "PUSH":
                return StackOps.push(in);
            case "POP":
                return StackOps.pop(in);
            case "PUSHA":
            case "PUSHAD":
                return StackOps::pushAll;
            case "POPA":
            case "POPAD":
                return StackOps::popAll;
            case "PUSHF":
            case "PUSHFD":
            case "PUSHFQ":
                return FlagsOnStack::pushf;
            case "POPF":
            case "POPFD":
            case "POPFQ":
                return FlagsOnStack::popf;
            case "ENTER":
                return StackOps::enter;
            case "LEAVE":
                return StackOps::leave;
            default:
                return null;
        }
    }

    private static Handler flags(Insn in) {
        switch (in.form.mnemonic()) {
            case "CLC":
                return (c, i) -> Flags.setCf(c, false);
            case "STC":
                return (c, i) -> Flags.setCf(c, true);
            case "CMC":
                return (c, i) -> Flags.setCf(c, !Flags.cf(c));
            case "CLD":
                return (c, i) -> c.systemFlags &= ~(long) Flags.DF;
            case "STD":
                return (c, i) -> c.systemFlags |= Flags.DF;
            case "NOP":
            case "PAUSE":
                return IntegerSemantics::nothing;
            default:
                return null;
        }
    }

    private static void nothing(Cpu c, Insn in) {
        // Hints and padding change nothing.
    }
}

package nestbox.x86.op;

import java.util.List;
import nestbox.x86.Flags;
import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;

/** General-purpose instructions that are neither privileged nor floating-point. */
final class IntegerSemantics {
    /** Gives null for the mnemonics of others. */
    @FunctionalInterface
    private interface Family {
        Handler bind(Insn in);
    }

    private static final List<Family> FAMILIES = List.of(
            Moves::bind,
            IntegerSemantics::arithmetic,
            IntegerSemantics::control,
            IntegerSemantics::stack,
            IntegerSemantics::shifts,
            IntegerSemantics::multiplication,
            IntegerSemantics::bits,
            IntegerSemantics::vexBits,
            BitTests::bind,
            Exchanges::bind,
            Strings::bind,
            IntegerSemantics::flags,
            IntegerSemantics::decimal,
            Miscellany::bind);

    private IntegerSemantics() {}

    static Handler bind(Insn in) {
        for (Family family : FAMILIES) {
            Handler handler = family.bind(in);
            if (handler != null) {
                return handler;
            }
        }
        return null;
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
                int cc = mnemonic.startsWith("J") ? Conditions.number(in, 1) : -1;
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
            default:
                return null;
        }
    }

    private static Handler shifts(Insn in) {
        switch (in.form.mnemonic()) {
            case "ROL":
                return Shapes.shift(in, Shifts::rol);
            case "ROR":
                return Shapes.shift(in, Shifts::ror);
            case "RCL":
                return Shapes.shift(in, Shifts::rcl);
            case "RCR":
                return Shapes.shift(in, Shifts::rcr);
            case "SHL":
            case "SAL":
                return Shapes.shift(in, Shifts::shl);
            case "SHR":
                return Shapes.shift(in, Shifts::shr);
            case "SAR":
                return Shapes.shift(in, Shifts::sar);
            case "SHLD":
                return Shapes.doubleShift(in, Shifts::shld);
            case "SHRD":
                return Shapes.doubleShift(in, Shifts::shrd);
            default:
                return null;
        }
    }

    private static Handler multiplication(Insn in) {
        switch (in.form.mnemonic()) {
            case "MUL":
                return Multiply::mul;
            case "IMUL":
                switch (Kinds.count(in)) {
                    case 1:
                        return Multiply::imul;
                    case 2:
                        return Shapes.binary(in, Multiply::imul);
                    default:
                        return (c, i) -> Operands.setReg(
                                c, i, i.reg, i.size, Multiply.imul(c, Operands.rm(c, i, i.size), i.imm, i.size));
                }
            case "DIV":
                return Multiply::div;
            case "IDIV":
                return Multiply::idiv;
            default:
                return null;
        }
    }

    private static Handler bits(Insn in) {
        switch (in.form.mnemonic()) {
            case "BSF":
                return Shapes.scan(Bits::bsf);
            case "BSR":
                return Shapes.scan(Bits::bsr);
            case "TZCNT":
                return Shapes.binary(in, Bits::tzcnt);
            case "LZCNT":
                return Shapes.binary(in, Bits::lzcnt);
            case "POPCNT":
                return Shapes.binary(in, Bits::popcnt);
            case "ADCX":
                return Shapes.binary(in, Bits::adcx);
            case "ADOX":
                return Shapes.binary(in, Bits::adox);
            case "CRC32":
                return (c, i) -> c.r[i.reg] = Bits.crc32(c.r[i.reg], Operands.rm(c, i, i.rmSize), i.rmSize);
            default:
                return null;
        }
    }

    private static Handler vexBits(Insn in) {
        switch (in.form.mnemonic()) {
            case "ANDN":
                return Shapes.vexBetween(Bits::andn);
            case "PDEP":
                return Shapes.vexBetween((c, a, b, bits) -> Bits.pdep(a, b));
            case "PEXT":
                return Shapes.vexBetween((c, a, b, bits) -> Bits.pext(a, b));
            case "BEXTR":
                return Shapes.vexLast(Bits::bextr);
            case "BZHI":
                return Shapes.vexLast(Bits::bzhi);
            case "SHLX":
                return Shapes.vexLast((c, a, b, bits) -> a << (b & (bits - 1)));
            case "SHRX":
                return Shapes.vexLast((c, a, b, bits) -> a >>> (b & (bits - 1)));
            case "SARX":
                return Shapes.vexLast((c, a, b, bits) -> Operands.signExtend(a, bits) >> (b & (bits - 1)));
            case "BLSI":
                return Shapes.vexUnary(Bits::blsi);
            case "BLSMSK":
                return Shapes.vexUnary(Bits::blsmsk);
            case "BLSR":
                return Shapes.vexUnary(Bits::blsr);
            case "MULX":
                return Multiply::mulx;
            case "RORX":
                return (c, i) -> {
                    long value = Operands.rm(c, i, i.size);
                    int n = (int) i.imm & (i.size - 1);
                    Operands.setReg(c, i, i.reg, i.size, value >>> n | value << (i.size - n));
                };
            default:
                return null;
        }
    }

    private static Handler decimal(Insn in) {
        switch (in.form.mnemonic()) {
            case "DAA":
                return Bcd::daa;
            case "DAS":
                return Bcd::das;
            case "AAA":
                return Bcd::aaa;
            case "AAS":
                return Bcd::aas;
            case "AAM":
                return Bcd::aam;
            case "AAD":
                return Bcd::aad;
            default:
                return null;
        }
    }
}

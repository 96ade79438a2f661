package nestbox.x86.op.x87;

import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Vector;
import nestbox.x86.fp.Extended;
import nestbox.x86.fp.X87;
import nestbox.x86.fp.X87Ops;
import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;

/**
 * Handlers of the opcodes D8 to DF, chosen by opcode and ModRM as in the escape tables of SDM Vol. 2, "Opcode Map", with the
 * aliases that processors have but manuals do not list, and of FWAIT.
 */
public final class X87Semantics {
    private static final int FIRST_ESCAPE = 0xd8;
    private static final int SIN = 0;
    private static final int COS = 1;
    private static final int SINCOS = 2;
    private static final int TAN = 3;
    private static final int YL2X = 0;
    private static final int YL2XP1 = 1;
    private static final int PATAN = 2;

    private X87Semantics() {}

    /** The handler, or null if {@code in} is no x87 instruction. */
    public static Handler bind(Insn in) {
        String mnemonic = in.form.mnemonic();
        if (mnemonic.equals("FWAIT") || mnemonic.equals("WAIT")) {
            return X87Semantics::fwait;
        }
        if (mnemonic.charAt(0) != 'F' || (in.opcode & 0xf8) != FIRST_ESCAPE) {
            return null;
        }
        return bind(in.opcode, in.modrm);
    }

    /** The handler of an escape opcode (D8 to DF) and its ModRM byte, or null if they are no instruction. */
    static Handler bind(int opcode, int modrm) {
        int group = modrm >>> 3 & 7;
        return modrm < 0xc0 ? memory(opcode, group) : register(opcode, group, modrm & 7);
    }

    private static void fwait(Cpu c, Insn in) {
        if ((c.cr0 & (Cpu.CR0_MP | Cpu.CR0_TS)) == (Cpu.CR0_MP | Cpu.CR0_TS)) {
            throw c.raise(Vector.NM);
        }
        X87Access.reportPending(c, in);
    }

    // ---- memory operands ----

    private static Handler memory(int opcode, int group) {
        switch (opcode) {
            case 0xd8:
                return X87Memory.arithmetic(X87Memory::single, group);
            case 0xd9:
                return memoryD9(group);
            case 0xda:
                return X87Memory.arithmetic(X87Memory::doubleword, group);
            case 0xdb:
                return memoryDb(group);
            case 0xdc:
                return X87Memory.arithmetic(X87Memory::real, group);
            case 0xdd:
                return memoryDd(group);
            case 0xde:
                return X87Memory.arithmetic(X87Memory::word, group);
            default:
                return memoryDf(group);
        }
    }

    private static Handler memoryD9(int group) {
        switch (group) {
            case 0:
                return X87Memory.push(X87Memory::single);
            case 2:
            case 3:
                return X87Memory.store(32, 0xffc00000L, Extended::toSingle, group == 3);
            case 4:
                return X87Access.control(X87Environment::loadEnvironment);
            case 5:
                return X87Access.control(X87Environment::loadControl);
            case 6:
                return X87Access.nonWaiting(X87Environment::storeEnvironment);
            case 7:
                return X87Access.nonWaiting(X87Environment::storeControl);
            default:
                return null;
        }
    }

    private static Handler integerStore(int bits, boolean truncate, boolean pop) {
        return X87Memory.store(bits, -1L << bits - 1, (u, se, m) -> Extended.toInteger(u, se, m, bits, truncate), pop);
    }

    private static Handler memoryDb(int group) {
        switch (group) {
            case 0:
                return X87Memory.push(X87Memory::doubleword);
            case 1:
                return integerStore(32, true, true);
            case 2:
            case 3:
                return integerStore(32, false, group == 3);
            case 5:
                return X87Memory.push(X87Memory::extended);
            case 7:
                return X87Access.computeMemory(X87Memory::storeExtended);
            default:
                return null;
        }
    }

    private static Handler memoryDd(int group) {
        switch (group) {
            case 0:
                return X87Memory.push(X87Memory::real);
            case 1:
                return integerStore(64, true, true);
            case 2:
            case 3:
                return X87Memory.store(64, 0xfff8000000000000L, Extended::toDouble, group == 3);
            case 4:
                return X87Access.control(X87Environment::restore);
            case 6:
                return X87Access.nonWaiting(X87Environment::save);
            case 7:
                return X87Access.nonWaiting(X87Environment::storeStatus);
            default:
                return null;
        }
    }

    private static Handler memoryDf(int group) {
        switch (group) {
            case 0:
                return X87Memory.push(X87Memory::word);
            case 1:
                return integerStore(16, true, true);
            case 2:
            case 3:
                return integerStore(16, false, group == 3);
            case 4:
                return X87Access.computeMemory(X87Memory::loadDecimal);
            case 5:
                return X87Memory.push(X87Memory::quadword);
            case 6:
                return X87Access.computeMemory(X87Memory::storeDecimal);
            default:
                return integerStore(64, false, true);
        }
    }

    // ---- register operands ----

    private static Handler on(java.util.function.Consumer<X87> operation) {
        return X87Access.compute((c, in) -> operation.accept(c.fpu));
    }

    private static Handler register(int opcode, int group, int i) {
        switch (opcode) {
            case 0xd8:
                return registerD8(group, i);
            case 0xd9:
                return registerD9(group, i);
            case 0xda:
                return group == 5
                        ? i == 1 ? on(f -> X87Ops.compareStack(f, 1, false, 2)) : null
                        : conditional(group, i, false);
            case 0xdb:
                return registerDb(group, i);
            case 0xdc:
                return registerDc(group, i, false);
            case 0xdd:
                return registerDd(group, i);
            case 0xde:
                return group == 3
                        ? i == 1 ? on(f -> X87Ops.compareStack(f, 1, true, 2)) : null
                        : registerDc(group, i, true);
            default:
                return registerDf(group, i);
        }
    }

    private static Handler compare(int i, boolean signalling, boolean pop) {
        return on(f -> X87Ops.compareStack(f, i, signalling, pop ? 1 : 0));
    }

    private static Handler registerD8(int group, int i) {
        if (group == X87Ops.COM || group == X87Ops.COMP) {
            return compare(i, true, group == X87Ops.COMP);
        }
        return on(f -> X87Ops.arithmetic(f, group, 0, i, false));
    }

    /** DC and, popping, DE: the destination is ST(i), and the subtractions and divisions are numbered the other way round. */
    private static Handler registerDc(int group, int i, boolean pop) {
        if (group == X87Ops.COM || group == X87Ops.COMP) {
            return compare(i, true, pop || group == X87Ops.COMP);
        }
        int op = group >= X87Ops.SUB ? group ^ 1 : group;
        return on(f -> X87Ops.arithmetic(f, op, i, 0, pop));
    }

    private static Handler registerD9(int group, int i) {
        switch (group) {
            case 0:
                return on(f -> X87Ops.loadRegister(f, i));
            case 1:
                return on(f -> X87Ops.exchange(f, i));
            case 2:
                return i == 0 ? on(f -> {}) : null;
            case 3:
                return on(f -> X87Ops.storeRegister(f, i, true));
            case 4:
                return signGroup(i);
            case 5:
                return i < 7 ? on(f -> X87Ops.loadConstant(f, i)) : null;
            case 6:
                return d9f0(i);
            default:
                return d9f8(i);
        }
    }

    private static Handler signGroup(int i) {
        switch (i) {
            case 0:
                return on(f -> X87Ops.sign(f, false));
            case 1:
                return on(f -> X87Ops.sign(f, true));
            case 4:
                return on(X87Ops::test);
            case 5:
                return on(X87Ops::examine);
            default:
                return null;
        }
    }

    private static Handler d9f0(int i) {
        switch (i) {
            case 0:
                return on(f -> X87Ops.unary(f, X87Ops.F2XM1));
            case 1:
                return on(f -> X87Ops.binary(f, YL2X));
            case 2:
                return on(f -> X87Ops.trigonometric(f, TAN));
            case 3:
                return on(f -> X87Ops.binary(f, PATAN));
            case 4:
                return on(X87Ops::extract);
            case 5:
                return on(f -> X87Ops.remainder(f, true));
            case 6:
                return on(f -> rotate(f, -1));
            default:
                return on(f -> rotate(f, 1));
        }
    }

    private static Handler d9f8(int i) {
        switch (i) {
            case 0:
                return on(f -> X87Ops.remainder(f, false));
            case 1:
                return on(f -> X87Ops.binary(f, YL2XP1));
            case 2:
                return on(f -> X87Ops.unary(f, X87Ops.SQRT));
            case 3:
                return on(f -> X87Ops.trigonometric(f, SINCOS));
            case 4:
                return on(f -> X87Ops.unary(f, X87Ops.RNDINT));
            case 5:
                return on(f -> X87Ops.unary(f, X87Ops.SCALE));
            case 6:
                return on(f -> X87Ops.trigonometric(f, SIN));
            default:
                return on(f -> X87Ops.trigonometric(f, COS));
        }
    }

    /** FINCSTP and FDECSTP. */
    private static void rotate(X87 f, int by) {
        f.begin();
        f.top = f.top + by & 7;
    }

    /** FCMOVcc: group 0 to 3 for B, E, BE, U, or with {@code negated} their opposites. */
    private static Handler conditional(int group, int i, boolean negated) {
        int flags;
        switch (group) {
            case 0:
                flags = Flags.CF;
                break;
            case 1:
                flags = Flags.ZF;
                break;
            case 2:
                flags = Flags.CF | Flags.ZF;
                break;
            case 3:
                flags = Flags.PF;
                break;
            default:
                return null;
        }
        return X87Access.compute(
                (c, in) -> X87Ops.conditionalMove(c.fpu, i, (Flags.arithmetic(c) & flags) != 0 != negated));
    }

    private static Handler compareFlags(int i, boolean signalling, boolean pop) {
        return X87Access.compute((c, in) -> {
            int order = X87Ops.compare(c.fpu, i, signalling);
            if (order < X87Ops.STOPPED) {
                Flags.setArithmetic(c, flagsOf(order));
                if (pop) {
                    c.fpu.pop();
                }
            }
        });
    }

    private static int flagsOf(int order) {
        switch (order) {
            case -1:
                return Flags.CF;
            case 0:
                return Flags.ZF;
            case 1:
                return 0;
            default:
                return Flags.CF | Flags.PF | Flags.ZF;
        }
    }

    private static Handler registerDb(int group, int i) {
        switch (group) {
            case 4:
                return dbE0(i);
            case 5:
                return compareFlags(i, false, false);
            case 6:
                return compareFlags(i, true, false);
            case 7:
                return null;
            default:
                return conditional(group, i, true);
        }
    }

    private static Handler dbE0(int i) {
        switch (i) {
            case 2:
                return X87Access.nonWaiting((c, in) -> c.fpu.clearExceptions());
            case 3:
                return X87Access.nonWaiting((c, in) -> c.fpu.init());
            case 0:
            case 1:
            case 4:
                // FNENI, FNDISI and FNSETPM of the 8087 and 80287 do nothing.
                return X87Access.nonWaiting((c, in) -> {});
            default:
                return null;
        }
    }

    private static Handler registerDd(int group, int i) {
        switch (group) {
            case 0:
                return on(f -> free(f, i, false));
            case 1:
                return on(f -> X87Ops.exchange(f, i));
            case 2:
            case 3:
                return on(f -> X87Ops.storeRegister(f, i, group == 3));
            case 4:
            case 5:
                return compare(i, false, group == 5);
            default:
                return null;
        }
    }

    private static void free(X87 f, int i, boolean pop) {
        f.begin();
        f.used &= ~(1 << f.physical(i));
        if (pop) {
            f.pop();
        }
    }

    private static Handler registerDf(int group, int i) {
        switch (group) {
            case 0:
                return on(f -> free(f, i, true));
            case 1:
                return on(f -> X87Ops.exchange(f, i));
            case 2:
            case 3:
                return on(f -> X87Ops.storeRegister(f, i, true));
            case 4:
                return i == 0 ? X87Access.nonWaiting(X87Environment::statusToAx) : null;
            case 5:
                return compareFlags(i, false, true);
            case 6:
                return compareFlags(i, true, true);
            default:
                return null;
        }
    }
}

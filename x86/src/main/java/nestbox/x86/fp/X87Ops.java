package nestbox.x86.fp;

/**
 * The x87's computing instructions on its stack, operands already fetched (SDM Vol. 1, "Programming with the x87 FPU").
 * Memory operands arrive in the temporary {@link FpUnit#se}/{@link FpUnit#mant} pair.
 */
public final class X87Ops {
    /** Operation numbers of the D8 group. */
    public static final int ADD = 0;

    public static final int MUL = 1;
    public static final int COM = 2;
    public static final int COMP = 3;
    public static final int SUB = 4;
    public static final int SUBR = 5;
    public static final int DIV = 6;
    public static final int DIVR = 7;

    private static final int[] EXTENDED_OP = {
        Extended.ADD, Extended.MUL, 0, 0, Extended.SUB, Extended.SUB, Extended.DIV, Extended.DIV
    };

    /** Added to the order when an unmasked exception stops a comparison: the codes are set, but nothing is popped. */
    public static final int STOPPED = 4;

    private X87Ops() {}

    /** ST(dst) = ST(dst) op ST(src) (or reversed); then pops if {@code pop}. {@code op} is none of the comparisons. */
    public static void arithmetic(X87 f, int op, int dst, int src, boolean pop) {
        FpUnit u = f.begin();
        boolean store;
        if (f.empty(dst) || f.empty(src)) {
            store = f.stackFault(false);
        } else {
            int d = f.physical(dst);
            int s = f.physical(src);
            apply(u, op, f.se[d], f.mant[d], f.se[s], f.mant[s], f.control);
            store = f.finish();
        }
        if (store) {
            f.setResult(dst);
            if (pop) {
                f.pop();
            }
        }
    }

    private static void apply(FpUnit u, int op, int seD, long d, int seS, long s, int control) {
        boolean reversed = op == SUBR || op == DIVR;
        if (reversed) {
            Extended.arithmetic(u, EXTENDED_OP[op], seS, s, seD, d, Extended.precision(control));
        } else {
            Extended.arithmetic(u, EXTENDED_OP[op], seD, d, seS, s, Extended.precision(control));
        }
    }

    /**
     * ST(0) = ST(0) op memory. The operand was converted into the unit's result after {@link X87#begin}, with the flags that
     * conversion raised.
     */
    public static void arithmeticMemory(X87 f, int op) {
        FpUnit u = f.unit;
        if (f.empty(0)) {
            if (f.stackFault(false)) {
                f.setResult(0);
            }
            return;
        }
        int flags = u.flags;
        int se = u.se;
        long m = u.mant;
        int p = f.top;
        u.flags = 0;
        boolean signalling = (flags & FpUnit.IE) != 0;
        // A signalling NaN has been quieted on the way in; it is still the weaker of two NaNs.
        long source = signalling ? m & ~(1L << 62) : m;
        apply(u, op, f.se[p], f.mant[p], se, source, f.control);
        boolean nan = (u.se & 0x7fff) == 0x7fff && u.mant << 1 != 0;
        if ((flags & FpUnit.DE) != 0 && (u.flags & (FpUnit.IE | FpUnit.ZE)) == 0 && !nan) {
            u.flags |= FpUnit.DE;
        }
        if (f.finish()) {
            f.setResult(0);
        }
    }

    /** Sets C3, C2, C0 by the outcome of a comparison, stopped or not. */
    private static void conditions(X87 f, int order) {
        int codes;
        switch (order & 3) {
            case 3:
                codes = X87.C0;
                break;
            case 0:
                codes = X87.C3;
                break;
            case 1:
                codes = 0;
                break;
            default:
                codes = X87.C0 | X87.C2 | X87.C3;
                break;
        }
        f.status = f.status & ~X87.CONDITIONS | f.status & X87.C1 | codes;
    }

    /**
     * Compares ST(0) with ST(i).
     *
     * @return the order, 2 for unordered; {@link #STOPPED} is added (to -1 as 3) if an unmasked exception stops the
     *     instruction
     */
    public static int compare(X87 f, int i, boolean signalling) {
        FpUnit u = f.begin();
        if (f.empty(0) || f.empty(i)) {
            return f.stackFault(false) ? 2 : 2 + STOPPED;
        }
        int p = f.top;
        int q = f.physical(i);
        int order = Extended.compare(u, f.se[p], f.mant[p], f.se[q], f.mant[q], signalling);
        return outcome(f, order);
    }

    private static int outcome(X87 f, int order) {
        return f.finish() ? order : (order & 3) + STOPPED;
    }

    /** FCOM, FUCOM and their popping forms. */
    public static void compareStack(X87 f, int i, boolean signalling, int pops) {
        int order = compare(f, i, signalling);
        conditions(f, order);
        for (int n = 0; n < pops && order < STOPPED; n++) {
            f.pop();
        }
    }

    /** FCOM and FCOMP with memory; the operand as in {@link #arithmeticMemory}. */
    public static void compareMemory(X87 f, boolean pop) {
        FpUnit u = f.unit;
        int order;
        if (f.empty(0)) {
            order = f.stackFault(false) ? 2 : 2 + STOPPED;
        } else {
            int p = f.top;
            int flags = u.flags;
            u.flags = 0;
            order = Extended.compare(u, f.se[p], f.mant[p], u.se, u.mant, true);
            if (order != 2) {
                u.flags |= flags & FpUnit.DE;
            }
            order = outcome(f, order);
        }
        conditions(f, order);
        if (pop && order < STOPPED) {
            f.pop();
        }
    }

    /** FTST. */
    public static void test(X87 f) {
        FpUnit u = f.begin();
        int order;
        if (f.empty(0)) {
            order = f.stackFault(false) ? 2 : 2 + STOPPED;
        } else {
            order = outcome(f, Extended.compare(u, f.se[f.top], f.mant[f.top], 0, 0, true));
        }
        conditions(f, order);
    }

    /** FXAM. */
    public static void examine(X87 f) {
        int e = f.se[f.top];
        long m = f.mant[f.top];
        int codes;
        if (f.empty(0)) {
            codes = X87.C3 | X87.C0;
        } else if ((e & 0x7fff) == 0) {
            codes = m == 0 ? X87.C3 : X87.C3 | X87.C2;
        } else if (m >= 0) {
            codes = 0;
        } else if ((e & 0x7fff) == 0x7fff) {
            codes = m << 1 == 0 ? X87.C2 | X87.C0 : X87.C0;
        } else {
            codes = X87.C2;
        }
        f.status = f.status & ~X87.CONDITIONS | codes | ((e & 0x8000) != 0 ? X87.C1 : 0);
    }

    /** FLD ST(i). */
    public static void loadRegister(X87 f, int i) {
        FpUnit u = f.begin();
        if (f.empty(i)) {
            if (f.stackFault(false)) {
                f.pushResult();
            }
            return;
        }
        int p = f.physical(i);
        Extended.result(u, f.se[p], f.mant[p]);
        f.load();
    }

    /** FLD1 and its kin: constant {@code n} of the D9 E8 row. */
    public static void loadConstant(X87 f, int n) {
        FpUnit u = f.begin();
        X87Constants.load(u, n);
        f.load();
    }

    /** FST ST(i), FSTP ST(i). */
    public static void storeRegister(X87 f, int i, boolean pop) {
        FpUnit u = f.begin();
        if (f.empty(0)) {
            if (!f.stackFault(false)) {
                return;
            }
        } else {
            Extended.result(u, f.se[f.top], f.mant[f.top]);
        }
        f.setResult(i);
        if (pop) {
            f.pop();
        }
    }

    /** FXCH. */
    public static void exchange(X87 f, int i) {
        f.begin();
        int p = f.top;
        int q = f.physical(i);
        if (f.empty(0) || f.empty(i)) {
            if (!f.stackFault(false)) {
                return;
            }
            if (f.empty(0)) {
                f.setResult(0);
            }
            if (f.empty(i)) {
                f.setResult(i);
            }
        }
        int e = f.se[p];
        long m = f.mant[p];
        f.se[p] = f.se[q];
        f.mant[p] = f.mant[q];
        f.se[q] = e;
        f.mant[q] = m;
    }

    /** FCMOVcc whose condition holds or not. */
    public static void conditionalMove(X87 f, int i, boolean condition) {
        if (f.empty(0) || f.empty(i)) {
            f.begin();
            if (f.stackFault(false)) {
                f.setResult(0);
            }
        } else if (condition) {
            int p = f.physical(i);
            f.set(0, f.se[p], f.mant[p]);
        }
    }

    /** FABS, or else FCHS. */
    public static void sign(X87 f, boolean absolute) {
        f.begin();
        if (f.empty(0)) {
            if (f.stackFault(false)) {
                f.setResult(0);
            }
        } else {
            f.se[f.top] = absolute ? f.se[f.top] & 0x7fff : f.se[f.top] ^ 0x8000;
        }
    }

    /** The instructions on ST(0) alone, numbered as {@link Transcendental} and this class do. */
    public static final int SQRT = 0;

    public static final int RNDINT = 1;
    public static final int F2XM1 = 2;
    public static final int SCALE = 3;

    public static void unary(X87 f, int op) {
        FpUnit u = f.begin();
        int p = f.top;
        boolean store;
        if (f.empty(0) || (op == SCALE && f.empty(1))) {
            store = f.stackFault(false);
        } else {
            int e = f.se[p];
            long m = f.mant[p];
            switch (op) {
                case SQRT:
                    Extended.sqrt(u, e, m, Extended.precision(f.control));
                    break;
                case RNDINT:
                    Extended.roundToInteger(u, e, m);
                    break;
                case F2XM1:
                    f.transcendental().f2xm1(e, m);
                    break;
                default:
                    int q = f.physical(1);
                    Extended.scale(u, e, m, f.se[q], f.mant[q]);
                    break;
            }
            store = f.finish();
        }
        if (store) {
            f.setResult(0);
        }
    }

    /** FPREM, FPREM1. */
    public static void remainder(X87 f, boolean nearest) {
        FpUnit u = f.begin();
        f.status &= ~X87.C2;
        if (f.empty(0) || f.empty(1)) {
            if (f.stackFault(false)) {
                f.setResult(0);
            }
            return;
        }
        int p = f.top;
        int q = f.physical(1);
        int quotient = Extended.remainder(u, f.se[p], f.mant[p], f.se[q], f.mant[q], nearest);
        if (f.finish()) {
            f.setResult(0);
            if (quotient == Extended.NO_QUOTIENT) {
                return;
            }
            int codes = quotient < 0 ? X87.C2 : quotientCodes(quotient);
            f.status = f.status & ~X87.CONDITIONS | codes;
        }
    }

    private static int quotientCodes(int quotient) {
        return ((quotient & 4) != 0 ? X87.C0 : 0)
                | ((quotient & 2) != 0 ? X87.C3 : 0)
                | ((quotient & 1) != 0 ? X87.C1 : 0);
    }

    /** FXTRACT. */
    public static void extract(X87 f) {
        FpUnit u = f.begin();
        boolean empty = f.empty(0);
        if (empty || !f.empty(7)) {
            if (f.stackFault(!empty)) {
                f.setResult(0);
                f.pushResult();
            }
            return;
        }
        boolean finite = Extended.extract(u, f.se[f.top], f.mant[f.top]);
        if (!f.finish()) {
            return;
        }
        int e = u.se;
        long m = u.mant;
        if (finite) {
            Extended.fromInteger(u, u.a.exp);
        } else if (u.a.kind == Operand.ZERO) {
            Extended.result(u, 0xffff, Long.MIN_VALUE);
        } else if (u.a.kind == Operand.INFINITE) {
            Extended.result(u, 0x7fff, Long.MIN_VALUE);
        }
        f.setResult(0);
        Extended.result(u, e, m);
        f.pushResult();
    }

    /** FYL2X, FYL2XP1, FPATAN by their number in {@link Transcendental}: ST(1) = f(ST(1), ST(0)), then pop. */
    public static void binary(X87 f, int op) {
        f.begin();
        boolean store;
        if (f.empty(0) || f.empty(1)) {
            store = f.stackFault(false);
        } else {
            int p = f.top;
            int q = f.physical(1);
            f.transcendental().binary(op, f.se[q], f.mant[q], f.se[p], f.mant[p]);
            store = f.finish();
        }
        if (store) {
            f.setResult(1);
            f.pop();
        }
    }

    /** FSIN, FCOS, FSINCOS, FPTAN by their number in {@link Transcendental}. */
    public static void trigonometric(X87 f, int op) {
        FpUnit u = f.begin();
        boolean pushes = op == Transcendental.SINCOS || op == Transcendental.TAN;
        f.status &= ~X87.C2;
        boolean empty = f.empty(0);
        if (empty || (pushes && !f.empty(7))) {
            if (f.stackFault(!empty)) {
                f.setResult(0);
                if (pushes) {
                    f.pushResult();
                }
            }
            return;
        }
        Transcendental t = f.transcendental();
        boolean inRange = t.trigonometric(op, f.se[f.top], f.mant[f.top]);
        if (!inRange) {
            f.status |= X87.C2;
            return;
        }
        if (!f.finish()) {
            return;
        }
        f.setResult(0);
        if (pushes) {
            Extended.result(u, t.secondSe, t.secondMant);
            f.pushResult();
        }
    }
}

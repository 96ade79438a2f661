package nestbox.x86.fp;

import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.Stateful;

/**
 * The x87 registers and what instructions share: the stack with its faults, the response to exceptions, the tag word
 * (SDM Vol. 1, "x87 FPU Execution Environment"). The significands double as the MMX registers.
 */
public final class X87 implements Stateful {
    /** Status word bits. */
    public static final int SF = 1 << 6;

    public static final int ES = 1 << 7;
    public static final int C0 = 1 << 8;
    public static final int C1 = 1 << 9;
    public static final int C2 = 1 << 10;
    public static final int C3 = 1 << 14;
    public static final int BUSY = 1 << 15;
    public static final int CONDITIONS = C0 | C1 | C2 | C3;
    private static final int TOP = 7 << 11;
    private static final int EXCEPTIONS = 0x3f;

    /** Control word after FNINIT. */
    public static final int INIT_CONTROL = 0x37f;

    /** Significands of the physical registers R0..R7, which are MM0..MM7. */
    public final long[] mant = new long[8];
    /** Sign and exponent (16 bits) of the physical registers. */
    public final int[] se = new int[8];
    /** Physical register that is ST(0). */
    public int top;

    public int control = 0x40;
    /** Status word without TOP; ES and B follow from the exceptions and masks. */
    public int status;
    /** A set bit for each physical register that is not empty. */
    public int used = 0xff;

    public int opcode;
    public long lastIp;
    public int lastCs;
    public long lastDp;
    public int lastDs;

    /**
     * An unmasked denormal operand does not keep FLD m32fp and m64fp from loading: so on AMD's processors, while Intel's
     * treat it as every pre-computation exception.
     */
    private final boolean loadsDenormals;

    /** Arithmetic of the running instruction, shared with SSE. */
    public final FpUnit unit = new FpUnit();

    private final Transcendental transcendental = new Transcendental(unit);

    public X87(boolean loadsDenormals) {
        this.loadsDenormals = loadsDenormals;
    }

    Transcendental transcendental() {
        return transcendental;
    }

    /** The state after power-up; INIT leaves the x87 alone. */
    public void reset() {
        java.util.Arrays.fill(mant, 0);
        java.util.Arrays.fill(se, 0);
        top = 0;
        control = 0x40;
        status = 0;
        used = 0xff;
        clearPointers();
    }

    /** FNINIT. */
    public void init() {
        top = 0;
        control = INIT_CONTROL;
        status = 0;
        used = 0;
        clearPointers();
    }

    private void clearPointers() {
        opcode = 0;
        lastIp = 0;
        lastCs = 0;
        lastDp = 0;
        lastDs = 0;
    }

    /** Whether the state is that of FNINIT with all registers 0: XSAVE's initial configuration. */
    public boolean initial() {
        boolean zero = control == INIT_CONTROL
                && status == 0
                && top == 0
                && used == 0
                && opcode == 0
                && (lastIp | lastDp | lastCs | lastDs) == 0;
        for (int i = 0; zero && i < 8; i++) {
            zero = mant[i] == 0 && se[i] == 0;
        }
        return zero;
    }

    /** The status word with TOP. */
    public int statusWord() {
        return status | top << 11;
    }

    public void setStatusWord(int value) {
        top = value >>> 11 & 7;
        status = value & 0xffff & ~(TOP | ES | BUSY);
        updateSummary();
    }

    public void setControl(int value) {
        control = value & 0x1f7f | 0x40;
        updateSummary();
    }

    private void updateSummary() {
        boolean pending = (status & ~control & EXCEPTIONS) != 0;
        status = status & ~(ES | BUSY) | (pending ? ES | BUSY : 0);
    }

    /** FNCLEX. */
    public void clearExceptions() {
        status &= CONDITIONS;
    }

    /** An unmasked exception waits for the next waiting instruction. */
    public boolean pending() {
        return (status & ES) != 0;
    }

    /** The full tag word: 0 valid, 1 zero, 2 special, 3 empty, two bits a register. */
    public int tagWord() {
        int tags = 0;
        for (int i = 7; i >= 0; i--) {
            tags = tags << 2 | tag(i);
        }
        return tags;
    }

    private int tag(int i) {
        if ((used >>> i & 1) == 0) {
            return 3;
        }
        int e = se[i] & 0x7fff;
        if (e == 0) {
            return mant[i] == 0 ? 1 : 2;
        }
        return e == 0x7fff || mant[i] >= 0 ? 2 : 0;
    }

    public void setTagWord(int tags) {
        used = 0;
        for (int i = 0; i < 8; i++) {
            if ((tags >>> 2 * i & 3) != 3) {
                used |= 1 << i;
            }
        }
    }

    // ---- the stack ----

    public int physical(int i) {
        return top + i & 7;
    }

    public boolean empty(int i) {
        return (used >>> physical(i) & 1) == 0;
    }

    public void set(int i, int signExponent, long significand) {
        int p = physical(i);
        se[p] = signExponent;
        mant[p] = significand;
        used |= 1 << p;
    }

    /** Stores the unit's result in ST(i). */
    public void setResult(int i) {
        set(i, unit.se, unit.mant);
    }

    public void pop() {
        used &= ~(1 << top);
        top = top + 1 & 7;
    }

    /** Pushes the unit's result; the caller has made sure that ST(7) is free or the overflow is masked. */
    public void pushResult() {
        top = top - 1 & 7;
        setResult(0);
    }

    // ---- exceptions ----

    /** Begins an instruction: modes from the control word, C1 clear. */
    public FpUnit begin() {
        unit.beginX87(control);
        status &= ~C1;
        return unit;
    }

    /**
     * Records the unit's exceptions.
     *
     * @return whether the result may be stored: no pre-computation exception is unmasked
     */
    public boolean finish() {
        int raised = unit.flags;
        if (raised == 0) {
            return true;
        }
        boolean stop = (raised & ~control & FpUnit.BEFORE) != 0;
        if (stop) {
            raised &= FpUnit.BEFORE;
        } else if (unit.roundedUp && (raised & FpUnit.PE) != 0) {
            status |= C1;
        }
        status |= raised;
        if ((raised & ~control) != 0) {
            status |= ES | BUSY;
        }
        return !stop;
    }

    /**
     * A stack fault.
     *
     * @return whether it is masked, so that the default NaN (now the unit's result) is to be stored
     */
    public boolean stackFault(boolean overflow) {
        status = status & ~C1 | SF | FpUnit.IE | (overflow ? C1 : 0);
        Extended.defaultNan(unit);
        if ((control & FpUnit.IE) != 0) {
            return true;
        }
        status |= ES | BUSY;
        return false;
    }

    /** Pushes the unit's result with a check for overflow; loads of all kinds end here. */
    public void load() {
        if (!empty(7)) {
            if (stackFault(true)) {
                pushResult();
            }
        } else if (finish() || (loadsDenormals && unit.flags == FpUnit.DE)) {
            pushResult();
        }
    }

    @Override
    public void save(StateWriter out) {
        out.section("x87")
                .writeLongs(mant)
                .writeInts(se)
                .writeInt(top)
                .writeInt(control)
                .writeInt(status)
                .writeInt(used);
        out.writeInt(opcode)
                .writeLong(lastIp)
                .writeInt(lastCs)
                .writeLong(lastDp)
                .writeInt(lastDs);
    }

    @Override
    public void restore(StateReader in) {
        in.section("x87");
        in.readLongs(mant);
        in.readInts(se);
        top = in.readIndex(8);
        control = in.readInt();
        status = in.readInt();
        used = in.readInt();
        opcode = in.readInt();
        lastIp = in.readLong();
        lastCs = in.readInt();
        lastDp = in.readLong();
        lastDs = in.readInt();
    }
}

package nestbox.x86.system;

import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import nestbox.x86.Vector;
import nestbox.x86.insn.Insn;

/**
 * Which parts of control-flow enforcement are in force, and the state machine of indirect-branch tracking (SDM Vol. 1,
 * "Control-flow Enforcement Technology (CET)"). Both are part of {@link Cpu#modeKey}, so that blocks are decoded for them and a
 * processor without them pays nothing.
 */
public final class Cet {
    /** Bits of IA32_U_CET and IA32_S_CET. */
    public static final long SH_STK_EN = 1;

    public static final long WR_SHSTK_EN = 1 << 1;
    public static final long ENDBR_EN = 1 << 2;
    public static final long LEG_IW_EN = 1 << 3;
    public static final long NO_TRACK_EN = 1 << 4;
    public static final long SUPPRESS_DIS = 1 << 5;
    public static final long SUPPRESS = 1 << 10;
    /** The tracker waits for ENDBRANCH. */
    public static final long TRACKER = 1 << 11;

    public static final long BITMAP_BASE = -1L << 12;

    /** Error codes of #CP. */
    public static final int NEAR_RET = 1;

    public static final int FAR_RET = 2;
    public static final int ENDBRANCH = 3;
    public static final int RSTORSSP = 4;
    public static final int SETSSBSY = 5;

    private static final int BITMAP_ADDRESS_BITS = 48;
    private static final int BITMAP_SHIFT = 15;

    private Cet() {}

    /** The control register of a privilege level, IA32_U_CET or IA32_S_CET. */
    public static long control(Cpu c, int cpl) {
        return cpl == 3 ? c.userCet : c.supervisorCet;
    }

    private static void setControl(Cpu c, int cpl, long value) {
        if (cpl == 3) {
            c.userCet = value;
        } else {
            c.supervisorCet = value;
        }
    }

    private static boolean possible(Cpu c) {
        return (c.cr4 & Cpu.CR4_CET) != 0 && c.protectedMode();
    }

    /** Whether shadow stacks are enabled at a level, outside virtual-8086 mode. */
    static boolean shadowStacksAt(Cpu c, int cpl) {
        return possible(c) && (control(c, cpl) & SH_STK_EN) != 0;
    }

    /** Whether the running code has a shadow stack. */
    public static boolean shadowStack(Cpu c) {
        return (c.modeKey & Cpu.KEY_SHADOW_STACK) != 0;
    }

    /** Whether the running code's indirect branches are tracked. */
    public static boolean tracking(Cpu c) {
        return (c.modeKey & Cpu.KEY_BRANCH_TRACKING) != 0;
    }

    /** The bits of {@link Cpu#modeKey} that follow from the registers. */
    public static int key(Cpu c) {
        if (!possible(c) || c.virtual8086()) {
            return 0;
        }
        long control = control(c, c.cpl);
        return ((control & SH_STK_EN) != 0 ? Cpu.KEY_SHADOW_STACK : 0)
                | ((control & ENDBR_EN) != 0 ? Cpu.KEY_BRANCH_TRACKING : 0);
    }

    /** Makes the processor stop before the next instruction if the tracker waits; {@link Cpu#modeKey} must be up to date. */
    public static void follow(Cpu c) {
        if (tracking(c) && (control(c, c.cpl) & TRACKER) != 0) {
            c.pend(Cpu.PENDING_ENDBRANCH);
        } else {
            c.unpend(Cpu.PENDING_ENDBRANCH);
        }
    }

    /** A near indirect CALL or JMP. */
    public static void trackNear(Cpu c, Insn in) {
        if (tracking(c)) {
            long control = control(c, c.cpl);
            boolean exempt = in.noTrack && (control & NO_TRACK_EN) != 0;
            if ((control & SUPPRESS) == 0 && !exempt) {
                setControl(c, c.cpl, control | TRACKER);
                c.pend(Cpu.PENDING_ENDBRANCH);
            }
        }
    }

    /** A far CALL or JMP, an event or a system call to {@code cpl}; the caller goes on to update the mode. */
    static void trackFar(Cpu c, int cpl) {
        if (possible(c) && (control(c, cpl) & ENDBR_EN) != 0) {
            setControl(c, cpl, control(c, cpl) & ~SUPPRESS | TRACKER);
        }
    }

    /** ENDBR32 and ENDBR64 in the mode that they are for. */
    public static void endbranch(Cpu c, Insn in) {
        if (tracking(c) && fits(in)) {
            setControl(c, c.cpl, control(c, c.cpl) & ~(TRACKER | SUPPRESS));
            c.unpend(Cpu.PENDING_ENDBRANCH);
        }
    }

    private static boolean fits(Insn in) {
        return in.form.mnemonic().equals(in.codeSize == 64 ? "ENDBR64" : "ENDBR32");
    }

    /**
     * The instruction at the target of a tracked branch has been fetched: raises #CP unless it is ENDBRANCH, the breakpoint that
     * a debugger put there, or lies in a page that the legacy code bitmap names.
     */
    public static void arrive(Cpu c, Insn in) {
        String mnemonic = in.form == null ? "" : in.form.mnemonic();
        if (mnemonic.equals("INT3") || mnemonic.startsWith("ENDBR") && fits(in)) {
            return;
        }
        long control = control(c, c.cpl);
        if ((control & LEG_IW_EN) == 0 || !legacyPage(c, control)) {
            throw c.raise(Vector.CP, ENDBRANCH);
        }
        setControl(c, c.cpl, control & ~TRACKER | ((control & SUPPRESS_DIS) == 0 ? SUPPRESS : 0));
        c.unpend(Cpu.PENDING_ENDBRANCH);
    }

    /** The bit of the running code's page in the legacy code page bitmap: one bit a page, from the base up. */
    private static boolean legacyPage(Cpu c, long control) {
        long page = c.codeLinear() & (1L << BITMAP_ADDRESS_BITS) - 1;
        long at = Descriptor.linear(c, (control & BITMAP_BASE) + (page >>> BITMAP_SHIFT));
        long bits = c.mem.load8(at, Reg.DS);
        return (bits >>> (page >>> 12 & 7) & 1) != 0;
    }

    /** Whether WRMSR takes {@code value} for IA32_U_CET or IA32_S_CET. */
    static boolean legal(Cpu c, long value) {
        return (value & (SUPPRESS | TRACKER)) != (SUPPRESS | TRACKER) && c.canonicalBase(value & BITMAP_BASE);
    }

    /** Whether XRSTORS takes {@code value} for IA32_U_CET. */
    public static boolean legalControl(Cpu c, long value) {
        return (value & ~MsrTable.cetBits(c.features)) == 0 && legal(c, value);
    }

    /** Whether XRSTORS takes {@code value} for one of IA32_PL0_SSP to IA32_PL3_SSP. */
    public static boolean legalSsp(Cpu c, long value) {
        return (value & 3) == 0 && c.canonicalBase(value);
    }

    static long writeUser(Cpu c, long value) {
        c.userCet = value;
        c.updateMode();
        return 0;
    }

    static long writeSupervisor(Cpu c, long value) {
        c.supervisorCet = value;
        c.updateMode();
        return 0;
    }
}

package nestbox.x86.op.simd;

import nestbox.x86.Cpu;
import nestbox.x86.Intercept;
import nestbox.x86.Reg;
import nestbox.x86.Vector;
import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;
import nestbox.x86.model.Feature;
import nestbox.x86.model.XsaveComponent;
import nestbox.x86.op.Operands;
import nestbox.x86.system.Cet;
import nestbox.x86.system.Msr;

/**
 * FXSAVE, FXRSTOR and the XSAVE family (SDM Vol. 1, "Managing State Using the XSAVE Feature Set"; Vol. 2, "FXSAVE"; APM Vol. 2,
 * "Saving Media and x87 State"). The supervisor components are those of CET. The modified optimization is not used: every component counts as modified.
 */
public final class ExtendedState {
    private static final long X87 = 1;
    private static final long SSE = 1 << 1;
    private static final long AVX = 1 << 2;
    private static final long PKRU = 1 << 9;
    private static final long CET_U = 1 << 11;
    private static final long CET_S = 1 << 12;
    private static final long COMPACTED = 1L << 63;

    private static final int HEADER = 512;
    private static final int FXSAVE_AREA = 512;
    private static final int MXCSR = 24;
    private static final int MXCSR_DEFAULT = 0x1f80;

    private ExtendedState() {}

    static Handler bind(String mnemonic) {
        switch (mnemonic) {
            case "FXSAVE":
                return ExtendedState::fxsave;
            case "FXRSTOR":
                return ExtendedState::fxrstor;
            case "XSAVE":
                return (c, in) -> saveStandard(c, in, false);
            case "XSAVEOPT":
                return (c, in) -> saveStandard(c, in, true);
            case "XSAVEC":
                return (c, in) -> saveCompacted(c, in, false);
            case "XSAVES":
                return (c, in) -> {
                    checkPrivilege(c);
                    if (!intercepted(c, in, Intercept.XSAVES)) {
                        saveCompacted(c, in, true);
                    }
                };
            case "XRSTOR":
                return (c, in) -> restore(c, in, false);
            case "XRSTORS":
                return (c, in) -> {
                    checkPrivilege(c);
                    if (!intercepted(c, in, Intercept.XRSTORS)) {
                        restore(c, in, true);
                    }
                };
            default:
                return null;
        }
    }

    /** The operand of the hook is the set of components that the instruction names. */
    private static boolean intercepted(Cpu c, Insn in, Intercept what) {
        long components = c.r[Reg.RDX] << 32 | c.r[Reg.RAX] & 0xffffffffL;
        return c.extension != null && c.extension.intercept(c, what, in, components, 0);
    }

    /** The bits that MXCSR has. */
    static long mxcsrMask(Cpu c) {
        return c.features.has(Feature.MISALIGNSSE) ? 0x2ffffL : 0xffffL;
    }

    // ---- FXSAVE, FXRSTOR ----

    private static long fxArea(Cpu c, Insn in, boolean write) {
        if ((c.cr0 & (Cpu.CR0_EM | Cpu.CR0_TS)) != 0) {
            throw c.raise(Vector.NM);
        }
        return area(c, in, FXSAVE_AREA, 16, write);
    }

    /** Linear address of the memory operand, aligned and probed. */
    private static long area(Cpu c, Insn in, int size, int alignment, boolean write) {
        long linear = Operands.linear(c, in, size, write);
        if ((linear & alignment - 1) != 0) {
            throw c.raise(Vector.GP, 0);
        }
        int seg = Operands.faultSegment(in);
        if (write) {
            c.mem.probeWrite(linear, size, seg);
        } else {
            c.mem.probeRead(linear, size, seg);
        }
        return linear;
    }

    /** AMD's fast FXSAVE/FXRSTOR leaves the XMM registers out in 64-bit mode at CPL 0. */
    private static boolean fast(Cpu c) {
        return (c.efer & Cpu.EFER_FFXSR) != 0 && c.mode64() && c.cpl == 0;
    }

    private static void fxsave(Cpu c, Insn in) {
        long image = fxArea(c, in, true);
        StateImage.saveX87(c, in, image);
        StateImage.put32(c, in, image, MXCSR, c.mxcsr);
        StateImage.put32(c, in, image, MXCSR + 4, mxcsrMask(c));
        if (!fast(c)) {
            StateImage.saveXmm(c, in, image);
        }
    }

    private static void fxrstor(Cpu c, Insn in) {
        long image = fxArea(c, in, false);
        StateImage.loadMxcsr(c, in, image, MXCSR);
        StateImage.loadX87(c, in, image);
        if (!fast(c)) {
            StateImage.loadXmm(c, in, image);
        }
    }

    // ---- XSAVE family ----

    private static void checkXsave(Cpu c) {
        if ((c.cr4 & Cpu.CR4_OSXSAVE) == 0) {
            throw c.raise(Vector.UD);
        }
        if ((c.cr0 & Cpu.CR0_TS) != 0) {
            throw c.raise(Vector.NM);
        }
    }

    /** XSAVES and XRSTORS demand CPL 0; #UD and #NM come before. */
    private static void checkPrivilege(Cpu c) {
        checkXsave(c);
        if (c.cpl != 0) {
            throw c.raise(Vector.GP, 0);
        }
    }

    /** The requested-feature bitmap: XCR0 and EDX:EAX. */
    private static long requested(Cpu c) {
        return c.xcr0 & (c.r[Reg.RDX] << 32 | c.r[Reg.RAX] & 0xffffffffL);
    }

    /** As {@link #requested(Cpu)}; XSAVES and XRSTORS have the components of IA32_XSS besides. */
    private static long requested(Cpu c, boolean supervisor) {
        return enabled(c, supervisor) & (c.r[Reg.RDX] << 32 | c.r[Reg.RAX] & 0xffffffffL);
    }

    private static long enabled(Cpu c, boolean supervisor) {
        return supervisor ? c.xcr0 | c.msrs.stored(Msr.XSS) : c.xcr0;
    }

    /**
     * XINUSE: the components that are not in their initial configuration (SDM Vol. 1, "Processor Tracking of XSAVE-Managed
     * State"). MXCSR has no part in it; XMM8 to XMM15 have none outside 64-bit mode, where nothing could initialize them.
     */
    public static long inUse(Cpu c) {
        long mask = c.fpu.initial() ? 0 : X87;
        long low = 0;
        long high = 0;
        int lanes = c.mode64() ? 64 : 32;
        for (int i = 0; i < lanes; i += 4) {
            low |= c.v[i] | c.v[i + 1];
            high |= c.v[i + 2] | c.v[i + 3];
        }
        mask |= (c.userCet | c.levelSsp[3]) != 0 ? CET_U : 0;
        mask |= (c.levelSsp[0] | c.levelSsp[1] | c.levelSsp[2]) != 0 ? CET_S : 0;
        return mask | (low != 0 ? SSE : 0) | (high != 0 ? AVX : 0) | (c.pkru != 0 ? PKRU : 0);
    }

    private static void saveStandard(Cpu c, Insn in, boolean optimized) {
        checkXsave(c);
        long request = requested(c);
        long image = area(c, in, XsaveComponent.standardSize(request), 64, true);
        long used = inUse(c);
        long write = optimized ? request & used : request;
        saveLegacy(c, in, image, write);
        if ((request & (SSE | AVX)) != 0) {
            StateImage.put32(c, in, image, MXCSR, c.mxcsr);
            StateImage.put32(c, in, image, MXCSR + 4, mxcsrMask(c));
        }
        if ((write & AVX) != 0) {
            StateImage.saveAvx(c, in, image, XsaveComponent.AVX.offset());
        }
        if ((write & PKRU) != 0) {
            StateImage.put64(c, in, image, XsaveComponent.PKRU.offset(), c.pkru & 0xffffffffL);
        }
        StateImage.put64(c, in, image, HEADER, StateImage.get64(c, in, image, HEADER) & ~request | used & request);
    }

    private static void saveLegacy(Cpu c, Insn in, long image, long write) {
        if ((write & X87) != 0) {
            StateImage.saveX87(c, in, image);
        }
        if ((write & SSE) != 0) {
            StateImage.saveXmm(c, in, image);
        }
    }

    private static void saveCompacted(Cpu c, Insn in, boolean supervisor) {
        checkXsave(c);
        long request = requested(c, supervisor);
        long image = area(c, in, XsaveComponent.compactedSize(request), 64, true);
        long used = inUse(c) | (c.mxcsr != MXCSR_DEFAULT ? SSE : 0);
        long write = request & used;
        saveLegacy(c, in, image, write);
        if ((write & SSE) != 0) {
            StateImage.put32(c, in, image, MXCSR, c.mxcsr);
            StateImage.put32(c, in, image, MXCSR + 4, mxcsrMask(c));
        }
        if ((write & AVX) != 0) {
            StateImage.saveAvx(c, in, image, XsaveComponent.MINIMUM);
        }
        if ((write & PKRU) != 0) {
            StateImage.put64(c, in, image, place(request, PKRU), c.pkru & 0xffffffffL);
        }
        if ((write & CET_U) != 0) {
            int at = place(request, CET_U);
            StateImage.put64(c, in, image, at, c.userCet);
            StateImage.put64(c, in, image, at + 8, c.levelSsp[3]);
        }
        if ((write & CET_S) != 0) {
            for (int i = 0; i < 3; i++) {
                StateImage.put64(c, in, image, place(request, CET_S) + 8 * i, c.levelSsp[i]);
            }
        }
        StateImage.put64(c, in, image, HEADER, write);
        StateImage.put64(c, in, image, HEADER + 8, request | COMPACTED);
    }

    /** Place of a component in the compacted format: behind those of lower numbers. */
    private static int place(long layout, long component) {
        return XsaveComponent.compactedSize(layout & component - 1);
    }

    private static void restore(Cpu c, Insn in, boolean supervisor) {
        checkXsave(c);
        long image = area(c, in, XsaveComponent.MINIMUM, 64, false);
        long present = StateImage.get64(c, in, image, HEADER);
        long layout = StateImage.get64(c, in, image, HEADER + 8);
        boolean compacted = layout < 0;
        checkHeader(c, in, image, supervisor);
        long request = requested(c, supervisor);
        long components = layout & ~COMPACTED;
        int size =
                compacted ? XsaveComponent.compactedSize(components) : XsaveComponent.standardSize(request & present);
        area(c, in, size, 64, false);
        if (supervisor) {
            restoreEnforcement(c, in, image, request, present, components);
        }
        restoreMxcsr(c, in, image, request, present, compacted);
        if ((request & X87) != 0) {
            if ((present & X87) != 0) {
                StateImage.loadX87(c, in, image);
            } else {
                initX87(c);
            }
        }
        if ((request & SSE) != 0) {
            if ((present & SSE) != 0) {
                StateImage.loadXmm(c, in, image);
            } else {
                StateImage.clearXmm(c, in);
            }
        }
        if ((request & AVX) != 0) {
            int at = compacted ? XsaveComponent.MINIMUM : XsaveComponent.AVX.offset();
            StateImage.loadAvx(c, in, image, at, (present & AVX) != 0);
        }
        if ((request & PKRU) != 0) {
            int at = compacted ? place(components, PKRU) : XsaveComponent.PKRU.offset();
            setPkru(c, (present & PKRU) != 0 ? StateImage.get64(c, in, image, at) & 0xffffffffL : 0);
        }
    }

    /** The components of CET, whose values are checked as WRMSR checks them: so they come first. */
    private static void restoreEnforcement(Cpu c, Insn in, long image, long request, long present, long layout) {
        int user = (request & present & CET_U) != 0 ? place(layout, CET_U) : 0;
        int inner = (request & present & CET_S) != 0 ? place(layout, CET_S) : 0;
        boolean good = Cet.legalControl(c, word(c, in, image, user, 0)) && Cet.legalSsp(c, word(c, in, image, user, 1));
        for (int i = 0; i < 3; i++) {
            good &= Cet.legalSsp(c, word(c, in, image, inner, i));
        }
        if (!good) {
            throw c.raise(Vector.GP, 0);
        }
        for (int i = 0; i < 3 && (request & CET_S) != 0; i++) {
            c.levelSsp[i] = word(c, in, image, inner, i);
        }
        if ((request & CET_U) != 0) {
            c.levelSsp[3] = word(c, in, image, user, 1);
            c.userCet = word(c, in, image, user, 0);
            c.updateMode();
        }
    }

    /** A word of the component at {@code at}; 0 stands for the initial configuration. */
    private static long word(Cpu c, Insn in, long image, int at, int number) {
        return at == 0 ? 0 : StateImage.get64(c, in, image, at + 8 * number);
    }

    private static void initX87(Cpu c) {
        c.fpu.init();
        java.util.Arrays.fill(c.fpu.mant, 0);
        java.util.Arrays.fill(c.fpu.se, 0);
    }

    private static void setPkru(Cpu c, long value) {
        if (c.pkru != value) {
            c.pkru = value;
            c.mem.port().contextChanged();
        }
    }

    /** #GP(0) for a header that XRSTOR or XRSTORS refuses. */
    private static void checkHeader(Cpu c, Insn in, long image, boolean supervisor) {
        long present = StateImage.get64(c, in, image, HEADER);
        long layout = StateImage.get64(c, in, image, HEADER + 8);
        boolean compacted = layout < 0;
        boolean bad;
        if (compacted) {
            long components = layout & ~COMPACTED;
            bad = !(c.features.has(Feature.XSAVEC) || c.features.has(Feature.XSAVES))
                    || (components & ~enabled(c, supervisor)) != 0
                    || (present & ~components) != 0;
            for (int i = 16; i < 64; i += 8) {
                bad |= StateImage.get64(c, in, image, HEADER + i) != 0;
            }
        } else {
            bad = supervisor
                    || layout != 0
                    || StateImage.get64(c, in, image, HEADER + 16) != 0
                    || (present & ~c.xcr0) != 0;
        }
        if (bad) {
            throw c.raise(Vector.GP, 0);
        }
    }

    /** MXCSR goes with SSE in the compacted format; in the standard one it is loaded for SSE or AVX, present or not. */
    private static void restoreMxcsr(Cpu c, Insn in, long image, long request, long present, boolean compacted) {
        if (!compacted) {
            if ((request & (SSE | AVX)) != 0) {
                StateImage.loadMxcsr(c, in, image, MXCSR);
            }
        } else if ((request & SSE) != 0) {
            if ((present & SSE) != 0) {
                StateImage.loadMxcsr(c, in, image, MXCSR);
            } else {
                c.mxcsr = MXCSR_DEFAULT;
            }
        }
    }
}

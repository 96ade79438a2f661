package nestbox.x86.system;

import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import nestbox.x86.Vector;
import nestbox.x86.model.Feature;
import nestbox.x86.model.Vendor;

/** Loads segment registers (SDM Vol. 2, "MOV - Move", "LDS/LES/LFS/LGS/LSS"; Vol. 3, "Segment Registers"). */
public final class Segments {
    /** Present, S, read/write data, accessed. */
    private static final int REAL_DATA = 0x93;

    private static final int VIRTUAL_8086 = 0xf3;

    private Segments() {}

    /** MOV, POP and Lxs to ES, SS, DS, FS or GS with every check of the current mode. */
    public static void load(Cpu c, int seg, int selector) {
        if (!c.protectedMode()) {
            setReal(c, seg, selector);
        } else if (c.virtual8086()) {
            setVirtual8086(c, seg, selector);
        } else if (seg == Reg.SS) {
            loadStack(c, selector);
        } else {
            loadData(c, seg, selector);
        }
    }

    private static void loadStack(Cpu c, int selector) {
        if (Descriptor.isNull(selector)) {
            if (!c.mode64() || c.cpl == 3 || (selector & 3) != c.cpl) {
                throw c.raise(Vector.GP, 0);
            }
            setNullStack(c, selector, c.cpl);
            c.updateMode();
            return;
        }
        long d = stackDescriptor(c, selector, c.cpl, Vector.GP);
        set(c, Reg.SS, selector, Descriptor.access(c, selector, d));
        c.updateMode();
    }

    /**
     * Fetches and checks a stack segment for privilege level {@code level}: #GP (or #TS, as {@code vector} says) for a wrong one,
     * #SS if it is not present.
     */
    static long stackDescriptor(Cpu c, int selector, int level, int vector) {
        int error = selector & 0xfffc;
        long d = Descriptor.fetch(c, selector, vector);
        if ((selector & 3) != level || !Descriptor.writableData(d) || Descriptor.dpl(d) != level) {
            throw c.raise(vector, error);
        }
        if (!Descriptor.present(d)) {
            throw c.raise(Vector.SS, error);
        }
        return d;
    }

    private static void loadData(Cpu c, int seg, int selector) {
        if (Descriptor.isNull(selector)) {
            setNull(c, seg, selector);
            return;
        }
        long d = dataDescriptor(c, selector, c.cpl, Vector.GP);
        set(c, seg, selector, Descriptor.access(c, selector, d));
    }

    static long dataDescriptor(Cpu c, int selector, int cpl, int vector) {
        int error = selector & 0xfffc;
        long d = Descriptor.fetch(c, selector, vector);
        if (!Descriptor.readable(d)) {
            throw c.raise(vector, error);
        }
        int dpl = Descriptor.dpl(d);
        if (!Descriptor.conforming(d) && ((selector & 3) > dpl || cpl > dpl)) {
            throw c.raise(vector, error);
        }
        if (!Descriptor.present(d)) {
            throw c.raise(Vector.NP, error);
        }
        return d;
    }

    /** Fills a segment register from a descriptor; {@link Cpu#updateMode} is the caller's to call for CS and SS. */
    static void set(Cpu c, int seg, int selector, long d) {
        c.selector[seg] = selector;
        c.base[seg] = Descriptor.base(d);
        c.limit[seg] = Descriptor.limit(d);
        c.rights[seg] = Descriptor.rights(d);
    }

    /** As {@link #set} for LDTR and TR, whose descriptors have 16 bytes in IA-32e mode. */
    static void setSystem(Cpu c, int seg, int selector, long d, long upper) {
        set(c, seg, selector, d);
        c.base[seg] |= upper << 32;
    }

    /** A null selector in a data segment register or LDTR. AMD keeps base and limit unless the model clears them. */
    static void setNull(Cpu c, int seg, int selector) {
        c.selector[seg] = selector;
        c.rights[seg] = Cpu.RIGHTS_UNUSABLE;
        if (c.features.vendor() == Vendor.INTEL || c.features.has(Feature.NULL_SEL_CLR_BASE)) {
            c.base[seg] = 0;
            c.limit[seg] = 0;
        }
    }

    /** The null SS of 64-bit mode; its DPL is the CPL. */
    static void setNullStack(Cpu c, int selector, int cpl) {
        setNull(c, Reg.SS, selector);
        c.rights[Reg.SS] |= cpl << 5;
    }

    /** Real mode changes selector and base alone: limit and width stay what protected mode left. */
    static void setReal(Cpu c, int seg, int selector) {
        c.selector[seg] = selector;
        c.base[seg] = (long) selector << 4;
        c.rights[seg] = c.rights[seg] & (Cpu.RIGHTS_DB | Cpu.RIGHTS_G) | REAL_DATA;
    }

    static void setVirtual8086(Cpu c, int seg, int selector) {
        c.selector[seg] = selector;
        c.base[seg] = (long) selector << 4;
        c.limit[seg] = 0xffff;
        c.rights[seg] = VIRTUAL_8086;
    }

    /** The fixed segments that SYSCALL, SYSENTER and their returns load: flat, 4 GiB, accessed. */
    static void setFlat(Cpu c, int seg, int selector, int type, int dpl, boolean longCode, boolean big) {
        c.selector[seg] = selector;
        c.base[seg] = 0;
        c.limit[seg] = 0xffffffffL;
        c.rights[seg] = type
                | Cpu.RIGHTS_S
                | dpl << 5
                | Cpu.RIGHTS_P
                | Cpu.RIGHTS_G
                | (longCode ? Cpu.RIGHTS_L : 0)
                | (big ? Cpu.RIGHTS_DB : 0);
    }

    /**
     * On a return to an outer level: data segments that the new level may not use become null. Their bases stay: the manual
     * changes the selector alone.
     */
    static void dropInnerData(Cpu c, int cpl) {
        for (int seg = 0; seg <= Reg.GS; seg++) {
            if (seg != Reg.CS && seg != Reg.SS) {
                dropIfInner(c, seg, cpl);
            }
        }
    }

    private static void dropIfInner(Cpu c, int seg, int cpl) {
        int rights = c.rights[seg];
        boolean conforming = (rights & 0x1c) == 0x1c;
        if ((rights & Cpu.RIGHTS_UNUSABLE) != 0) {
            // A null selector keeps its RPL out of outer code's sight.
            c.selector[seg] = 0;
        } else if (!conforming && (rights >> 5 & 3) < cpl) {
            c.selector[seg] = 0;
            c.rights[seg] = Cpu.RIGHTS_UNUSABLE;
        }
    }
}

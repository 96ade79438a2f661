package nestbox.vmx.l0;

import nestbox.x86.Cpu;
import nestbox.x86.Reg;

/**
 * Whether a guest without unrestricted guest may be entered as it is (SDM Vol. 3, "Checks on Guest Segment Registers"); KVM's
 * {@code emulation_required}. Virtual-8086 mode and protected mode can hold states of their segment registers that entry
 * refuses and that instructions can only have left behind from real mode.
 */
final class SegmentRules {
    private static final long V86_LIMIT = 0xffff;
    private static final int V86_RIGHTS = 0xf3;
    private static final long LOW12 = 0xfff;

    private SegmentRules() {}

    static boolean hold(Cpu c) {
        if ((c.cr0 & Cpu.CR0_PE) == 0) {
            return false;
        }
        if (c.virtual8086()) {
            for (int seg = Reg.ES; seg <= Reg.GS; seg++) {
                if (c.base[seg] != (long) c.selector[seg] << 4
                        || c.limit[seg] != V86_LIMIT
                        || c.rights[seg] != V86_RIGHTS) {
                    return false;
                }
            }
            return true;
        }
        return code(c) && stack(c) && data(c) && system(c);
    }

    private static int dpl(int rights) {
        return rights >> 5 & 3;
    }

    private static boolean code(Cpu c) {
        int rights = c.rights[Reg.CS];
        int type = rights & 0xf;
        int dpl = dpl(rights);
        boolean conforming = (type & 4) != 0;
        return (type & 9) == 9
                && (rights & Cpu.RIGHTS_P) != 0
                && (conforming ? dpl <= dpl(c.rights[Reg.SS]) : dpl == dpl(c.rights[Reg.SS]))
                && granular(c, Reg.CS);
    }

    private static boolean stack(Cpu c) {
        int rights = c.rights[Reg.SS];
        if ((c.selector[Reg.SS] & 3) != (c.selector[Reg.CS] & 3)) {
            return false;
        }
        if ((rights & Cpu.RIGHTS_UNUSABLE) != 0) {
            return true;
        }
        int type = rights & 0xf;
        return (type == 3 || type == 7)
                && (rights & Cpu.RIGHTS_P) != 0
                && dpl(rights) == (c.selector[Reg.SS] & 3)
                && granular(c, Reg.SS);
    }

    private static boolean data(Cpu c) {
        for (int seg : new int[] {Reg.DS, Reg.ES, Reg.FS, Reg.GS}) {
            int rights = c.rights[seg];
            if ((rights & Cpu.RIGHTS_UNUSABLE) != 0) {
                continue;
            }
            int type = rights & 0xf;
            boolean readable = (type & 8) == 0 || (type & 2) != 0;
            boolean level = type > 11 || dpl(rights) >= (c.selector[seg] & 3);
            if ((type & 1) == 0 || !readable || (rights & Cpu.RIGHTS_P) == 0 || !level || !granular(c, seg)) {
                return false;
            }
        }
        return true;
    }

    private static boolean system(Cpu c) {
        int tr = c.rights[Reg.TR];
        int type = tr & 0xf;
        if ((c.selector[Reg.TR] & 4) != 0 || type != 11 && (type != 3 || c.longMode()) || (tr & Cpu.RIGHTS_P) == 0) {
            return false;
        }
        int ldt = c.rights[Reg.LDTR];
        return (ldt & Cpu.RIGHTS_UNUSABLE) != 0
                || (c.selector[Reg.LDTR] & 4) == 0 && (ldt & 0xf) == 2 && (ldt & Cpu.RIGHTS_P) != 0;
    }

    private static boolean granular(Cpu c, int seg) {
        boolean pages = (c.rights[seg] & Cpu.RIGHTS_G) != 0;
        return pages ? (c.limit[seg] & LOW12) == LOW12 : c.limit[seg] >>> 20 == 0;
    }
}

package nestbox.x86.system;

import nestbox.x86.Cpu;
import nestbox.x86.Intercept;
import nestbox.x86.Reg;
import nestbox.x86.Vector;
import nestbox.x86.insn.Insn;
import nestbox.x86.mem.TranslationControl;

/**
 * INVLPGB and TLBSYNC (APM Vol. 3): invalidation on every processor of the machine. It is complete when INVLPGB retires, so
 * TLBSYNC has nothing to wait for.
 */
final class BroadcastInvalidation {
    private static final int VALID_ADDRESS = 1;
    private static final int VALID_PCID = 1 << 1;
    private static final int VALID_ASID = 1 << 2;
    private static final int GLOBAL = 1 << 3;
    private static final int FINAL_ONLY = 1 << 4;
    private static final long RESERVED_RAX = 0xfe0;
    private static final int RESERVED_ECX = 0x7fff0000;
    private static final int RESERVED_EDX = 0xf0000000;
    private static final int LARGE_STRIDE = 1 << 31;
    private static final int SMALL_SHIFT = 12;
    private static final int LARGE_SHIFT = 21;

    private BroadcastInvalidation() {}

    static void invlpgb(Cpu c, Insn in) {
        Guard.taken(c, Intercept.TLB_BROADCAST, in);
        Guard.privileged(c);
        if (Guard.taken(c, Intercept.INVLPGB, in)) {
            return;
        }
        if (illegal(c)) {
            if (Guard.taken(c, Intercept.INVLPGB_ILLEGAL, in)) {
                return;
            }
            throw c.raise(Vector.GP, 0);
        }
        long what = c.r[Reg.RAX];
        int tags = (int) c.r[Reg.RDX];
        int count = (int) c.r[Reg.RCX];
        int shift = (count & LARGE_STRIDE) != 0 ? LARGE_SHIFT : SMALL_SHIFT;
        long here = c.mem.port().control().space();
        // In a guest the ASID is its own, whatever it names.
        long space = here != 0 ? here : (what & VALID_ASID) != 0 ? tags & 0xffff : TranslationControl.ANY;
        int pcid = (what & VALID_PCID) != 0 ? tags >>> 16 & 0xfff : TranslationControl.ANY;
        boolean global = (what & GLOBAL) != 0;
        boolean structures = (what & FINAL_ONLY) == 0;
        int pages = (what & VALID_ADDRESS) == 0 ? 0 : (count & 0xffff) + 1;
        long first = what & ~0xfffL;
        c.platform.forEachProcessor(
                c, each -> each.mem.port().control().drop(space, pcid, global, structures, first, pages, shift));
    }

    /** Reserved bits (the inclusion of nested translations is one, as CPUID does not show it), a count or tag that is too high. */
    private static boolean illegal(Cpu c) {
        long what = c.r[Reg.RAX];
        int count = (int) c.r[Reg.RCX];
        int tags = (int) c.r[Reg.RDX];
        int most = c.features.cpuid(0x80000008, 0)[3] & 0xffff;
        int asids = c.features.cpuid(0x8000000a, 0)[1];
        boolean pcid = (what & VALID_PCID) != 0 && (tags >>> 16 & 0xfff) != 0;
        return (what & RESERVED_RAX) != 0
                || (count & RESERVED_ECX) != 0
                || (tags & RESERVED_EDX) != 0
                || (count & 0xffff) > most
                || ((what & VALID_ASID) != 0 && (tags & 0xffff) >= Math.max(asids, 1))
                || (pcid && (c.cr4 & Cpu.CR4_PCIDE) == 0)
                || ((what & VALID_ADDRESS) != 0 && !c.canonicalBase(what & ~0xfffL));
    }

    static void tlbsync(Cpu c, Insn in) {
        Guard.taken(c, Intercept.TLB_BROADCAST, in);
        Guard.privileged(c);
        Guard.taken(c, Intercept.TLBSYNC, in);
    }
}

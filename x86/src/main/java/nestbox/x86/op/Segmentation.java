package nestbox.x86.op;

import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import nestbox.x86.Vector;

/** Limit and type checks of segmented memory operands outside 64-bit mode (SDM Vol. 3, "Limit Checking", "Type Checking"). */
public final class Segmentation {
    private static final int TYPE_CODE = 8;
    private static final int TYPE_EXPAND_DOWN = 4;
    private static final int TYPE_READ_WRITE = 2;

    private Segmentation() {}

    /** Linear address of {@code seg:offset}, 32 bits wide; raises #GP(0) or, for SS, #SS(0). */
    public static long linear(Cpu c, int seg, long offset, int bytes, boolean write) {
        int rights = c.rights[seg];
        if ((rights & Cpu.RIGHTS_UNUSABLE) != 0
                || !permits(c, rights, write)
                || !inLimit(c, seg, rights, offset, bytes)) {
            throw c.raise(seg == Reg.SS ? Vector.SS : Vector.GP, 0);
        }
        return (c.base[seg] + offset) & 0xffffffffL;
    }

    private static boolean permits(Cpu c, int rights, boolean write) {
        if (!c.protectedMode() || c.virtual8086()) {
            return true;
        }
        boolean code = (rights & TYPE_CODE) != 0;
        boolean bit1 = (rights & TYPE_READ_WRITE) != 0;
        return write ? !code && bit1 : !code || bit1;
    }

    private static boolean inLimit(Cpu c, int seg, int rights, long offset, int bytes) {
        long last = offset + bytes - 1;
        long limit = c.limit[seg];
        if ((rights & (TYPE_CODE | TYPE_EXPAND_DOWN)) == TYPE_EXPAND_DOWN && (rights & Cpu.RIGHTS_S) != 0) {
            long top = (rights & Cpu.RIGHTS_DB) != 0 ? 0xffffffffL : 0xffffL;
            return offset > limit && last <= top;
        }
        return last <= limit;
    }
}

package nestbox.x86.system;

import nestbox.x86.Cpu;
import nestbox.x86.Reg;

/** Segment and gate descriptors as raw words (SDM Vol. 3, "Segment Descriptors", "System Descriptor Types"). */
final class Descriptor {
    static final int TSS16 = 1;
    static final int LDT = 2;
    static final int TSS16_BUSY = 3;
    static final int CALL_GATE16 = 4;
    static final int TASK_GATE = 5;
    static final int INTERRUPT_GATE16 = 6;
    static final int TRAP_GATE16 = 7;
    static final int TSS32 = 9;
    static final int TSS32_BUSY = 0xb;
    static final int CALL_GATE32 = 0xc;
    static final int INTERRUPT_GATE32 = 0xe;
    static final int TRAP_GATE32 = 0xf;

    static final int BUSY = 2;
    /** {@link #locate} found no such descriptor. Not canonical, so never the address of one. */
    static final long NOWHERE = Long.MIN_VALUE;

    private static final long ACCESSED = 1L << 40;

    private Descriptor() {}

    /** Type field with S as bit 4: system types are below 16. */
    static int type(long d) {
        return (int) (d >>> 40) & 0x1f;
    }

    static int dpl(long d) {
        return (int) (d >>> 45) & 3;
    }

    static boolean present(long d) {
        return (d >>> 47 & 1) != 0;
    }

    static boolean code(long d) {
        return (type(d) & 0x18) == 0x18;
    }

    static boolean system(long d) {
        return (type(d) & 0x10) == 0;
    }

    static boolean conforming(long d) {
        return (type(d) & 0x1c) == 0x1c;
    }

    static boolean readable(long d) {
        return (type(d) & 0x18) == 0x10 || (type(d) & 0x1a) == 0x1a;
    }

    static boolean writableData(long d) {
        return (type(d) & 0x1a) == 0x12;
    }

    /** The L bit. */
    static boolean longCode(long d) {
        return (d >>> 53 & 1) != 0;
    }

    /** The D/B bit. */
    static boolean big(long d) {
        return (d >>> 54 & 1) != 0;
    }

    static long base(long d) {
        return (d >>> 16 & 0xffffff) | (d >>> 32 & 0xff000000L);
    }

    static long limit(long d) {
        long raw = (d & 0xffff) | (d >>> 32 & 0xf0000);
        return (d >>> 55 & 1) != 0 ? raw << 12 | 0xfff : raw;
    }

    /** Access rights as {@link Cpu#rights} holds them. */
    static int rights(long d) {
        return (int) (d >>> 40) & 0xf0ff;
    }

    static int gateSelector(long d) {
        return (int) (d >>> 16) & 0xffff;
    }

    static long gateOffset32(long d) {
        return (d & 0xffff) | (d >>> 32 & 0xffff0000L);
    }

    static boolean isNull(int selector) {
        return (selector & 0xfffc) == 0;
    }

    /** Linear address of the descriptor, or {@link #NOWHERE} if its {@code bytes} are not within its table. */
    static long locate(Cpu c, int selector, int bytes) {
        int offset = selector & 0xfff8;
        long tableBase = c.gdtBase;
        long tableLimit = c.gdtLimit;
        if ((selector & 4) != 0) {
            if ((c.rights[Reg.LDTR] & Cpu.RIGHTS_UNUSABLE) != 0) {
                return NOWHERE;
            }
            tableBase = c.base[Reg.LDTR];
            tableLimit = c.limit[Reg.LDTR];
        }
        return offset + bytes - 1 > tableLimit ? NOWHERE : linear(c, tableBase + offset);
    }

    /** The descriptor of {@code selector}; one outside its table raises {@code vector} with the selector. */
    static long fetch(Cpu c, int selector, int vector) {
        long at = locate(c, selector, 8);
        if (at == NOWHERE) {
            throw c.raise(vector, selector & 0xfffc);
        }
        return c.mem.loadSystem(8, at);
    }

    /** The upper half of a 16-byte descriptor; outside the table it raises {@code vector} with the selector. */
    static long fetchUpper(Cpu c, int selector, int vector) {
        long at = locate(c, selector, 16);
        if (at == NOWHERE) {
            throw c.raise(vector, selector & 0xfffc);
        }
        return c.mem.loadSystem(8, linear(c, at + 8));
    }

    /** Sets the accessed bit of a code or data descriptor in its table; gives the descriptor with it. */
    static long access(Cpu c, int selector, long d) {
        if ((d & ACCESSED) == 0) {
            c.mem.storeSystem(1, linear(c, locate(c, selector, 8) + 5), d >>> 40 & 0xff | 1);
        }
        return d | ACCESSED;
    }

    /** Rewrites the byte with the type of a descriptor at {@code at}. */
    static void storeTypeByte(Cpu c, long at, long d) {
        c.mem.storeSystem(1, linear(c, at + 5), d >>> 40 & 0xff);
    }

    static long withBusy(long d, boolean busy) {
        long bit = (long) BUSY << 40;
        return busy ? d | bit : d & ~bit;
    }

    /** Linear addresses are 32 bits wide outside IA-32e mode. */
    static long linear(Cpu c, long address) {
        return c.longMode() ? address : address & 0xffffffffL;
    }
}

package nestbox.x86.op;

import nestbox.x86.Cpu;
import nestbox.x86.Reg;

/**
 * Accesses relative to the stack pointer, which is as wide as {@link Cpu#stackMask} (SDM Vol. 1, "Procedure Stack"). The
 * pointer changes only after the access, so that a fault leaves it.
 */
public final class Stack {
    private Stack() {}

    /** The stack pointer within its width. */
    public static long pointer(Cpu c) {
        return c.r[Reg.RSP] & c.stackMask;
    }

    /** Sets the stack pointer: SP keeps the rest of RSP, ESP clears its upper half. */
    public static void setPointer(Cpu c, long value) {
        c.r[Reg.RSP] = merge(c, c.r[Reg.RSP], value);
    }

    /** {@code value} written into {@code old} as a register of the stack pointer's width. */
    static long merge(Cpu c, long old, long value) {
        long mask = c.stackMask;
        return mask == 0xffff ? (old & ~0xffffL) | (value & 0xffff) : value & mask;
    }

    /** Linear address of {@code bytes} bytes at {@code offset} in the stack segment; raises #SS(0) beyond its limit. */
    public static long linear(Cpu c, long offset, int bytes, boolean write) {
        long within = offset & c.stackMask;
        return c.codeSize == 64 ? within : Segmentation.linear(c, Reg.SS, within, bytes, write);
    }

    /** Pushes {@code bits} = 16, 32 or 64. */
    public static void push(Cpu c, int bits, long value) {
        int bytes = bits >> 3;
        long top = c.r[Reg.RSP] - bytes;
        c.mem.store(bits, linear(c, top, bytes, true), Reg.SS, value);
        setPointer(c, top);
    }

    /** What a pop would give, zero-extended; the stack pointer stays (see {@link #drop}). */
    public static long peek(Cpu c, int bits) {
        return peek(c, bits, 0);
    }

    /** The value {@code above} bytes above the top of the stack. */
    public static long peek(Cpu c, int bits, long above) {
        return c.mem.load(bits, linear(c, c.r[Reg.RSP] + above, bits >> 3, false), Reg.SS);
    }

    /** Moves the stack pointer up. */
    public static void drop(Cpu c, long bytes) {
        setPointer(c, c.r[Reg.RSP] + bytes);
    }

    /** Pops {@code bits} = 16, 32 or 64, zero-extended. */
    public static long pop(Cpu c, int bits) {
        long value = peek(c, bits);
        drop(c, bits >> 3);
        return value;
    }
}

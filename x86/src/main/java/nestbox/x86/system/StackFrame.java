package nestbox.x86.system;

import nestbox.mmu.paging.Access;
import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import nestbox.x86.Vector;

/**
 * A stack that values are pushed to or popped from before it is known that the transfer succeeds: nothing of the processor
 * changes until the caller takes {@link #pointer} over. One per processor, reused.
 */
public final class StackFrame {
    private static final int EXPAND_DOWN = 4;

    private final Cpu cpu;
    private long base;
    private long limit;
    private int rights;
    private long mask;
    private int access;
    private long error;
    private boolean flat;

    /** The stack pointer, within the stack's width. */
    public long pointer;

    public StackFrame(Cpu cpu) {
        this.cpu = cpu;
    }

    /** The current stack at its current pointer. */
    StackFrame current() {
        flat = cpu.mode64();
        base = cpu.base[Reg.SS];
        limit = cpu.limit[Reg.SS];
        rights = cpu.rights[Reg.SS];
        mask = cpu.stackMask;
        access = cpu.cpl == 3 ? Access.USER : 0;
        error = 0;
        pointer = cpu.r[Reg.RSP] & mask;
        return this;
    }

    /** The stack segment of descriptor {@code d}, for privilege level {@code cpl}; its faults are #SS(selector). */
    StackFrame segment(long d, int selector, long sp, int cpl) {
        flat = false;
        base = Descriptor.base(d);
        limit = Descriptor.limit(d);
        rights = Descriptor.rights(d);
        mask = Descriptor.big(d) ? 0xffffffffL : 0xffff;
        access = cpl == 3 ? Access.USER : 0;
        error = selector & 0xfffc;
        pointer = sp & mask;
        return this;
    }

    /** A stack of 64-bit mode. */
    StackFrame flat(long sp, int cpl) {
        flat = true;
        mask = -1;
        access = cpl == 3 ? Access.USER : 0;
        error = 0;
        pointer = sp;
        return this;
    }

    /** Raises what pushing {@code bytes} bytes in all would raise, so that the pushes cannot fault. */
    void probe(int bytes) {
        long low = (pointer - bytes) & mask;
        if (!flat && low > pointer && pointer != 0) {
            // The frame wraps around the end of the stack: every push is checked on its own.
            return;
        }
        cpu.mem.port().probe(linear(low, bytes), bytes, access | Access.WRITE, Reg.SS);
    }

    void push(int bytes, long value) {
        pointer = (pointer - bytes) & mask;
        long stored = bytes == 8 ? value : value & (1L << 8 * bytes) - 1;
        cpu.mem.port().store(linear(pointer, bytes), bytes, stored, access | Access.WRITE, Reg.SS);
    }

    long pop(int bytes) {
        long value = peek(0, bytes);
        skip(bytes);
        return value;
    }

    /** The value {@code offset} bytes above the pointer. */
    long peek(int offset, int bytes) {
        return cpu.mem.port().load(linear(pointer + offset & mask, bytes), bytes, access | Access.READ, Reg.SS);
    }

    void skip(long bytes) {
        pointer = pointer + bytes & mask;
    }

    /** Makes the pointer the processor's, within the width of this stack. */
    void commit() {
        cpu.r[Reg.RSP] = mask == 0xffff ? cpu.r[Reg.RSP] & ~0xffffL | pointer : pointer;
    }

    private long linear(long offset, int bytes) {
        if (flat) {
            return offset;
        }
        if ((rights & Cpu.RIGHTS_UNUSABLE) != 0 || !within(offset, offset + bytes - 1)) {
            throw cpu.raise(Vector.SS, error);
        }
        return base + offset & 0xffffffffL;
    }

    private boolean within(long first, long last) {
        if ((rights & 0x1c) == (0x10 | EXPAND_DOWN)) {
            return first > limit && last <= ((rights & Cpu.RIGHTS_DB) != 0 ? 0xffffffffL : 0xffff);
        }
        return last <= limit;
    }
}

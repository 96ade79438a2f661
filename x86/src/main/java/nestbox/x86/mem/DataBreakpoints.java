package nestbox.x86.mem;

import nestbox.x86.Cpu;

/**
 * Data breakpoints (SDM Vol. 3, "Debug Registers", "Data Breakpoint Exception Conditions"). A match is a trap: it is noted in
 * {@code cpu.pendingDebug} and taken after the instruction; an instruction that faults discards it.
 */
final class DataBreakpoints {
    private static final int ON_WRITE = 1;
    private static final int ON_ACCESS = 3;
    /** The enable bits of DR7. */
    private static final int ENABLES = 0xff;

    /** Lengths by the LEN field. */
    private static final int[] LENGTHS = {1, 2, 8, 4};

    private final Cpu cpu;
    private final long[] copy = new long[8];
    private boolean enabled;

    DataBreakpoints(Cpu cpu) {
        this.cpu = cpu;
    }

    /** Catches up with the debug registers; true if they changed while data breakpoints were or are enabled. */
    boolean update() {
        if (!enabled && (cpu.dr[7] & ENABLES) == 0) {
            return false;
        }
        boolean was = enabled;
        enabled = false;
        boolean changed = false;
        for (int i = 0; i < 4; i++) {
            changed |= cpu.dr[i] != copy[i];
            enabled |= watches(i);
        }
        changed |= cpu.dr[7] != copy[7];
        System.arraycopy(cpu.dr, 0, copy, 0, copy.length);
        return changed && (was || enabled);
    }

    boolean enabled() {
        return enabled;
    }

    private int type(int i) {
        return (int) (cpu.dr[7] >>> (16 + 4 * i)) & 3;
    }

    private int length(int i) {
        return LENGTHS[(int) (cpu.dr[7] >>> (18 + 4 * i)) & 3];
    }

    private boolean watches(int i) {
        int type = type(i);
        return (cpu.dr[7] >>> (2 * i) & 3) != 0 && (type == ON_WRITE || type == ON_ACCESS);
    }

    /** Whether a watched byte lies in the page of {@code linear}. */
    boolean watchesPage(long linear) {
        for (int i = 0; i < 4; i++) {
            if (watches(i) && ((cpu.dr[i] ^ linear) & ~0xfffL) == 0) {
                return true;
            }
        }
        return false;
    }

    /** Notes the breakpoints that an access to {@code size} bytes meets. */
    void check(long linear, int size, boolean write) {
        int hit = 0;
        for (int i = 0; i < 4; i++) {
            if (watches(i) && (write || type(i) == ON_ACCESS)) {
                int length = length(i);
                long start = cpu.dr[i] & -length;
                if (linear - start < length && start - linear < size) {
                    hit |= 1 << i;
                }
            }
        }
        if (hit != 0) {
            cpu.pendingDebug |= hit;
            cpu.pend(Cpu.PENDING_DEBUG_TRAP);
        }
    }
}

package nestbox.x86.system;

import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import nestbox.x86.Vector;

/** DR0 to DR7 and the breakpoints that are not data's (SDM Vol. 3, "Debug Registers"). */
final class DebugRegisters {
    static final long DR6_FIXED = 0xffff0ff0L;
    static final long DR7_FIXED = 0x400;
    private static final long DR6_WRITABLE = 0xe00f;
    private static final long DR7_WRITABLE = 0xffff23ffL;
    private static final long DR7_GD = 1 << 13;
    private static final int ON_EXECUTE = 0;
    private static final int ON_IO = 2;
    /** Lengths by the LEN field. */
    private static final int[] LENGTHS = {1, 2, 8, 4};

    private DebugRegisters() {}

    /** DR4 and DR5 are DR6 and DR7, unless CR4.DE forbids them; there is none above 7. */
    static int number(Cpu c, int reg) {
        if (reg > 7 || ((reg & 6) == 4 && (c.cr4 & Cpu.CR4_DE) != 0)) {
            throw c.raise(Vector.UD);
        }
        return (reg & 6) == 4 ? reg + 2 : reg;
    }

    /** With DR7.GD set, every access is a #DB fault; delivering it clears GD. */
    static void checkGeneralDetect(Cpu c) {
        if ((c.dr[7] & DR7_GD) != 0) {
            throw raise(c, Exceptions.DR6_BD);
        }
    }

    /** Raises #DB as a fault with bits of DR6. */
    static RuntimeException raise(Cpu c, long dr6) {
        c.fault.vector = Vector.DB;
        c.fault.hasErrorCode = false;
        c.fault.errorCode = 0;
        c.fault.detail = dr6;
        throw c.fault;
    }

    static void write(Cpu c, int n, long value) {
        if (n >= 6 && value >>> 32 != 0) {
            throw c.raise(Vector.GP, 0);
        }
        if (n == 6) {
            c.dr[6] = value & DR6_WRITABLE | DR6_FIXED;
        } else {
            c.dr[n] = n == 7 ? value & DR7_WRITABLE | DR7_FIXED : value;
            c.mem.port().contextChanged();
            c.updatePending();
        }
    }

    private static boolean enabled(Cpu c, int i, int type) {
        long dr7 = c.dr[7];
        return (dr7 >>> (2 * i) & 3) != 0 && (dr7 >>> (16 + 4 * i) & 3) == type;
    }

    /** DR6 bits of the instruction breakpoints at the instruction to execute. */
    static long instructionHits(Cpu c) {
        long linear = c.base[Reg.CS] + c.rip;
        long at = c.mode64() ? c.rip : linear & 0xffffffffL;
        long hits = 0;
        for (int i = 0; i < 4; i++) {
            if (enabled(c, i, ON_EXECUTE) && c.dr[i] == at) {
                hits |= 1L << i;
            }
        }
        return hits;
    }

    /** Notes the I/O breakpoints (CR4.DE) that an access meets: traps. */
    static void io(Cpu c, int port, int bytes) {
        if ((c.cr4 & Cpu.CR4_DE) == 0) {
            return;
        }
        long hits = 0;
        for (int i = 0; i < 4; i++) {
            int length = LENGTHS[(int) (c.dr[7] >>> (18 + 4 * i)) & 3];
            long first = c.dr[i] & -length;
            if (enabled(c, i, ON_IO) && port < first + length && first < port + bytes) {
                hits |= 1L << i;
            }
        }
        if (hits != 0) {
            c.pendingDebug |= hits;
            c.pend(Cpu.PENDING_DEBUG_TRAP);
        }
    }
}

package nestbox.x86.system;

import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Intercept;
import nestbox.x86.Reg;
import nestbox.x86.Vector;
import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;
import nestbox.x86.op.Operands;

/**
 * The instructions that wait: PAUSE, MONITOR and MWAIT, UMONITOR and UMWAIT, TPAUSE (SDM Vol. 2). Waiting lets virtual time pass
 * ({@link Cpu#letPass}). Stores to a monitored range are not watched: the manual lets a wait end for any reason, and a wait ends
 * no later than with the machine's next event or, among several processors, with the turn.
 */
final class Waits {
    private static final int UMWAIT_CONTROL = 0xe1;
    /** IA32_UMWAIT_CONTROL[31:2] is the longest wait in ticks of the TSC, with two zeros below it; 0: no limit. */
    private static final long LONGEST = 0xfffffffcL;

    private Waits() {}

    static Handler bind(Insn in) {
        switch (in.form.mnemonic()) {
            case "PAUSE":
                return Waits::pause;
            case "MONITOR":
                return Waits::monitor;
            case "MWAIT":
                return Waits::mwait;
            case "UMONITOR":
                return Waits::userMonitor;
            case "UMWAIT":
                return (c, i) -> userWait(c, i, Intercept.UMWAIT);
            case "TPAUSE":
                return (c, i) -> userWait(c, i, Intercept.TPAUSE);
            default:
                return null;
        }
    }

    /** The delay of a PAUSE is a property of the implementation (SDM Vol. 2, "PAUSE"); here it is the machine's. */
    private static void pause(Cpu c, Insn in) {
        if (!Guard.taken(c, Intercept.PAUSE, in)) {
            c.letPass(c.platform.pauseTicks() - 1);
        }
    }

    private static void monitor(Cpu c, Insn in) {
        checkMonitor(c);
        if ((int) c.r[Reg.RCX] != 0) {
            throw c.raise(Vector.GP, 0);
        }
        if (!Guard.taken(c, Intercept.MONITOR, in)) {
            arm(c, in, c.r[Reg.RAX]);
        }
    }

    /** As {@link #monitor}, of the address in the operand. */
    private static void userMonitor(Cpu c, Insn in) {
        if (!Guard.taken(c, Intercept.USER_WAIT, in)) {
            arm(c, in, c.r[in.rm]);
        }
    }

    private static void arm(Cpu c, Insn in, long address) {
        long offset = Operands.zeroExtend(address, in.addressSize);
        c.mem.probeRead(Operands.linearAt(c, in, in.seg, offset, 1, false), 1, in.seg);
        c.monitorArmed = true;
    }

    private static void mwait(Cpu c, Insn in) {
        checkMonitor(c);
        boolean interruptBreak = (c.features.cpuid(5, 0)[2] & 2) != 0;
        if ((c.r[Reg.RCX] & 0xffffffffL & ~(interruptBreak ? 1L : 0)) != 0) {
            throw c.raise(Vector.GP, 0);
        }
        if (!Guard.taken(c, Intercept.MWAIT, in)) {
            await(c, Long.MAX_VALUE);
        }
    }

    /** Waits for what was armed; an interrupt that waits ends the wait even if it is masked. */
    private static boolean await(Cpu c, long longest) {
        boolean armed = c.monitorArmed && !c.interruptLine();
        c.monitorArmed = false;
        return armed && c.letPass(longest);
    }

    private static void checkMonitor(Cpu c) {
        if (c.cpl != 0 || !Cpuid.monitorEnabled(c)) {
            throw c.raise(Vector.UD);
        }
    }

    /** UMWAIT and TPAUSE wait until the deadline in EDX:EAX; CF says that IA32_UMWAIT_CONTROL's limit ended the wait. */
    private static void userWait(Cpu c, Insn in, Intercept what) {
        if (Guard.taken(c, Intercept.USER_WAIT, in)) {
            return;
        }
        Hints.checkTsc(c);
        if ((c.r[in.rm] & 0xffffffffL) >>> 1 != 0) {
            throw c.raise(Vector.GP, 0);
        }
        if (Guard.taken(c, what, in)) {
            return;
        }
        long most = c.msrs.stored(UMWAIT_CONTROL) & LONGEST;
        long left = untilDeadline(c);
        boolean limited = most != 0 && most < left;
        // The instruction takes one of the ticks by itself.
        long wanted = Math.max(0, (limited ? most : left) - 1);
        boolean whole = what == Intercept.TPAUSE ? c.letPass(wanted) : await(c, wanted);
        Flags.setArithmetic(c, limited && whole ? Flags.CF : 0);
    }

    /** Ticks until the TSC reaches EDX:EAX; 0 if it has. A guest whose TSC has another rate does not wait. */
    private static long untilDeadline(Cpu c) {
        long now = Hints.tscSeen(c, 0);
        long left = (c.r[Reg.RDX] << 32 | c.r[Reg.RAX] & 0xffffffffL) - now;
        return left > 0 && Hints.tscSeen(c, left) - now == left ? left : 0;
    }
}

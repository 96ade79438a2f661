package nestbox.x86.op;

import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;

/**
 * The REP prefixes (SDM Vol. 2, "REP/REPE/REPZ/REPNE/REPNZ"). Registers follow each iteration, so that a fault or an event
 * leaves the instruction restartable. One dispatch executes at most {@value #MOST} iterations and counts as one retired
 * instruction; if more remain, RIP stays at the instruction.
 */
public final class Repeat {
    /** Iterations a dispatch; a constant of the machine, because virtual time depends on it. */
    public static final int MOST = 4096;

    /** One or more elements of a string instruction. */
    @FunctionalInterface
    public interface Elements {
        /**
         * Executes at least one and at most {@code most} elements and moves the index registers.
         *
         * @return how many
         */
        int execute(Cpu c, Insn in, int most);
    }

    /** What REPE and REPNE compare with. */
    @FunctionalInterface
    public interface Condition {
        boolean test(Cpu c);
    }

    private Repeat() {}

    /** @param condition null if both prefixes just repeat */
    public static Handler bind(Insn in, Elements elements, Condition condition) {
        if (!in.rep && !in.repne) {
            return (c, i) -> elements.execute(c, i, 1);
        }
        if (condition == null) {
            return (c, i) -> repeat(c, i, elements);
        }
        boolean wanted = in.rep;
        return (c, i) -> repeatWhile(c, i, elements, condition, wanted);
    }

    private static long counter(Cpu c, Insn in) {
        return Operands.zeroExtend(c.r[Reg.RCX], in.addressSize);
    }

    /** Something (a trap, an interrupt that an element raised) waits for the boundary between two iterations. */
    private static boolean interrupted(Cpu c) {
        return c.pending != 0;
    }

    private static void repeat(Cpu c, Insn in, Elements elements) {
        long count = counter(c, in);
        int budget = MOST;
        while (count != 0) {
            int most = interrupted(c) ? 1 : (int) Math.min(budget, count);
            int done = elements.execute(c, in, most);
            count -= done;
            budget -= done;
            Operands.setReg(c, in, Reg.RCX, in.addressSize, count);
            if (count != 0 && (budget == 0 || interrupted(c))) {
                again(c, in);
                return;
            }
        }
    }

    private static void repeatWhile(Cpu c, Insn in, Elements elements, Condition condition, boolean wanted) {
        long count = counter(c, in);
        int budget = MOST;
        while (count != 0) {
            elements.execute(c, in, 1);
            count--;
            budget--;
            Operands.setReg(c, in, Reg.RCX, in.addressSize, count);
            if (condition.test(c) != wanted) {
                return;
            }
            if (count != 0 && (budget == 0 || interrupted(c))) {
                again(c, in);
                return;
            }
        }
    }

    /** The instruction is not over: it ends its block and is dispatched once more. */
    private static void again(Cpu c, Insn in) {
        c.rip = c.wrapRip(c.rip - in.length);
        c.blockLimit = 0;
        c.counters.unfinished();
    }
}

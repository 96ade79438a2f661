package nestbox.x86.system;

import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Reg;
import nestbox.x86.Vector;

/**
 * What a task switch does with shadow stacks and the branch tracker (SDM Vol. 3, "Task Switching"): the old task's part comes
 * before its registers are saved, the new task's when its segments are loaded. 32-bit TSSs alone hold an SSP.
 */
final class TaskShadowStack {
    private static final int SSP = 0x68;
    private static final int EFLAGS = 0x24;
    private static final int CS = 0x4c;

    private final int source;
    /** SSP of the new task, where its token is; or of the task that IRET goes back to. */
    private long ssp;
    /** A frame with these is pushed on the new shadow stack, or was on the old one. */
    private boolean frame;

    private long cs;
    private long lip;
    private long previous;

    private TaskShadowStack(int source) {
        this.source = source;
    }

    /** Leaves the old task's shadow stack for the task of the TSS at {@code tss}; null without CET. */
    static TaskShadowStack leave(Cpu c, long tss, int source) {
        if ((c.cr4 & Cpu.CR4_CET) == 0) {
            return null;
        }
        TaskShadowStack s = new TaskShadowStack(source);
        if (source != TaskSwitch.IRET) {
            s.ssp = c.mem.loadSystem(4, TaskSwitch.linear(c, tss, SSP));
        }
        if (Cet.shadowStack(c)) {
            boolean v86 = (c.mem.loadSystem(4, TaskSwitch.linear(c, tss, EFLAGS)) & Flags.VM) != 0;
            int cpl = v86 ? 3 : (int) c.mem.loadSystem(2, TaskSwitch.linear(c, tss, CS)) & 3;
            s.leave(c, cpl);
        }
        return s;
    }

    private void leave(Cpu c, int newCpl) {
        if (source == TaskSwitch.CALL || source == TaskSwitch.GATE) {
            if (c.cpl == 3 && newCpl < 3) {
                c.levelSsp[3] = c.ssp;
            } else {
                frame = true;
                previous = c.ssp;
                cs = c.selector[Reg.CS];
                lip = c.codeLinear();
            }
        } else if (source == TaskSwitch.IRET) {
            long token = c.ssp;
            if (newCpl == c.cpl || newCpl < 3) {
                frame = true;
                ssp = ShadowStack.load(c, 8, token, c.cpl);
                lip = ShadowStack.load(c, 8, token + 8, c.cpl);
                cs = ShadowStack.load(c, 8, token + 16, c.cpl);
                token += ShadowStack.FRAME;
            } else {
                ssp = c.levelSsp[3];
            }
            ShadowStack.exchange(c, token, token | 1, token, c.cpl);
            c.ssp = 0;
        }
    }

    /** The new task's segments are loaded, and RIP is its own. */
    void arrive(Cpu c) {
        boolean shadow = Cet.shadowStacksAt(c, c.cpl) && !c.virtual8086();
        if (source == TaskSwitch.IRET) {
            back(c, shadow);
            return;
        }
        if (shadow) {
            if ((ssp & 7) != 0) {
                throw c.raise(Vector.TS, c.selector[Reg.TR] & 0xfffc);
            }
            c.ssp = ShadowStack.switchTo(c, ssp, frame, cs, lip, previous);
        }
        if (!c.virtual8086()) {
            Cet.trackFar(c, c.cpl);
        }
    }

    private void back(Cpu c, boolean shadow) {
        boolean differs = frame && (cs != c.selector[Reg.CS] || lip != c.codeLinear());
        if (differs || shadow && ((ssp & 3) != 0 || ssp >>> 32 != 0)) {
            throw c.raise(Vector.CP, Cet.FAR_RET);
        }
        if (shadow) {
            c.ssp = ssp;
        }
    }
}

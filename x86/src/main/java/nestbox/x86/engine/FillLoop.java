package nestbox.x86.engine;

import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;
import nestbox.x86.mem.FastPage;

/**
 * The store of a loop that fills memory byte by byte, as compilers write {@code memset}: {@code mov [p], r8; add p, 1; cmp p, end;
 * jne}. It makes the stores of all turns at once that stay in the page and in the slice but the last, which the block goes on with:
 * state and virtual time are what the single turns come to, as each of them writes all flags anew.
 */
final class FillLoop implements Handler {
    private static final int TURN = 4;
    private static final int PAGE_OFFSET = 0xfff;

    private final Handler store;
    private final int pointer;
    private final int end;

    private FillLoop(Handler store, int pointer, int end) {
        this.store = store;
        this.pointer = pointer;
        this.end = end;
    }

    /** The handler of a block's first instruction if the block is such a loop, else null. */
    static FillLoop of(Insn[] code, Op[] ops) {
        if (code.length != TURN || ops[0].uop != Uop.STORE8 || ops[1].uop != Uop.ADD64) {
            return null;
        }
        int pointer = code[0].base;
        boolean direct = code[0].index == Reg.ZERO && code[0].disp == 0;
        boolean steady = ops[0].src != pointer && ops[0].src != Reg.ZERO;
        boolean next = ops[1].dst == pointer && ops[1].src == Reg.ZERO && ops[1].imm == 1;
        boolean back = ops[3].uop == Uop.JNE && ops[3].imm == 0;
        int end = ops[2].dst == pointer ? ops[2].src : ops[2].dst;
        boolean compares = ops[2].uop == Uop.CMP64
                && ops[2].imm == 0
                && (ops[2].dst == pointer || ops[2].src == pointer)
                && end != pointer
                && end != Reg.ZERO;
        return direct && steady && next && compares && back ? new FillLoop(code[0].handler, pointer, end) : null;
    }

    @Override
    public void execute(Cpu c, Insn in) {
        long at = c.r[pointer];
        store.execute(c, in);
        FastPage page = c.mem.writable(at, 1);
        if (page == null || c.blockLimit < TURN) {
            return;
        }
        long inSlice = (c.runEnd - c.ticks) / TURN - 1;
        long inPage = PAGE_OFFSET - (at & PAGE_OFFSET);
        long inLoop = c.r[end] - at - 1;
        long turns = Math.min(inSlice, inPage);
        if (Long.compareUnsigned(inLoop, turns) < 0) {
            turns = inLoop;
        }
        if (turns > 0) {
            page.fill8(at + 1, (int) turns, page.load8(at));
            c.r[pointer] += turns;
            c.ticks += TURN * turns;
        }
    }
}

package nestbox.x86.system;

import nestbox.x86.Cpu;

/** The shadow that STI and loads of SS cast over the next instruction. */
final class Shadow {
    private Shadow() {}

    /** Opens a shadow, unless this instruction itself runs in one of that kind: only the first of a sequence casts it. */
    static void begin(Cpu c, int kind) {
        if (c.shadow != kind) {
            c.shadow = kind;
            c.pend(Cpu.PENDING_SHADOW);
        }
    }
}

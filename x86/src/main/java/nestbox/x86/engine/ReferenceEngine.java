package nestbox.x86.engine;

import nestbox.x86.Cpu;
import nestbox.x86.insn.Decoder;
import nestbox.x86.insn.Insn;
import nestbox.x86.system.Cet;

/** Fetches, decodes and executes one instruction at a time through its handler: slow, simple, and what others are diffed with. */
public final class ReferenceEngine implements Engine {
    private final Cpu cpu;
    private final Decoder decoder;
    private final byte[] window = new byte[Decoder.MAX_LENGTH];
    private FetchListener listener = in -> {};
    private Insn given;

    public ReferenceEngine(Cpu cpu, Decoder decoder) {
        this.cpu = cpu;
        this.decoder = decoder;
    }

    /** Told of each instruction between its fetch and its execution. */
    @FunctionalInterface
    public interface FetchListener {
        void fetched(Insn in);
    }

    public void listen(FetchListener newListener) {
        listener = newListener;
    }

    /** The next step executes {@code in}, which has no operand relative to RIP, without fetching it. */
    public void give(Insn in) {
        given = in;
    }

    @Override
    public void run(long end) {
        while (cpu.ticks < end && cpu.pending == 0) {
            step();
        }
    }

    /** Executes one instruction, whatever is pending, and returns it. */
    public Insn step() {
        long start = cpu.rip;
        Insn in = given == null ? fetch() : given;
        given = null;
        listener.fetched(in);
        if ((cpu.pending & Cpu.PENDING_ENDBRANCH) != 0) {
            Cet.arrive(cpu, in);
        }
        cpu.r[nestbox.x86.Reg.BLOCK_RIP] = start;
        in.next = in.length;
        if (in.base == nestbox.x86.Reg.BLOCK_RIP) {
            in.disp += in.length;
        }
        cpu.rip = cpu.wrapRip(start + in.length);
        boolean done = false;
        try {
            in.handler.execute(cpu, in);
            done = true;
        } finally {
            if (!done) {
                cpu.rip = start;
                cpu.faultLength = in.length;
            }
        }
        cpu.ticks++;
        return in;
    }

    /** The bytes of the instruction that was fetched last begin this array, which is the engine's own. */
    public byte[] fetched() {
        return window;
    }

    /** Length of the instruction at RIP, which is fetched and not executed. */
    public int length() {
        return fetch().length;
    }

    /** The instruction at RIP; code bytes beyond CS's limit raise #GP(0). */
    private Insn fetch() {
        long linear = cpu.codeLinear();
        long page = 0;
        for (int have = 0; ; ) {
            long at = cpu.wrapCode(linear, have);
            if (have == 0 || (at & 0xfff) == 0) {
                cpu.checkCodeLimit(have);
                page = cpu.mem.fetch(at) - (at & 0xfff);
            } else {
                cpu.checkCodeLimit(have);
            }
            window[have++] = (byte) cpu.mem.port().codeByte(page + (at & 0xfff));
            Insn in = decoder.decode(window, 0, have, cpu.codeSize);
            if (in != null) {
                return in;
            }
        }
    }
}

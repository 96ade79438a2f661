package nestbox.x86.testing;

import java.util.HexFormat;
import nestbox.x86.Cpu;
import nestbox.x86.GuestFault;
import nestbox.x86.engine.ReferenceEngine;
import nestbox.x86.insn.Decoder;

/** Runs a few bytes of machine code, in hexadecimal, at address {@value #ADDRESS} of a test processor. */
public final class Snippet {
    public static final long ADDRESS = 0x1000;

    /** What {@link #run} gives if nothing was raised. */
    public static final int NO_FAULT = -1;

    public final Cpu cpu;
    private final ReferenceEngine engine;

    public Snippet(Cpu cpu) {
        this.cpu = cpu;
        this.engine = new ReferenceEngine(cpu, new Decoder(cpu.features));
    }

    /** Runs the code to its end or to a fault, which leaves RIP at the faulting instruction. Gives the vector of the fault. */
    public int run(String hex) {
        long end = place(hex);
        int fault = NO_FAULT;
        while (fault == NO_FAULT && cpu.rip != end) {
            fault = step();
        }
        return fault;
    }

    /** Puts the code in memory and RIP at it; gives the address of its end. */
    public long place(String hex) {
        byte[] code = HexFormat.of().parseHex(hex.replace(" ", ""));
        cpu.physical.copyIn(ADDRESS, code, 0, code.length);
        cpu.rip = ADDRESS;
        return ADDRESS + code.length;
    }

    /** Executes one instruction, whatever is pending. */
    public int step() {
        try {
            engine.step();
            return NO_FAULT;
        } catch (GuestFault fault) {
            return fault.vector;
        }
    }
}

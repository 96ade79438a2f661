package nestbox.x86.engine;

import nestbox.x86.Cpu;
import nestbox.x86.GuestFault;
import nestbox.x86.Reg;
import nestbox.x86.insn.Asm;
import nestbox.x86.insn.Decoder;
import nestbox.x86.insn.Insn;

/**
 * The door through which code that is not machine code uses a processor in root mode: a hypervisor in Java, standing in for the
 * code at its HOST_RIP. It can do what such code can: execute one instruction at a time, with the semantics of a fetched one,
 * and let the processor run until root mode is entered again. Its instructions take no virtual time.
 */
public final class RootDoor {
    private final Cpu cpu;
    private final Processor processor;
    private final Decoder decoder;

    public RootDoor(Processor processor, Decoder decoder) {
        this.processor = processor;
        this.decoder = decoder;
        cpu = processor.cpu;
        cpu.stopsInRoot = true;
    }

    public Cpu cpu() {
        return cpu;
    }

    /** Decodes an instruction of 64-bit code that {@link #execute} can then execute any number of times. */
    public Insn instruction(String source) {
        byte[] code = Asm.assemble(64, 0, source);
        Insn in = decoder.decode(code, 0, code.length, 64);
        in.next = in.length;
        return in;
    }

    /**
     * Executes an instruction on the processor's registers. RIP stays, unless the instruction entered a guest or left one.
     *
     * @throws RootFaultException if the instruction raised an exception; it then had no effect
     */
    public void execute(Insn in) {
        long start = cpu.rip;
        cpu.r[Reg.BLOCK_RIP] = start;
        cpu.rip = start + in.length;
        cpu.switchedWorlds = false;
        try {
            in.handler.execute(cpu, in);
        } catch (GuestFault fault) {
            cpu.rip = start;
            throw new RootFaultException(in, fault);
        }
        if (!cpu.switchedWorlds) {
            cpu.rip = start;
        }
    }

    /**
     * Executes the instruction that enters a guest and lets the processor run.
     *
     * @return as {@link #run}
     * @throws RootFaultException if the instruction raised an exception
     */
    public boolean enter(Insn in, long budget) {
        cpu.leftGuest = false;
        cpu.unpend(Cpu.PENDING_STOP);
        execute(in);
        return cpu.leftGuest || !cpu.switchedWorlds || run(budget);
    }

    /**
     * Lets a processor that is in a guest run.
     *
     * @return true once root mode was entered; false if {@code budget} ticks passed before, or if the processor waits
     */
    public boolean run(long budget) {
        cpu.leftGuest = false;
        processor.run(budget);
        cpu.unpend(Cpu.PENDING_STOP);
        return cpu.leftGuest;
    }
}

package nestbox.x86.insn;

import nestbox.x86.Cpu;

/**
 * Executes one decoded instruction. {@code cpu.rip} already points behind it. An exception leaves through
 * {@link Cpu#raise} and the processor's state must then be as before the instruction, except where the manual says otherwise.
 */
@FunctionalInterface
public interface Handler {
    void execute(Cpu cpu, Insn in);
}

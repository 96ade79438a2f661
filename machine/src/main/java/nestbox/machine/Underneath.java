package nestbox.machine;

import nestbox.core.Clock;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.trace.Trace;
import nestbox.mmu.memory.PhysicalMemory;
import nestbox.x86.Cpu;
import nestbox.x86.engine.Execution;
import nestbox.x86.engine.ReferenceEngine;
import nestbox.x86.insn.Decoder;
import nestbox.x86.mem.MemoryPort;

/** What stands below a machine's processors: silicon, or a hypervisor on silicon of its own. One object serves one machine. */
public interface Underneath {
    /** The machine's memory exists and is still empty; no processor does. */
    default void begin(PhysicalMemory memory, Clock clock, Trace trace) {}

    /** All processors have been made; their turns can be interrupted by others' from now on. */
    default void interludes(Interludes interludes) {}

    /** The memory port of a processor that is being made. */
    MemoryPort port(Cpu cpu);

    /** Writes its own state between two runs, behind that of the whole machine. */
    default void save(StateWriter out) {}

    /** Reads it back; the machine has been restored. */
    default void restore(StateReader in) {}

    /** Executes a processor, which has its extension and its APIC. */
    Execution execution(Cpu cpu, Decoder decoder, ReferenceEngine reference);
}

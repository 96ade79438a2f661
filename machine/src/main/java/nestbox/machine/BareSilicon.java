package nestbox.machine;

import nestbox.x86.Cpu;
import nestbox.x86.engine.BlockInterpreter;
import nestbox.x86.engine.Execution;
import nestbox.x86.engine.Processor;
import nestbox.x86.engine.ReferenceEngine;
import nestbox.x86.insn.Decoder;
import nestbox.x86.mem.MemoryPort;

/**
 * The machine's processors are the silicon itself.
 *
 * @param ports makes their memory ports
 */
record BareSilicon(MachineConfig config, Cpu.PortFactory ports) implements Underneath {
    @Override
    public MemoryPort port(Cpu cpu) {
        return ports.create(cpu);
    }

    @Override
    public Execution execution(Cpu cpu, Decoder decoder, ReferenceEngine reference) {
        boolean blocks = config.engine() == MachineConfig.Engine.BLOCK;
        return new Processor(
                cpu, blocks ? new BlockInterpreter(cpu, decoder, config.blockSize()) : reference, reference);
    }
}

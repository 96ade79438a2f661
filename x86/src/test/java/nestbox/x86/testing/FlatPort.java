package nestbox.x86.testing;

import nestbox.mmu.memory.PhysicalMemory;
import nestbox.mmu.paging.Access;
import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import nestbox.x86.Vector;
import nestbox.x86.mem.MemoryPort;

/**
 * Linear address = physical address, without a fast path. Addresses that no region maps raise #PF, and non-canonical ones
 * #GP or #SS, so that tests can place faults.
 */
public final class FlatPort implements MemoryPort {
    private final Cpu cpu;
    private final PhysicalMemory memory;
    /** Notes what instructions tell the translation hardware. */
    public final RecordingControl control = new RecordingControl();

    public FlatPort(Cpu cpu, PhysicalMemory memory) {
        this.cpu = cpu;
        this.memory = memory;
    }

    @Override
    public long load(long linear, int size, int access, int seg) {
        check(linear, size, access, seg);
        return memory.read(linear, size);
    }

    @Override
    public void store(long linear, int size, long value, int access, int seg) {
        check(linear, size, access, seg);
        memory.write(linear, size, value);
    }

    @Override
    public void probe(long linear, int length, int access, int seg) {
        check(linear, length, access, seg);
    }

    @Override
    public long fetch(long linear) {
        check(linear, 1, Access.EXECUTE, Reg.CS);
        return linear;
    }

    @Override
    public int codeByte(long physical) {
        return (int) memory.read(physical, 1);
    }

    @Override
    public void contextChanged() {
        // There is no translation that could change.
    }

    @Override
    public RecordingControl control() {
        return control;
    }

    private void check(long linear, int length, int access, int seg) {
        if (linear << 16 >> 16 != linear) {
            throw cpu.raise(seg == Reg.SS ? Vector.SS : Vector.GP, 0);
        }
        for (int i = 0; i < length; i++) {
            long at = linear + i;
            if (at >>> memory.physicalBits() != 0 || memory.kindOf(at) == PhysicalMemory.Kind.HOLE) {
                boolean write = (access & Access.WRITE) != 0;
                boolean user = (access & Access.USER) != 0;
                throw cpu.raisePageFault(at, (write ? 2 : 0) | (user ? 4 : 0));
            }
        }
    }
}

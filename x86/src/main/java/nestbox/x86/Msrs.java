package nestbox.x86;

/** The model-specific registers that are not fields of {@link Cpu}. */
public final class Msrs {
    private final Cpu cpu;

    Msrs(Cpu cpu) {
        this.cpu = cpu;
    }

    /** RDMSR; raises #GP(0) for a register that the model lacks. */
    public long read(int index) {
        throw cpu.raise(Vector.GP, 0);
    }

    /** WRMSR; raises #GP(0) for a register that the model lacks or a value that it refuses. */
    public void write(int index, long value) {
        throw cpu.raise(Vector.GP, 0);
    }
}

package nestbox.x86;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.Stateful;
import nestbox.core.trace.TraceEvents;
import nestbox.x86.system.Msr;

/**
 * The model-specific registers of one processor: the rows of the table that its model has, and the values of those that are
 * not fields of {@link Cpu}. IA32_APIC_BASE and the x2APIC range are the interrupt controller's.
 */
public final class Msrs implements Stateful {
    private static final int APIC_BASE = 0x1b;
    private static final int X2APIC = 0x800;
    private static final int X2APIC_MASK = 0xffffff00;

    private final Cpu cpu;
    private Msr[] rows = {};
    private int[] indexes = {};
    private long[] values = {};

    Msrs(Cpu cpu) {
        this.cpu = cpu;
    }

    /**
     * Adds the rows that the model has; a virtualization extension brings its own. A row replaces an earlier one of its index.
     */
    public void register(List<Msr> more) {
        Msr[] present =
                more.stream().filter(row -> row.present().test(cpu.features)).toArray(Msr[]::new);
        Msr[] all = Stream.concat(
                        Stream.of(rows).filter(old -> Stream.of(present).noneMatch(row -> row.index() == old.index())),
                        Stream.of(present))
                .sorted(Comparator.comparingInt(Msr::index))
                .toArray(Msr[]::new);
        long[] kept = new long[all.length];
        for (int i = 0; i < all.length; i++) {
            int old = slot(all[i].index());
            kept[i] = old >= 0 && rows[old] == all[i] ? values[old] : initial(all[i]);
        }
        rows = all;
        indexes = Stream.of(all).mapToInt(Msr::index).toArray();
        values = kept;
    }

    private long initial(Msr row) {
        return cpu.features.msr(row.index(), row.reset().applyAsLong(cpu.features));
    }

    /** Power-up values of all stored registers and of the processor's fields among them. */
    public void reset() {
        for (int i = 0; i < rows.length; i++) {
            values[i] = initial(rows[i]);
        }
        cpu.star = 0;
        cpu.lstar = 0;
        cpu.cstar = 0;
        cpu.fmask = 0;
        cpu.kernelGsBase = 0;
        cpu.sysenterCs = 0;
        cpu.sysenterEsp = 0;
        cpu.sysenterEip = 0;
        cpu.tscAux = 0;
        cpu.debugCtl = 0;
        Arrays.fill(cpu.lastBranch, 0);
        cpu.pat = Cpu.PAT_RESET;
    }

    private int slot(int index) {
        return Arrays.binarySearch(indexes, index);
    }

    private boolean ofApic(int index) {
        return cpu.apic != null && (index == APIC_BASE || (index & X2APIC_MASK) == X2APIC);
    }

    private int require(int index) {
        int slot = slot(index);
        if (slot < 0) {
            throw cpu.raise(Vector.GP, 0);
        }
        return slot;
    }

    /** RDMSR; raises #GP(0) for a register that the model lacks. */
    public long read(int index) {
        if (ofApic(index)) {
            return cpu.apic.readMsr(index);
        }
        int slot = require(index);
        Msr row = rows[slot];
        return row.reader() == null ? values[slot] : row.reader().read(cpu, values[slot]);
    }

    /** WRMSR; raises #GP(0) for a register that the model lacks or a value that it refuses. */
    public void write(int index, long value) {
        if (ofApic(index)) {
            traceWrite(index, value);
            cpu.apic.writeMsr(index, value);
            return;
        }
        int slot = require(index);
        Msr row = rows[slot];
        long writable = row.writable().applyAsLong(cpu.features);
        long dropped = row.dropped().applyAsLong(cpu.features);
        if ((value & ~(writable | dropped)) != 0 || !row.rule().permits(cpu, value)) {
            throw cpu.raise(Vector.GP, 0);
        }
        traceWrite(index, value);
        long merged = values[slot] & ~writable | value & writable;
        values[slot] = row.writer() == null ? merged : row.writer().write(cpu, merged);
    }

    private void traceWrite(int index, long value) {
        if (cpu.trace.on) {
            cpu.trace.emit(TraceEvents.MSR_WRITE, index & 0xffffffffL, value);
        }
    }

    /** The stored value of a register, 0 if the model lacks it. */
    public long stored(int index) {
        int slot = slot(index);
        return slot < 0 ? 0 : values[slot];
    }

    /** Adds to a stored value; nothing if the model lacks the register. */
    public void addStored(int index, long delta) {
        int slot = slot(index);
        if (slot >= 0) {
            values[slot] += delta;
        }
    }

    /** The rows that this processor has, by index. */
    public List<Msr> rows() {
        return List.of(rows);
    }

    @Override
    public void save(StateWriter out) {
        out.section("msrs").writeLongs(values);
    }

    @Override
    public void restore(StateReader in) {
        in.section("msrs");
        in.readLongs(values);
    }
}

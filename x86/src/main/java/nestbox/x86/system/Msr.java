package nestbox.x86.system;

import java.util.function.Predicate;
import java.util.function.ToLongFunction;
import nestbox.x86.Cpu;
import nestbox.x86.model.CpuFeatures;

/**
 * One row of the table of model-specific registers. A written value whose bits are neither {@link #writable} nor
 * {@link #dropped} raises #GP(0), as does one that {@link #rule} refuses.
 *
 * @param index as in ECX
 * @param name the manuals' name
 * @param present which models have it; RDMSR and WRMSR of others raise #GP(0)
 * @param writable bits that a write changes
 * @param dropped bits that a write may carry and that stay as they are
 * @param rule what a value must satisfy beyond its bits
 * @param reset value after reset, unless the CPU model's file says otherwise
 * @param reader what RDMSR gives; null: the stored value
 * @param writer what WRMSR does, giving the value to store; null: it is stored
 */
public record Msr(
        int index,
        String name,
        Predicate<CpuFeatures> present,
        ToLongFunction<CpuFeatures> writable,
        ToLongFunction<CpuFeatures> dropped,
        Rule rule,
        ToLongFunction<CpuFeatures> reset,
        Reader reader,
        Writer writer) {
    /** IA32_XSS. */
    public static final int XSS = 0xda0;

    /** Decides on a value to be written. */
    @FunctionalInterface
    public interface Rule {
        boolean permits(Cpu c, long value);
    }

    /** Gives the value of a register that is not simply stored; may raise. */
    @FunctionalInterface
    public interface Reader {
        long read(Cpu c, long stored);
    }

    /** Carries a write out; may raise. */
    @FunctionalInterface
    public interface Writer {
        long write(Cpu c, long value);
    }

    private static final Writer REFUSES = Msr::refuse;

    /** A register that reads as {@code reset} and refuses every write, until the {@code with} methods say otherwise. */
    public static Msr of(int index, String name, Predicate<CpuFeatures> present) {
        return new Msr(index, name, present, f -> 0, f -> 0, (c, v) -> true, f -> 0, null, REFUSES);
    }

    private static long refuse(Cpu c, long value) {
        throw c.raise(nestbox.x86.Vector.GP, 0);
    }

    /** Every write raises #GP(0). */
    public boolean readOnly() {
        return writer == REFUSES;
    }

    /** All of {@code mask} can be written. */
    Msr writable(long mask) {
        return writable(f -> mask);
    }

    Msr writable(ToLongFunction<CpuFeatures> mask) {
        return new Msr(index, name, present, mask, dropped, rule, reset, reader, null);
    }

    Msr dropped(long mask) {
        return new Msr(index, name, present, writable, f -> mask, rule, reset, reader, null);
    }

    Msr rule(Rule newRule) {
        return new Msr(index, name, present, writable, dropped, newRule, reset, reader, writer);
    }

    Msr reset(long value) {
        return reset(f -> value);
    }

    public Msr reset(ToLongFunction<CpuFeatures> value) {
        return new Msr(index, name, present, writable, dropped, rule, value, reader, writer);
    }

    /** A register that lives elsewhere. */
    Msr at(Reader newReader, Writer newWriter) {
        return new Msr(index, name, present, writable, dropped, rule, reset, newReader, newWriter);
    }

    Msr read(Reader newReader) {
        return new Msr(index, name, present, writable, dropped, rule, reset, newReader, writer);
    }
}

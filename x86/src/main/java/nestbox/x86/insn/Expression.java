package nestbox.x86.insn;

import java.util.function.ToLongFunction;

/** A number that may depend on labels. */
public interface Expression {
    /**
     * Its value.
     *
     * @param symbols gives the value of a label, {@code $} (this line) and {@code $$} (the origin)
     */
    long value(ToLongFunction<String> symbols);

    /** Whether it depends on no label. */
    boolean constant();

    static Expression of(long value) {
        return new Expression() {
            @Override
            public long value(ToLongFunction<String> symbols) {
                return value;
            }

            @Override
            public boolean constant() {
                return true;
            }
        };
    }

    static Expression symbol(String name) {
        return new Expression() {
            @Override
            public long value(ToLongFunction<String> symbols) {
                return symbols.applyAsLong(name);
            }

            @Override
            public boolean constant() {
                return false;
            }
        };
    }
}

package nestbox.x86.insn;

import java.io.ByteArrayOutputStream;
import java.util.HashMap;
import java.util.Map;

/** One pass over an assembly program: the bytes so far, and symbols from this pass and the one before. */
final class Pass {
    private static final long LARGEST = 64 << 20;

    private final Assembler assembler;
    private final long origin;
    private final Map<String, Long> before;
    private final Map<String, Long> symbols = new HashMap<>();
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    /** Address of the running statement: {@code $}. */
    private long here;
    /** A symbol that no pass has defined, or null. */
    private String undefined;

    Pass(Assembler assembler, long origin, Map<String, Long> before) {
        this.assembler = assembler;
        this.origin = origin;
        this.before = before;
    }

    void begin() {
        here = address();
    }

    long address() {
        return origin + out.size();
    }

    byte[] bytes() {
        return out.toByteArray();
    }

    Map<String, Long> symbols() {
        return symbols;
    }

    String undefined() {
        return undefined;
    }

    long symbol(String name) {
        if (name.equals("$")) {
            return here;
        }
        if (name.equals("$$")) {
            return origin;
        }
        Long value = symbols.getOrDefault(name, before.get(name));
        if (value == null) {
            undefined = name;
            return here;
        }
        return value;
    }

    void define(String name, long value) {
        if (symbols.put(name, value) != null) {
            throw new IllegalArgumentException("label " + name + " is defined twice");
        }
    }

    byte[] encode(Request request, int codeSize, int atLeast) {
        here = address();
        return assembler.encode(request, new Request.Place(codeSize, here, this::symbol), atLeast);
    }

    void write(byte[] bytes) {
        room(bytes.length);
        out.writeBytes(bytes);
    }

    void write(long value, int width) {
        if (width < 8 && (value < -(1L << 8 * width - 1) || value >= 1L << 8 * width)) {
            throw new IllegalArgumentException(
                    "value 0x" + Long.toHexString(value) + " does not fit " + width + " bytes");
        }
        for (int i = 0; i < width; i++) {
            out.write((int) (value >> 8 * i));
        }
    }

    void fill(long count, int filler) {
        room(count);
        for (long i = 0; i < count; i++) {
            out.write(filler);
        }
    }

    private void room(long count) {
        if (count < 0 || out.size() + count > LARGEST) {
            throw new IllegalArgumentException("program of more than " + LARGEST + " bytes");
        }
    }
}

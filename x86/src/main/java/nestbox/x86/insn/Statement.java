package nestbox.x86.insn;

import java.nio.charset.StandardCharsets;
import java.util.List;

/** One statement of an assembly program; emitted once in every pass. */
interface Statement {
    /** Appends its bytes; {@code repetition} counts those of TIMES. */
    void emit(Pass pass, int repetition);

    /** Defines a label at the current address. */
    record Label(String name) implements Statement {
        @Override
        public void emit(Pass pass, int repetition) {
            pass.define(name, pass.address());
        }
    }

    /** Defines a symbol by an expression. */
    record Equate(String name, Expression value) implements Statement {
        @Override
        public void emit(Pass pass, int repetition) {
            pass.define(name, value.value(pass::symbol));
        }
    }

    /** Numbers of {@code width} bytes; strings have one byte a character and are padded to whole numbers. */
    record Data(int width, List<Object> items) implements Statement {
        @Override
        public void emit(Pass pass, int repetition) {
            for (Object item : items) {
                if (item instanceof String text) {
                    byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
                    pass.write(bytes);
                    pass.fill((width - bytes.length % width) % width, 0);
                } else {
                    pass.write(((Expression) item).value(pass::symbol), width);
                }
            }
        }
    }

    /** Pads to a multiple of the alignment. */
    record Align(Expression alignment, int filler) implements Statement {
        @Override
        public void emit(Pass pass, int repetition) {
            long boundary = alignment.value(pass::symbol);
            if (Long.bitCount(boundary) != 1) {
                throw new IllegalArgumentException("alignment " + boundary + " is no power of two");
            }
            pass.fill(-pass.address() & boundary - 1, filler);
        }
    }

    /** Pads with zeros up to an address. */
    record Origin(Expression target) implements Statement {
        @Override
        public void emit(Pass pass, int repetition) {
            long distance = target.value(pass::symbol) - pass.address();
            if (distance < 0) {
                throw new IllegalArgumentException("org goes back by " + -distance + " bytes");
            }
            pass.fill(distance, 0);
        }
    }

    /** Repeats a statement. */
    record Times(Expression count, Statement statement) implements Statement {
        @Override
        public void emit(Pass pass, int repetition) {
            long times = count.value(pass::symbol);
            if (times < 0) {
                throw new IllegalArgumentException("times " + times + " is negative");
            }
            for (int i = 0; i < times; i++) {
                statement.emit(pass, i);
            }
        }
    }

    /** Zero bytes. */
    record Reserve(Expression count, int width) implements Statement {
        @Override
        public void emit(Pass pass, int repetition) {
            pass.fill(count.value(pass::symbol) * width, 0);
        }
    }

    /** An instruction, which never becomes shorter from one pass to the next, so that the passes end. */
    final class Instruction implements Statement {
        private final Request request;
        private final int codeSize;
        private int[] lengths = new int[1];

        Instruction(Request request, int codeSize) {
            this.request = request;
            this.codeSize = codeSize;
        }

        @Override
        public void emit(Pass pass, int repetition) {
            if (repetition >= lengths.length) {
                lengths = java.util.Arrays.copyOf(lengths, 2 * repetition);
            }
            byte[] bytes = pass.encode(request, codeSize, lengths[repetition]);
            lengths[repetition] = Math.max(lengths[repetition], bytes.length);
            pass.write(bytes);
        }
    }
}

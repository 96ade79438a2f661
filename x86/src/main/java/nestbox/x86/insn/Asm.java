package nestbox.x86.insn;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Assembles guest programs, from Intel-syntax source (NASM's dialect) or from calls:
 *
 * <pre>{@code
 * byte[] code = Asm.assemble(64, 0x1000, """
 *         start:  mov eax, [rel value]
 *                 add rax, rbx
 *                 jnz start
 *         value:  dd 42
 *         """);
 * byte[] same = new Asm(64, 0x1000).label("start").ins("mov", "eax", "[rel value]")...assemble().bytes();
 * }</pre>
 *
 * <p>Directives: {@code bits N}, {@code org ADDRESS} (pads with zeros), {@code align N[, FILLER]}, {@code times N ...},
 * {@code db dw dd dq}, {@code resb resw resd resq}, {@code NAME equ VALUE}, {@code default rel|abs}. Labels end in a colon;
 * those that begin with a dot belong to the last one that does not. Branches are short where they reach, unless {@code near}
 * is written. Errors are {@link AssemblyException}s.
 */
public final class Asm {
    private static final int MAX_PASSES = 64;

    private final long origin;
    private final List<Statement> statements = new ArrayList<>();
    private final List<String> sources = new ArrayList<>();
    private final List<Integer> lines = new ArrayList<>();
    private final SourceParser parser;

    /**
     * @param bits code size to begin with: 16, 32 or 64
     * @param origin address of the first byte
     */
    public Asm(int bits, long origin) {
        this.origin = origin;
        this.parser = new SourceParser(bits);
    }

    /** Assembles source text. */
    public static byte[] assemble(int bits, long origin, String source) {
        return program(bits, origin, source).bytes();
    }

    /** Assembles source text; gives its labels too. */
    public static Assembly program(int bits, long origin, String source) {
        return new Asm(bits, origin).source(source).assemble();
    }

    /** Appends lines of source. */
    public Asm source(String text) {
        int number = 0;
        for (String line : text.split("\n", -1)) {
            line(++number, line);
        }
        return this;
    }

    private void line(int number, String line) {
        try {
            for (Statement statement : parser.parse(line)) {
                statements.add(statement);
                sources.add(line);
                lines.add(number);
            }
        } catch (IllegalArgumentException e) {
            throw new AssemblyException(number, line, e.getMessage());
        }
    }

    /**
     * Appends an instruction, prefixes in front of the mnemonic included.
     *
     * @param operands {@link Arg}s, numbers, or operands as text
     */
    public Asm ins(String mnemonic, Object... operands) {
        List<Arg> args = new ArrayList<>();
        for (Object operand : operands) {
            if (operand instanceof Arg arg) {
                args.add(arg);
            } else if (operand instanceof Number number) {
                args.add(new Arg.Immediate(Expression.of(number.longValue()), 0, false));
            } else {
                args.add(parser.operand(operand.toString()));
            }
        }
        statements.add(parser.instruction(mnemonic, args));
        sources.add(mnemonic + " " + List.of(operands));
        lines.add(statements.size());
        return this;
    }

    public Asm label(String name) {
        return one(name + ":");
    }

    /** Changes the code size from here on. */
    public Asm bits(int bits) {
        return one("bits " + bits);
    }

    public Asm align(int boundary) {
        return one("align " + boundary);
    }

    public Asm org(long address) {
        return one("org 0x" + Long.toHexString(address));
    }

    public Asm db(int... values) {
        for (int value : values) {
            one("db " + value);
        }
        return this;
    }

    public Asm dw(long... values) {
        return data("dw ", values);
    }

    public Asm dd(long... values) {
        return data("dd ", values);
    }

    public Asm dq(long... values) {
        return data("dq ", values);
    }

    private Asm data(String directive, long... values) {
        for (long value : values) {
            one(directive + value);
        }
        return this;
    }

    private Asm one(String line) {
        line(statements.size() + 1, line);
        return this;
    }

    /** Assembles what has been appended. */
    public Assembly assemble() {
        Assembler assembler = new Assembler();
        Map<String, Long> symbols = Map.of();
        for (int i = 0; i < MAX_PASSES; i++) {
            Pass pass = new Pass(assembler, origin, symbols);
            String[] undefined = new String[statements.size()];
            for (int at = 0; at < statements.size(); at++) {
                try {
                    pass.begin();
                    statements.get(at).emit(pass, 0);
                } catch (IllegalArgumentException e) {
                    throw new AssemblyException(lines.get(at), sources.get(at), e.getMessage());
                }
                undefined[at] = pass.undefined();
            }
            if (pass.symbols().equals(symbols)
                    || symbols.isEmpty() && pass.symbols().isEmpty()) {
                return finish(pass, undefined);
            }
            symbols = pass.symbols();
        }
        throw new AssemblyException(0, "program", "labels do not settle");
    }

    private Assembly finish(Pass pass, String[] undefined) {
        for (int at = 0; at < undefined.length; at++) {
            if (undefined[at] != null) {
                throw new AssemblyException(lines.get(at), sources.get(at), "undefined label " + undefined[at]);
            }
        }
        return new Assembly(origin, pass.bytes(), Map.copyOf(pass.symbols()));
    }
}

package nestbox.x86.insn;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * The instruction table: the one list of encodings from which decoder, assembler and disassembler derive. Read from the resource
 * files beside this class, each at most once a process and not before one of its opcodes is looked up: a guest that uses no vectors
 * starts sooner. Immutable.
 */
public final class InstructionTable {
    private static final List<String> BASE = List.of("integer", "system");
    private static final List<String> X87 = List.of("x87");
    private static final List<String> VECTOR = List.of("mmx", "sse", "sse-later");
    private static final List<String> VEX = List.of("avx");

    private static final InstructionTable INSTANCE = new InstructionTable();

    private InstructionTable() {}

    // The parts, each read when its holder is first used.

    private static final class Base {
        static final List<Form> FORMS = read(BASE);
        static final OpcodeMap MAP = new OpcodeMap(FORMS);
    }

    private static final class X87Part {
        static final List<Form> FORMS = read(X87);
        static final OpcodeMap MAP = new OpcodeMap(FORMS);
    }

    private static final class VectorPart {
        static final List<Form> FORMS = read(VECTOR);
        /** Complete for the maps behind 0F. */
        static final OpcodeMap MAP = new OpcodeMap(joined(Base.FORMS, FORMS));
    }

    private static final class VexPart {
        static final List<Form> FORMS = read(VEX);
        /** Complete for the maps of VEX; bit manipulation is in the first part. */
        static final OpcodeMap MAP = new OpcodeMap(joined(Base.FORMS, FORMS));
    }

    private static final class All {
        static final List<Form> FORMS = List.copyOf(joined(Base.FORMS, X87Part.FORMS, VectorPart.FORMS, VexPart.FORMS));
    }

    private static List<Form> read(List<String> files) {
        List<Form> rows = new ArrayList<>();
        TableParser parser = new TableParser();
        for (String file : files) {
            try (InputStream in = InstructionTable.class.getResourceAsStream(file.concat(".tbl"));
                    BufferedReader reader = new BufferedReader(new InputStreamReader(in, StandardCharsets.US_ASCII))) {
                parser.parse(reader, rows);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        return rows;
    }

    @SafeVarargs
    private static List<Form> joined(List<Form>... parts) {
        List<Form> all = new ArrayList<>();
        for (List<Form> part : parts) {
            all.addAll(part);
        }
        return all;
    }

    public static InstructionTable get() {
        return INSTANCE;
    }

    /** All rows in the table's order. */
    public List<Form> forms() {
        return All.FORMS;
    }

    static List<String> files() {
        List<String> files = new ArrayList<>(BASE);
        files.addAll(X87);
        files.addAll(VECTOR);
        files.addAll(VEX);
        return files;
    }

    /** Rows of an opcode in the table's order, all with or all without ModRM; null if there are none. */
    Form[] rows(int map, int opcode) {
        if (map >= OpcodeMap.VEX) {
            return VexPart.MAP.rows(map, opcode);
        }
        Form[] rows = Base.MAP.rows(map, opcode);
        if (map == OpcodeMap.ONE_BYTE) {
            return rows == null ? X87Part.MAP.rows(map, opcode) : rows;
        }
        return rows == null || isShared(map, opcode) ? VectorPart.MAP.rows(map, opcode) : rows;
    }

    /** Whether an opcode has rows in the first part and in that of MMX and SSE: EXTRQ and VMREAD, INSERTQ and VMWRITE, group 15. */
    static boolean isShared(int map, int opcode) {
        return map == OpcodeMap.MAP_0F && (opcode == 0x78 || opcode == 0x79 || opcode == 0xae);
    }
}

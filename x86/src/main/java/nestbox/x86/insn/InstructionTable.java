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
 * The instruction table: the one list of encodings from which decoder, assembler and disassembler derive. Read once a process
 * from the resource files beside this class; immutable.
 */
public final class InstructionTable {
    private static final List<String> FILES = List.of("integer", "system", "x87", "mmx", "sse", "sse-later", "avx");

    private static final InstructionTable INSTANCE = new InstructionTable();

    private final List<Form> forms;
    private final OpcodeMap map;

    private InstructionTable() {
        List<Form> rows = new ArrayList<>(3072);
        TableParser parser = new TableParser();
        for (String file : FILES) {
            try (InputStream in = InstructionTable.class.getResourceAsStream(file.concat(".tbl"));
                    BufferedReader reader = new BufferedReader(new InputStreamReader(in, StandardCharsets.US_ASCII))) {
                parser.parse(reader, rows);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        forms = List.copyOf(rows);
        map = new OpcodeMap(rows);
    }

    public static InstructionTable get() {
        return INSTANCE;
    }

    /** All rows in the table's order. */
    public List<Form> forms() {
        return forms;
    }

    static List<String> files() {
        return FILES;
    }

    OpcodeMap map() {
        return map;
    }
}

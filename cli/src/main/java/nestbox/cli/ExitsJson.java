package nestbox.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.Writer;
import java.util.Map;
import java.util.TreeMap;
import nestbox.testkit.exits.ExitSetup;
import nestbox.testkit.exits.ExitTable;
import nestbox.testkit.exits.L2Action;

/** Cells of the table of exits as one JSON array and a line end. */
final class ExitsJson {
    private ExitsJson() {}

    static void write(Writer out, ExitTable table) throws IOException {
        JsonFactory factory = JsonFactory.builder().build();
        try (JsonGenerator json = factory.createGenerator(out)) {
            json.disable(JsonGenerator.Feature.AUTO_CLOSE_TARGET);
            json.useDefaultPrettyPrinter();
            json.writeStartArray();
            for (ExitSetup setup : table.setups()) {
                for (L2Action action : L2Action.values()) {
                    json.writeStartObject();
                    json.writeStringField("cpu", setup.cpu());
                    json.writeStringField("l0", setup.l0().text());
                    json.writeBooleanField("l1Tdp", setup.l1Tdp());
                    json.writeStringField("action", action.title());
                    json.writeNumberField("exits", table.exits(setup, action));
                    json.writeObjectFieldStart("reasons");
                    for (Map.Entry<String, Double> reason : new TreeMap<>(table.reasons(setup, action)).entrySet()) {
                        json.writeNumberField(reason.getKey(), reason.getValue());
                    }
                    json.writeEndObject();
                    json.writeEndObject();
                }
            }
            json.writeEndArray();
        }
        out.write("\n");
    }
}

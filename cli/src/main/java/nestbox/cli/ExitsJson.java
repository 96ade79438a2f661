package nestbox.cli;

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
        Json.write(out, json -> {
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
        });
    }
}

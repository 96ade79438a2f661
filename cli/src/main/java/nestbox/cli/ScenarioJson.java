package nestbox.cli;

import java.io.IOException;
import java.io.Writer;
import java.util.List;
import java.util.Locale;
import nestbox.testkit.scenario.ScenarioRun;

/** Cells of the matrix as one JSON array and a line end. */
final class ScenarioJson {
    private ScenarioJson() {}

    static void write(Writer out, List<ScenarioRun> runs) throws IOException {
        Json.write(out, json -> {
            json.writeStartArray();
            for (ScenarioRun run : runs) {
                json.writeStartObject();
                json.writeStringField("scenario", run.scenario().id());
                json.writeStringField("title", run.scenario().title());
                json.writeStringField("under", run.column().text());
                json.writeStringField("verdict", run.verdict().name().toLowerCase(Locale.ROOT));
                json.writeStringField("observed", run.observed());
                json.writeStringField("expected", run.column().observed());
                json.writeBooleanField("asExpected", run.asExpected());
                json.writeEndObject();
            }
            json.writeEndArray();
        });
    }
}

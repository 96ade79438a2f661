package nestbox.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.Writer;
import java.util.Map;
import nestbox.x86.check.CheckResult;

/** A {@link CheckResult} as one JSON object and a line end. Values of fields are text, {@code "0x..."}: they have 64 bits. */
final class CheckJson {
    private CheckJson() {}

    static void write(Writer out, String structure, String cpu, CheckResult result) throws IOException {
        Json.write(out, json -> {
            json.writeStartObject();
            json.writeStringField("structure", structure);
            json.writeStringField("cpu", cpu);
            json.writeBooleanField("succeeds", result.passed());
            json.writeStringField("outcome", result.outcome());
            json.writeNumberField("checks", result.checks());
            json.writeStringField("seen", result.seen());
            json.writeArrayFieldStart("failures");
            for (CheckResult.Failed failed : result.failures()) {
                write(json, failed);
            }
            json.writeEndArray();
            json.writeEndObject();
        });
    }

    private static void write(JsonGenerator json, CheckResult.Failed failed) throws IOException {
        json.writeStartObject();
        json.writeStringField("check", failed.id());
        json.writeStringField("section", failed.section());
        json.writeStringField("rule", failed.rule());
        json.writeStringField("outcome", failed.outcome());
        json.writeBooleanField("verified", failed.verified());
        json.writeObjectFieldStart("fields");
        for (Map.Entry<String, Long> field : failed.fields().entrySet()) {
            json.writeStringField(field.getKey(), "0x" + Long.toHexString(field.getValue()));
        }
        json.writeEndObject();
        json.writeEndObject();
    }
}

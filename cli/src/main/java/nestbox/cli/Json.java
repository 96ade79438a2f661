package nestbox.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.Writer;

/** One JSON value on a writer that stays open, indented, and a line end. */
final class Json {
    /** Writes the value. */
    interface Value {
        void write(JsonGenerator json) throws IOException;
    }

    private Json() {}

    static void write(Writer out, Value value) throws IOException {
        JsonFactory factory = JsonFactory.builder().build();
        try (JsonGenerator json = factory.createGenerator(out)) {
            json.disable(JsonGenerator.Feature.AUTO_CLOSE_TARGET);
            json.useDefaultPrettyPrinter();
            value.write(json);
        }
        out.write("\n");
        out.flush();
    }
}

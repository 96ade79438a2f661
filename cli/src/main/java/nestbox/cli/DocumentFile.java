package nestbox.cli;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import nestbox.core.NestboxException;
import nestbox.x86.check.BadDocumentException;
import nestbox.x86.check.BadDocumentException.Problem;
import nestbox.x86.check.StateDocument;
import nestbox.x86.check.StateDocument.Entry;

/** A {@link StateDocument} in a YAML file (or JSON, which is YAML): a map of parts, each a map of plain values. */
final class DocumentFile {
    private static final long MAX_BYTES = 1 << 20;

    private final String source;
    private final JsonParser parser;
    private final List<Entry> entries = new ArrayList<>();
    private final List<Problem> problems = new ArrayList<>();
    private final Set<List<String>> seen = new HashSet<>();

    private DocumentFile(String source, JsonParser parser) {
        this.source = source;
        this.parser = parser;
    }

    /**
     * Reads a file.
     *
     * @throws NestboxException if it cannot be read
     * @throws BadDocumentException naming file, line and key of what is not as it should be
     */
    static StateDocument read(Path file) {
        String source = file.toString();
        try {
            if (Files.size(file) > MAX_BYTES) {
                throw new NestboxException(source, "larger than " + MAX_BYTES + " bytes");
            }
            try (JsonParser parser = new YAMLFactory().createParser(Files.readAllBytes(file))) {
                return new DocumentFile(source, parser).document();
            }
        } catch (JsonProcessingException e) {
            int line = e.getLocation() == null
                    ? StateDocument.NO_LINE
                    : e.getLocation().getLineNr();
            String message =
                    "not YAML: " + e.getOriginalMessage().lines().findFirst().orElse("");
            throw new BadDocumentException(source, List.of(new Problem(line, "", message)));
        } catch (NoSuchFileException e) {
            throw new NestboxException(source, "no such file", e);
        } catch (IOException e) {
            throw new NestboxException(source, "cannot be read: " + e.getMessage(), e);
        }
    }

    private StateDocument document() throws IOException {
        if (parser.nextToken() != JsonToken.START_OBJECT) {
            throw new BadDocumentException(source, List.of(new Problem(line(), "", "a map of parts must stand here")));
        }
        while (parser.nextToken() != JsonToken.END_OBJECT) {
            part(parser.currentName());
        }
        if (parser.nextToken() != null) {
            problems.add(new Problem(line(), "", "a second document"));
        }
        if (!problems.isEmpty()) {
            throw new BadDocumentException(source, problems);
        }
        return new StateDocument(source, entries);
    }

    private int line() {
        return Math.max(StateDocument.NO_LINE, parser.currentTokenLocation().getLineNr());
    }

    private void part(String name) throws IOException {
        int at = line();
        JsonToken token = parser.nextToken();
        if (token == JsonToken.VALUE_NULL) {
            return;
        }
        if (token != JsonToken.START_OBJECT) {
            problems.add(new Problem(at, name, "is not a map"));
            parser.skipChildren();
            return;
        }
        while (parser.nextToken() != JsonToken.END_OBJECT) {
            entry(name, parser.currentName());
        }
    }

    private void entry(String part, String key) throws IOException {
        int at = line();
        JsonToken token = parser.nextToken();
        if (token.isStructStart()) {
            problems.add(new Problem(at, key, "is not a plain value"));
            parser.skipChildren();
        } else if (!seen.add(List.of(part, key.toLowerCase(Locale.ROOT)))) {
            problems.add(new Problem(at, key, "stands here twice"));
        } else {
            entries.add(new Entry(part, key, token == JsonToken.VALUE_NULL ? "" : parser.getText(), at));
        }
    }
}

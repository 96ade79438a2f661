package nestbox.x86.check;

import java.util.List;
import java.util.stream.Collectors;
import nestbox.core.NestboxException;

/** A document that cannot be checked, with everything that is wrong with it. */
public final class BadDocumentException extends NestboxException {
    /**
     * One thing that is wrong.
     *
     * @param line where, from 1; {@link StateDocument#NO_LINE} if unknown
     * @param field the part, field or key that it is about; empty if it is none
     * @param message what is wrong
     */
    public record Problem(int line, String field, String message) {
        /** The problem with an entry. */
        public static Problem of(StateDocument.Entry entry, String message) {
            return new Problem(entry.line(), entry.key(), message);
        }

        private String text() {
            String place = line == StateDocument.NO_LINE ? "" : "line " + line + ": ";
            return place + (field.isEmpty() ? "" : field + ": ") + message;
        }
    }

    private final List<Problem> problems;

    public BadDocumentException(String source, List<Problem> problems) {
        super(source, problems.stream().map(Problem::text).collect(Collectors.joining("; ")));
        this.problems = List.copyOf(problems);
    }

    public List<Problem> problems() {
        return problems;
    }
}

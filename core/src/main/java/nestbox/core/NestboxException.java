package nestbox.core;

/**
 * The root of the typed errors that Nestbox reports to its user: bad input, impossible configurations, features that are
 * not implemented. {@link #subject} says what it is about (a file, an option, a feature).
 */
public class NestboxException extends RuntimeException {
    private final String subject;

    public NestboxException(String subject, String message) {
        this(subject, message, null);
    }

    public NestboxException(String subject, String message, Throwable cause) {
        super(subject + ": " + message, cause);
        this.subject = subject;
    }

    public String subject() {
        return subject;
    }
}

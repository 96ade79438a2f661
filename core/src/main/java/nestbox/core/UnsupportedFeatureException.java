package nestbox.core;

/** A typed refusal: the guest or the user asked for something that Nestbox does not implement. Never silence instead. */
public final class UnsupportedFeatureException extends NestboxException {
    public UnsupportedFeatureException(String feature, String detail) {
        super(feature, "not implemented: " + detail);
    }
}

package nestbox.x86;

/**
 * Plugs VMX or SVM into processors when a machine is wired; neither {@code x86} nor {@code machine} knows which. A provider looks
 * at {@link Cpu#features} and brings the extension's model-specific registers along ({@link Msrs#register}).
 */
@FunctionalInterface
public interface VirtualizationProvider {
    /** Plugs nothing in: VMX and SVM instructions are #UD. */
    VirtualizationProvider NONE = cpu -> null;

    /** The extension of a processor that has not been reset yet, or null if its model has none of this provider's. */
    VirtualizationExtension create(Cpu cpu);

    /** This provider's extension, or else that of {@code other}. */
    default VirtualizationProvider orElse(VirtualizationProvider other) {
        return cpu -> {
            VirtualizationExtension extension = create(cpu);
            return extension != null ? extension : other.create(cpu);
        };
    }
}

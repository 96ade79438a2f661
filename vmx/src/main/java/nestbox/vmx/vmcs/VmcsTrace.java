package nestbox.vmx.vmcs;

import nestbox.core.trace.Trace;
import nestbox.core.trace.TraceEventType;

/**
 * VMREAD and VMWRITE that succeed, by the field's encoding, whoever carries them out; {@code shadow} is 1 if the shadow VMCS was
 * accessed.
 */
public final class VmcsTrace {
    public static final TraceEventType READ =
            TraceEventType.of("vmcs_read", "#field", "#value", "shadow").naming("field", VmcsTrace::field);

    public static final TraceEventType WRITE =
            TraceEventType.of("vmcs_write", "#field", "#value", "shadow").naming("field", VmcsTrace::field);

    private VmcsTrace() {}

    private static String field(long encoding) {
        VmcsField field = VmcsField.byEncoding(encoding);
        return field == null ? null : field.name();
    }

    public static void read(Trace trace, long encoding, long value, boolean shadow) {
        if (trace.on) {
            trace.emit(READ, encoding, value, shadow ? 1 : 0);
        }
    }

    public static void write(Trace trace, long encoding, long value, boolean shadow) {
        if (trace.on) {
            trace.emit(WRITE, encoding, value, shadow ? 1 : 0);
        }
    }
}

package nestbox.svm.silicon;

import java.util.Locale;
import nestbox.core.NestboxException;

/** What the processor makes of VMCB clean bits (APM Vol. 2, "VMCB Clean Bits"); each is right by the manual. */
public enum CleanBitPolicy {
    /** Every field is read at every VMRUN. */
    IGNORE,
    /** Fields whose bit is set are those of the last VMRUN or #VMEXIT of this VMCB, whatever memory holds: a wrong bit shows. */
    HONOUR,
    /** As {@link #IGNORE}, and a bit that is set wrongly is reported. */
    REPORT;

    /**
     * Reads {@code ignore}, {@code honour} or {@code report}.
     *
     * @throws NestboxException naming {@code subject}, the option that the text came from
     */
    public static CleanBitPolicy parse(String subject, String text) {
        for (CleanBitPolicy policy : values()) {
            if (policy.name().toLowerCase(Locale.ROOT).equals(text)) {
                return policy;
            }
        }
        throw new NestboxException(subject, "'" + text + "' is none of ignore, honour, report");
    }
}

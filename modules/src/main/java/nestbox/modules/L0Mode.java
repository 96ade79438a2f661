package nestbox.modules;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;
import nestbox.core.NestboxException;

/** What runs a laboratory's image. */
public enum L0Mode {
    /** The silicon itself: the reference that L0 is compared with. */
    NONE(false, false),
    /** L0 with EPT or nested paging. */
    TDP(true, false),
    /** L0 with shadow paging. */
    SHADOW(false, false),
    /** As {@link #TDP}, with the reference MMU: each instruction starts from empty tables and empty caches. */
    REFERENCE(true, true),
    /** As {@link #SHADOW}, with the reference MMU. */
    REFERENCE_SHADOW(false, true);

    private final boolean tdp;
    private final boolean reference;

    L0Mode(boolean tdp, boolean reference) {
        this.tdp = tdp;
        this.reference = reference;
    }

    /** L0 uses EPT or nested paging. */
    public boolean tdp() {
        return tdp;
    }

    /** L0 uses the reference MMU. */
    public boolean reference() {
        return reference;
    }

    /** As users write it. */
    public String text() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** @throws NestboxException naming {@code subject}, the option that the text came from, if there is none of this name */
    public static L0Mode named(String subject, String text) {
        for (L0Mode mode : values()) {
            if (mode.text().equals(text)) {
                return mode;
            }
        }
        String all = Arrays.stream(values()).map(L0Mode::text).collect(Collectors.joining(", "));
        throw new NestboxException(subject, "'" + text + "' is none of " + all);
    }
}

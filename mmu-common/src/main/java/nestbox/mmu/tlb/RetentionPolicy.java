package nestbox.mmu.tlb;

import nestbox.core.NestboxException;

/**
 * How long translations stay cached. Guests that obey the manual's invalidation rules cannot tell the policies apart.
 *
 * @param kind which rule
 * @param parameter the capacity of {@code lru}, the seed of {@code seeded}, else 0
 */
public record RetentionPolicy(Kind kind, long parameter) {
    /** The rules. */
    public enum Kind {
        /** An entry goes only when the manual requires it. */
        KEEP,
        /** Nothing is retained beyond one access. */
        NONE,
        /**
         * At most N translations; the one filled longest ago goes. Recency is the time of the fill and not of the last use,
         * because uses on the fast path are not seen: so what is cached never depends on the engine.
         */
        LRU,
        /** As {@code lru:1024}, and one fill in four drops another entry, chosen by the seed. */
        SEEDED
    }

    public static final RetentionPolicy KEEP = new RetentionPolicy(Kind.KEEP, 0);
    public static final RetentionPolicy NONE = new RetentionPolicy(Kind.NONE, 0);
    public static final RetentionPolicy DEFAULT = new RetentionPolicy(Kind.LRU, 2048);

    private static final int SEEDED_CAPACITY = 1024;
    private static final int MAX_CAPACITY = 1 << 20;
    /** Translations for each entry of the paging-structure caches. */
    private static final int STRUCTURE_SHARE = 16;

    /**
     * Reads {@code keep}, {@code none}, {@code lru:N} or {@code seeded:S}.
     *
     * @throws NestboxException naming {@code subject}, the option that the text came from
     */
    public static RetentionPolicy parse(String subject, String text) {
        int colon = text.indexOf(':');
        String name = colon < 0 ? text : text.substring(0, colon);
        String argument = colon < 0 ? "" : text.substring(colon + 1);
        switch (name) {
            case "keep":
                refuseArgument(subject, text, colon);
                return KEEP;
            case "none":
                refuseArgument(subject, text, colon);
                return NONE;
            case "lru":
                long capacity = number(subject, text, argument);
                if (capacity < 1 || capacity > MAX_CAPACITY) {
                    throw new NestboxException(
                            subject, "'" + text + "': lru takes 1 to " + MAX_CAPACITY + " translations");
                }
                return new RetentionPolicy(Kind.LRU, capacity);
            case "seeded":
                return new RetentionPolicy(Kind.SEEDED, number(subject, text, argument));
            default:
                throw new NestboxException(subject, "'" + text + "' is none of keep, none, lru:N, seeded:S");
        }
    }

    private static void refuseArgument(String subject, String text, int colon) {
        if (colon >= 0) {
            throw new NestboxException(subject, "'" + text + "': this policy takes no argument");
        }
    }

    private static long number(String subject, String text, String argument) {
        try {
            return Long.decode(argument);
        } catch (NumberFormatException e) {
            throw new NestboxException(subject, "'" + text + "': a number must follow the colon", e);
        }
    }

    /** Most translations that may be cached. */
    int capacity() {
        switch (kind) {
            case KEEP:
                return Integer.MAX_VALUE;
            case NONE:
                return 0;
            case LRU:
                return (int) parameter;
            default:
                return SEEDED_CAPACITY;
        }
    }

    /**
     * Whether guest-physical mappings are cached apart from the combined ones that are made of them. Hypervisors exist that clear EPT
     * dirty flags and trust the next VM entry to drop what was cached (kvm-unit-tests' PML test is one), which real processors let
     * them; the manual does not. So only {@link Kind#KEEP} does it.
     */
    boolean keepsGuestPhysical() {
        return kind == Kind.KEEP;
    }

    /** Most entries of the paging-structure caches. */
    int structureCapacity() {
        int translations = capacity();
        if (translations == Integer.MAX_VALUE || translations == 0) {
            return translations;
        }
        return Math.max(1, translations / STRUCTURE_SHARE);
    }

    @Override
    public String toString() {
        String name = kind.name().toLowerCase(java.util.Locale.ROOT);
        return kind == Kind.LRU || kind == Kind.SEEDED ? name + ":" + parameter : name;
    }
}

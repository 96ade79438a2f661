package nestbox.x86.mem;

import nestbox.x86.Cpu;

/**
 * Sees what a processor's translations are used for and which instructions invalidate them. It changes nothing; while one watches,
 * no fast path serves accesses, so that it sees them all.
 */
public interface TranslationObserver {
    /** What an instruction invalidated. */
    enum Scope {
        /** One linear address of the current PCID, global translations too (INVLPG). */
        ADDRESS,
        /** One linear address of a PCID (INVPCID). */
        ADDRESS_OF_PCID,
        /** A PCID, but for global translations. */
        CONTEXT,
        /** The current PCID and global translations. */
        CONTEXT_AND_GLOBAL,
        /** Every PCID, but for global translations. */
        ALL_BUT_GLOBAL,
        ALL
    }

    /** An access was translated and permitted: {@code physical} is the address of its first byte, all within one page. */
    void used(Cpu cpu, long linear, int access, long physical);

    /**
     * An instruction has invalidated translations; control registers are the new ones already.
     *
     * @param pcid of {@link Scope#ADDRESS_OF_PCID} and {@link Scope#CONTEXT}
     * @param linear of the scopes of one address
     */
    void invalidated(Cpu cpu, Scope scope, int pcid, long linear);
}

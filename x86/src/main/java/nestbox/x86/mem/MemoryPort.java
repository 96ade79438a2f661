package nestbox.x86.mem;

/**
 * The replaceable port behind a processor's {@link Memory}: the silicon's translation cache and physical memory, L0's
 * emulator, or a test's history-keeping memory. Linear addresses; {@code access} is a set of
 * {@link nestbox.mmu.paging.Access} bits;
 * {@code seg} is the segment that a non-canonical address blames (SS gives #SS, all others #GP). Faults are raised on the
 * {@link nestbox.x86.Cpu}. Accesses may be misaligned and cross pages; a store that faults has stored nothing.
 */
public interface MemoryPort {
    /** Zero-extended value of {@code size} (1, 2, 4 or 8) bytes. */
    long load(long linear, int size, int access, int seg);

    void store(long linear, int size, long value, int access, int seg);

    /** Raises the fault that an access to {@code length} bytes would raise, and sets A and D bits as it would. */
    void probe(long linear, int length, int access, int seg);

    /**
     * Physical address of the instruction byte at {@code linear}, which may be cached by the caller until
     * {@link Memory#translationChanged}.
     */
    long fetch(long linear);

    /** One byte of code at a physical address that {@link #fetch} returned (plus at most the rest of its page). */
    int codeByte(long physical);

    /**
     * Some control state that accesses depend on has changed and {@link #control} was not told: CPL, EFLAGS.AC, PKRU, DR0 to
     * DR3, DR7. Cheap when nothing of it matters.
     */
    void contextChanged();

    /** Whether {@link #fetch} results may be kept at all; if not, every instruction fetches anew. */
    default boolean retainsFetches() {
        return true;
    }

    /** Where the instructions that invalidate translations go. */
    TranslationControl control();
}

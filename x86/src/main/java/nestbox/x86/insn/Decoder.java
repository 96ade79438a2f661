package nestbox.x86.insn;

import nestbox.x86.model.CpuFeatures;

/** Decodes instruction bytes by the instruction table, for one CPU model. */
public final class Decoder {
    /** Longest instruction; longer ones raise #GP(0). */
    public static final int MAX_LENGTH = 15;

    public Decoder(CpuFeatures features) {}

    /**
     * Decodes the instruction at {@code code[from]}, of which bytes up to {@code to} (exclusive) are at hand.
     *
     * <p>Bytes that are no instruction of this model give an instruction whose handler raises #UD (or #GP(0) beyond 15
     * bytes), with the length that was consumed.
     *
     * @param codeSize 16, 32 or 64
     * @return the instruction with its handler bound, or null if it needs bytes beyond {@code to} (and {@code to - from} is
     *     less than {@link #MAX_LENGTH})
     */
    public Insn decode(byte[] code, int from, int to, int codeSize) {
        throw new UnsupportedOperationException();
    }
}

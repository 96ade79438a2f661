package nestbox.x86.op.simd;

/**
 * An operation on one 128-bit half of vector registers: reads lanes {@code a}, {@code a + 1}, {@code b}, {@code b + 1} of
 * {@code v} and then writes {@code d}, {@code d + 1}. AVX applies it to each half.
 */
@FunctionalInterface
interface Half {
    void apply(long[] v, int d, int a, int b, int imm);
}

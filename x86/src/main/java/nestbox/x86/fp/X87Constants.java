package nestbox.x86.fp;

/** The constants of FLD1, FLDL2T, FLDL2E, FLDPI, FLDLG2, FLDLN2 and FLDZ, rounded as FCW.RC says; none raises #P. */
final class X87Constants {
    private static final int[] EXPONENT = {16383, 16384, 16383, 16384, 16381, 16382, 0};
    /** Significands, truncated. */
    private static final long[] SIGNIFICAND = {
        0x8000000000000000L,
        0xd49a784bcd1b8afeL,
        0xb8aa3b295c17f0bbL,
        0xc90fdaa22168c234L,
        0x9a209a84fbcff798L,
        0xb17217f7d1cf79abL,
        0
    };
    /** What truncation cut off, as a fraction of the last place in 1/256. */
    private static final int[] CUT = {0, 73, 190, 196, 143, 201, 0};

    private X87Constants() {}

    static void load(FpUnit u, int n) {
        boolean up = u.rounding == FpUnit.NEAREST ? CUT[n] > 128 : u.rounding == FpUnit.UP && CUT[n] != 0;
        Extended.result(u, EXPONENT[n], SIGNIFICAND[n] + (up ? 1 : 0));
    }
}

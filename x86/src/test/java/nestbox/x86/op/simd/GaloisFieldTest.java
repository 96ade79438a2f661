package nestbox.x86.op.simd;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** GFNI, which the processor that the vectors come from has not: facts of FIPS 197 and of the field. */
class GaloisFieldTest {
    /** The matrix that makes GF2P8AFFINEINVQB with constant 63h the S-box of AES. */
    private static final long AES_MATRIX = 0xF1E3C78F1F3E7CF8L;

    private static final long IDENTITY = 0x0102040810204080L;

    @Test
    void products() {
        assertThat(GaloisField.product(0x57, 0x83)).isEqualTo(0xc1);
        assertThat(GaloisField.product(0x57, 0x13)).isEqualTo(0xfe);
        assertThat(GaloisField.multiply(0x5700_0000_0000_0057L, 0x1300_0000_0000_0083L))
                .isEqualTo(0xfe00_0000_0000_00c1L);
    }

    @Test
    void inverses() {
        assertThat(GaloisField.inverse(0)).isZero();
        for (int x = 1; x < 256; x++) {
            assertThat(GaloisField.product(x, GaloisField.inverse(x))).isEqualTo(1);
        }
    }

    @Test
    void identityMatrixKeepsAndConstantsAreAdded() {
        assertThat(GaloisField.affine(0x0123456789abcdefL, IDENTITY, 0)).isEqualTo(0x0123456789abcdefL);
        assertThat(GaloisField.affine(0, IDENTITY, 0xa5)).isEqualTo(0xa5a5a5a5a5a5a5a5L);
        assertThat(GaloisField.affine(0x80, 0x80, 0) & 0xff)
                .as("the lowest row gives the highest bit")
                .isEqualTo(0x80);
    }

    /** S-box of 00, 01, 53, ff is 63, 7c, ed, 16 (FIPS 197, figure 7). */
    @Test
    void affineInverseIsTheSBox() {
        assertThat(GaloisField.affine(GaloisField.inverse(0xff530100L), AES_MATRIX, 0x63) & 0xffffffffL)
                .isEqualTo(0x16ed7c63L);
    }
}

package nestbox.x86.op.simd;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.InputStream;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;

/** MMX, SSE and SSE2 against vectors of a Zen 3, recorded by {@code src/test/c/ssevectors.c 7 60}. */
class SimdVectorTest {
    @Test
    void agreesWithTheProcessor() throws Exception {
        SimdVectors vectors = new SimdVectors();
        try (InputStream in = new GZIPInputStream(getClass().getResourceAsStream("/nestbox/x86/op/simd.vectors.gz"))) {
            vectors.replay(in);
        }
        assertThat(vectors.count).isGreaterThan(6000);
        assertThat(vectors.examples)
                .as("mismatches by form: %s", vectors.mismatches)
                .isEmpty();
    }
}

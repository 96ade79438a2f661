package nestbox.x86.op.simd;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;

/** SSE3 to SHA, AVX, AVX2, FMA and F16C against results recorded from a Zen 3. */
class IsaVectorTest {
    @Test
    void everyVectorGivesWhatTheProcessorGave() throws IOException {
        IsaVectors vectors = new IsaVectors();
        try (InputStream in = new BufferedInputStream(
                new GZIPInputStream(IsaVectorTest.class.getResourceAsStream("/nestbox/x86/op/isa.vectors.gz")))) {
            vectors.replay(in);
        }
        assertThat(vectors.mismatches).isEmpty();
        assertThat(vectors.forms).isGreaterThan(1500);
        assertThat(vectors.count).isGreaterThan(300_000);
    }
}

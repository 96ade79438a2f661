package nestbox.x86.op.x87;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.InputStream;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;

/** The x87 against vectors of a Zen 3, recorded by {@code src/test/c/x87vectors.c 7 40}. */
class X87VectorTest {
    @Test
    void agreesWithTheProcessor() throws Exception {
        X87Vectors vectors = new X87Vectors();
        try (InputStream in = new GZIPInputStream(getClass().getResourceAsStream("/nestbox/x86/op/x87.vectors.gz"))) {
            vectors.replay(in);
        }
        assertThat(vectors.count).isGreaterThan(3000);
        assertThat(vectors.examples)
                .as("mismatches by form: %s", vectors.mismatches)
                .isEmpty();
    }
}

package nestbox.mmu.tlb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import nestbox.core.NestboxException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RetentionPolicyTest {
    @ParameterizedTest
    @ValueSource(strings = {"keep", "none", "lru:1", "lru:2048", "seeded:0", "seeded:-5"})
    void readsBackWhatItPrints(String text) {
        assertThat(RetentionPolicy.parse("--tlb", text)).hasToString(text);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", "Keep", "keep:", "none:1", "lru", "lru:", "lru:0", "lru:-1", "lru:9999999999", "seeded:x"})
    void refusesEverythingElseNamingTheOption(String text) {
        assertThatThrownBy(() -> RetentionPolicy.parse("--tlb", text))
                .isInstanceOf(NestboxException.class)
                .hasMessageStartingWith("--tlb: '" + text + "'");
    }
}

package nestbox.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import nestbox.core.NestboxException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class QuantityTest {
    @ParameterizedTest
    @CsvSource({
        "512, 536870912",
        "4G, 4294967296",
        "4g, 4294967296",
        "64k, 65536",
        "1T, 1099511627776",
        "2GiB, 2147483648",
        "2GB, 2147483648",
        "100b, 100"
    })
    void memory(String text, long bytes) {
        assertThat(Quantity.memory("-m", text)).isEqualTo(bytes);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "G", "-1", "x", "99999999999T", "1.5G", "0"})
    void badMemory(String text) {
        assertThatThrownBy(() -> Quantity.memory("-m", text))
                .isInstanceOf(NestboxException.class)
                .hasMessageStartingWith("-m: ");
    }

    @ParameterizedTest
    @CsvSource({"12, 12", "100k, 100000", "5M, 5000000", "2G, 2000000000", "1_000, 1000"})
    void counts(String text, long count) {
        assertThat(Quantity.count("--limit", text)).isEqualTo(count);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "k", "-5", "99999999999999G", "0x"})
    void badCounts(String text) {
        assertThatThrownBy(() -> Quantity.count("--limit", text)).isInstanceOf(NestboxException.class);
    }

    @ParameterizedTest
    @CsvSource({"-3, -3", "0xffffffffffffffff, -1", "7, 7"})
    void anyNumber(String text, long value) {
        assertThat(Quantity.any("--seed", text)).isEqualTo(value);
    }
}

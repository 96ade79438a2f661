package nestbox.l0;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.inject.AbstractModule;
import com.google.inject.multibindings.OptionalBinder;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import nestbox.machine.Outcome;
import nestbox.machine.load.ImageFile;
import nestbox.modules.Nestbox;
import nestbox.modules.NestboxConfiguration;
import nestbox.testkit.scenario.Scenarios;
import nestbox.x86.insn.Asm;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The demo's L1 with two L2 guests does under L0 what it does on the bare silicon. */
class NestedGuestsTest {
    private static final String LAST_LINE = "  L1 leaves VMX operation\n";

    private static String source() throws IOException {
        try (InputStream in = NestedGuestsTest.class.getResourceAsStream("/nestbox/cli/l1.asm")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8) + Scenarios.include("vmx32");
        }
    }

    private static String run(NestboxConfiguration configuration) throws IOException {
        ByteArrayOutputStream serial = new ByteArrayOutputStream();
        Nestbox lab = Nestbox.create(configuration, new AbstractModule() {
            @Override
            protected void configure() {
                OptionalBinder.newOptionalBinder(binder(), OutputStream.class)
                        .setBinding()
                        .toInstance(serial);
            }
        });
        lab.load(new ImageFile("l1", Asm.assemble(32, 0x100000, source())), "");
        Outcome outcome = lab.run(50_000_000);
        assertThat(outcome.kind()).isEqualTo(Outcome.Kind.DEBUG_EXIT);
        return serial.toString(StandardCharsets.US_ASCII);
    }

    @Test
    void onBareSiliconBothGuestsRunToTheirEnd() throws IOException {
        assertThat(run(NestboxConfiguration.bareSilicon()))
                .contains("L2 guest 2 says 30")
                .endsWith(LAST_LINE);
    }

    @ParameterizedTest
    @ValueSource(strings = {"keep", "none", "lru:64", "seeded:7"})
    void underL0ThereIsNoDifference(String tlb) throws IOException {
        NestboxConfiguration nested = NestboxConfiguration.nested().toBuilder()
                .tlb(tlb)
                .seed(tlb.length())
                .build();
        assertThat(run(nested)).isEqualTo(run(NestboxConfiguration.bareSilicon()));
    }

    /** Without EPT of its own L0 offers none: L1 asks for it all the same, and its entry fails as on a processor without it. */
    @Test
    void shadowPagingOffersNoEpt() throws IOException {
        assertThat(run(NestboxConfiguration.nestedOnShadow())).contains("a VMX instruction failed");
    }
}

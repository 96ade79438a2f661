package nestbox.x86.insn;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Random;
import nestbox.x86.Reg;
import nestbox.x86.model.Feature;
import nestbox.x86.model.Vendor;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What holds for any bytes whatever: the decoder never throws, never reads too far, and does not depend on what follows. */
class DecoderPropertiesTest {
    private static final int SAMPLES = 60_000;

    @ParameterizedTest
    @ValueSource(ints = {16, 32, 64})
    void anyBytesDecode(int codeSize) {
        Random random = new Random(codeSize);
        Decoder intel = new Decoder(new EveryFeature(Vendor.INTEL));
        Decoder amd = new Decoder(new EveryFeature(Vendor.AMD));
        byte[] code = new byte[20];
        for (int i = 0; i < SAMPLES; i++) {
            random.nextBytes(code);
            code[0] = (i & 3) == 0 ? 0x0f : code[0];
            check((i & 1) == 0 ? intel : amd, code, codeSize);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {16, 32, 64})
    void aRefusedInstructionIsAsLongAsAnExecutedOne(int codeSize) {
        Random random = new Random(codeSize);
        Decoder all = new Decoder(new EveryFeature(Vendor.INTEL));
        Decoder none = new Decoder(DecoderTest.features(Vendor.INTEL, List.of(Feature.values())));
        byte[] code = new byte[Decoder.MAX_LENGTH];
        for (int i = 0; i < SAMPLES; i++) {
            random.nextBytes(code);
            code[0] = (i & 1) == 0 ? 0x0f : code[0];
            Insn plain = none.decode(code, 0, code.length, codeSize);
            Insn full = all.decode(code, 0, code.length, codeSize);
            assertThat(plain.length).as(full.toString()).isEqualTo(full.length);
        }
    }

    private static void check(Decoder decoder, byte[] code, int codeSize) {
        Insn in = decoder.decode(code, 2, code.length, codeSize);
        assertThat(in).isNotNull();
        assertThat(in.length).isBetween(1, Decoder.MAX_LENGTH);
        assertThat(in.handler).isNotNull();
        assertThat(in.base).isBetween(0, Reg.BLOCK_RIP);
        assertThat(in.index).isBetween(0, Reg.ZERO);
        assertThat(in.reg).isBetween(0, 15);
        assertThat(in.rm).isBetween(0, 15);
        assertThat(decoder.decode(code, 2, 2 + in.length - 1, codeSize)).isNull();
        Insn exact = decoder.decode(code, 2, 2 + in.length, codeSize);
        if (exact == null) {
            assertThat(in.length).isEqualTo(Decoder.MAX_LENGTH);
            assertThat(in.handler).isSameAs(Refusal.TOO_LONG);
        } else {
            assertThat(exact.form).isSameAs(in.form);
            assertThat(exact.length).isEqualTo(in.length);
        }
    }
}

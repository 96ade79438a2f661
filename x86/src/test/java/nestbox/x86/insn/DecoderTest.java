package nestbox.x86.insn;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HexFormat;
import java.util.List;
import nestbox.x86.Reg;
import nestbox.x86.model.CpuFeatures;
import nestbox.x86.model.Feature;
import nestbox.x86.model.Vendor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DecoderTest {
    private static final HexFormat HEX = HexFormat.of();

    private final Decoder intel = new Decoder(features(Vendor.INTEL, List.of()));
    private final Decoder amd = new Decoder(features(Vendor.AMD, List.of()));

    /** A model with every feature but those. */
    static CpuFeatures features(Vendor vendor, List<Feature> without) {
        return new CpuFeatures() {
            @Override
            public boolean has(Feature feature) {
                return !without.contains(feature);
            }

            @Override
            public Vendor vendor() {
                return vendor;
            }

            @Override
            public int physicalBits() {
                return 46;
            }

            @Override
            public int linearBits() {
                return 48;
            }

            @Override
            public int[] cpuid(int leaf, int subleaf) {
                return new int[4];
            }

            @Override
            public long msr(int index, long otherwise) {
                return otherwise;
            }
        };
    }

    private static Insn decode(Decoder decoder, int codeSize, String hex) {
        byte[] code = HEX.parseHex(hex.replace(" ", ""));
        return decoder.decode(code, 0, code.length, codeSize);
    }

    @ParameterizedTest
    @CsvSource({
        // code size, bytes, row, size, length
        "64, 01 d8, 'ADD Ev, Gv', 32, 2",
        "64, 48 01 d8, 'ADD Ev, Gv', 64, 3",
        "64, 66 01 d8, 'ADD Ev, Gv', 16, 3",
        "64, 66 48 01 d8, 'ADD Ev, Gv', 64, 4",
        "16, 01 d8, 'ADD Ev, Gv', 16, 2",
        "16, 66 01 d8, 'ADD Ev, Gv', 32, 3",
        "32, 40, 'INC Zv', 32, 1",
        "64, 90, 'NOP ', 32, 1",
        "64, 41 90, 'XCHG Zv, rAX', 32, 2",
        "64, f3 90, 'PAUSE ', 32, 2",
        "64, 55, 'PUSH Zv', 64, 1",
        "64, 66 55, 'PUSH Zv', 16, 2",
        "64, 48 b8 88 77 66 55 44 33 22 11, 'MOV Zv, Iv', 64, 10",
        "64, b8 44 33 22 11, 'MOV Zv, Iv', 32, 5",
        "64, a1 88 77 66 55 44 33 22 11, 'MOV rAX, Ov', 32, 9",
        "32, a1 44 33 22 11, 'MOV rAX, Ov', 32, 5",
        "32, ea 44 33 22 11 08 00, 'JMPF Ap', 32, 7",
        "16, ea 22 11 08 00, 'JMPF Ap', 16, 5",
        "64, 0f b6 c0, 'MOVZX Gv, Eb', 32, 3",
        "64, 0f c7 08, 'CMPXCHG8B Mq', 64, 3",
        "64, 48 0f c7 08, 'CMPXCHG16B Mdq', 128, 4",
        "64, 0f 22 c0, 'MOV Cy, Ry', 64, 3",
        "64, 0f 22 05, 'MOV Cy, Ry', 64, 3",
        "32, 0f 22 d8, 'MOV Cy, Ry', 32, 3",
        "64, c4 e2 70 f2 c2, 'ANDN Gy, By, Ey', 32, 5",
        "64, c4 e2 f0 f2 c2, 'ANDN Gy, By, Ey', 64, 5",
        "32, c4 07, 'LES Gz, Mp', 32, 2",
        "32, 62 07, 'BOUND Gv, Ma', 32, 2",
        "64, f3 0f 1e fa, 'ENDBR64 ', 32, 4",
        "64, f3 0f b8 c1, 'POPCNT Gv, Ev', 32, 4",
        "64, 66 f3 0f b8 c1, 'POPCNT Gv, Ev', 16, 5",
        "64, c8 10 00 02, 'ENTER Iw, Ib', 64, 4",
        "64, 0f 01 d8, 'VMRUN ', 32, 3",
        "64, 0f 01 c1, 'VMCALL ', 32, 3",
        "64, f3 a4, 'MOVS Yb, Xb', 8, 2",
        "64, 48 cf, 'IRET ', 64, 2",
    })
    void rowsAndSizes(int codeSize, String hex, String row, int size, int length) {
        Insn in = decode(intel, codeSize, hex);
        assertThat(in.form).as(hex).isNotNull();
        assertThat(in.form.toString()).isEqualTo(row);
        assertThat(in.size).isEqualTo(size);
        assertThat(in.length).isEqualTo(length);
    }

    @ParameterizedTest
    @CsvSource({
        "64, 06",
        "64, 82 c0 01",
        "64, f0 01 d8",
        "64, f0 89 18",
        "64, 8e c8",
        "64, 0f 01 c7",
        "64, 0f 0a",
        "64, fe d8",
        "64, c5 f8 01 c0",
        "64, 66 c4 e2 70 f2 c2",
        "64, ff f8",
        "64, 8d c0",
        "64, 62 f1 7c 48 28 c1",
        "64, c4 e2 74 f2 c2"
    })
    void undefined(int codeSize, String hex) {
        Insn in = decode(intel, codeSize, hex);
        assertThat(in.form).as(hex).isNull();
        assertThat(in.handler).isSameAs(Refusal.UNDEFINED);
    }

    @Test
    void everyPrefixOfAnInstructionNeedsMoreBytes() {
        byte[] code = HEX.parseHex("6548c784887766554444332211");
        for (int to = 0; to < code.length; to++) {
            assertThat(intel.decode(code, 0, to, 64)).as("%d bytes", to).isNull();
        }
        assertThat(intel.decode(code, 0, code.length, 64).length).isEqualTo(code.length);
    }

    @Test
    void moreThanFifteenBytesIsAGeneralProtectionFault() {
        Insn fits = decode(intel, 64, "66".repeat(14) + "90");
        assertThat(fits.length).isEqualTo(15);
        assertThat(fits.form.mnemonic()).isEqualTo("NOP");
        Insn in = decode(intel, 64, "66".repeat(15) + "90");
        assertThat(in.form).isNull();
        assertThat(in.handler).isSameAs(Refusal.TOO_LONG);
    }

    @Test
    void memoryOperands() {
        Insn in = decode(intel, 64, "4a 8b 44 a5 f0");
        assertThat(new long[] {in.base, in.index, in.scale, in.disp, in.reg}).containsExactly(Reg.RBP, 12, 2, -16, 0);
        assertThat(in.memory).isTrue();
        assertThat(in.seg).isEqualTo(Insn.FLAT);
        assertThat(in.stackSegment).isTrue();
        Insn rip = decode(intel, 64, "8b 05 10 00 00 00");
        assertThat(rip.base).isEqualTo(Reg.BLOCK_RIP);
        assertThat(rip.disp).isEqualTo(16);
        Insn fs = decode(intel, 64, "64 8b 04 25 28 00 00 00");
        assertThat(fs.seg).isEqualTo(Reg.FS);
        assertThat(fs.base).isEqualTo(Reg.ZERO);
        Insn bp = decode(intel, 16, "8b 42 fe");
        assertThat(new long[] {bp.base, bp.index, bp.disp, bp.seg}).containsExactly(Reg.RBP, Reg.RSI, -2, Reg.SS);
        Insn moffs = decode(intel, 16, "26 a1 34 92");
        assertThat(moffs.disp).isEqualTo(0x9234);
        assertThat(moffs.seg).isEqualTo(Reg.ES);
        assertThat(moffs.memory).isTrue();
    }

    @Test
    void nearBranchesWithOperandSizePrefixFollowTheVendor() {
        Insn onIntel = decode(intel, 64, "66 e8 02 00 00 00");
        assertThat(onIntel.length).isEqualTo(6);
        assertThat(onIntel.size).isEqualTo(64);
        Insn onAmd = decode(amd, 64, "66 e8 02 00 00 00");
        assertThat(onAmd.length).isEqualTo(4);
        assertThat(onAmd.size).isEqualTo(16);
    }

    @Test
    void missingFeatures() {
        Decoder old = new Decoder(features(
                Vendor.INTEL, List.of(Feature.BMI1, Feature.ABM, Feature.POPCNT, Feature.WBNOINVD, Feature.CLDEMOTE)));
        assertThat(decode(old, 64, "f3 0f bc c1").form.mnemonic()).isEqualTo("BSF");
        assertThat(decode(old, 64, "f3 0f bd c1").form.mnemonic()).isEqualTo("BSR");
        assertThat(decode(old, 64, "f3 0f 09").form.mnemonic()).isEqualTo("WBINVD");
        assertThat(decode(old, 64, "0f 1c 00").form.mnemonic()).isEqualTo("NOP");
        assertThat(decode(old, 64, "f3 0f b8 c1").form).isNull();
    }

    @Test
    void lockedMoveNamesControlRegister8OnAmdAlone() {
        assertThat(decode(amd, 32, "f0 0f 20 c0").reg).isEqualTo(8);
        assertThat(decode(intel, 32, "f0 0f 20 c0").form).isNull();
    }
}

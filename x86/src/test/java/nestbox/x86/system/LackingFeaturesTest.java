package nestbox.x86.system;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.EnumSet;
import java.util.Set;
import java.util.stream.Stream;
import nestbox.x86.Cpu;
import nestbox.x86.GuestFault;
import nestbox.x86.Reg;
import nestbox.x86.model.CpuModel;
import nestbox.x86.model.CpuModels;
import nestbox.x86.model.Feature;
import nestbox.x86.model.Vendor;
import nestbox.x86.model.XsaveComponent;
import org.assertj.core.api.SoftAssertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What a model lacks is really missing: CPUID does not show it, its instructions are #UD, its registers and control bits #GP,
 * its bits in page tables reserved. Where a feature is there, the same instruction shows that the row tests the feature and
 * nothing else. The rows and their sources: {@link FeatureRows}.
 */
class LackingFeaturesTest {
    private static final String UD = "6";
    private static final String GP = "13(0)";
    private static final int DATA = 0x7000;
    private static final int EFER = 0xc0000080;
    private static final int DEBUG_CONTROL = 0x1d9;

    /** Every model, and some without what all of them have. */
    static Stream<String> models() {
        Stream<String> less = Stream.of(
                "max,vendor=AuthenticAMD",
                "max,-nx,-pat,-mtrr,-tsc,-cx8,-cmov,-clflush",
                "max,vendor=AuthenticAMD,-nx,-mmx,-sse3,-pae,-lm,-pge",
                "Penryn-v1",
                "Haswell-noTSX-IBRS",
                "EPYC-Rome-v4",
                "EPYC-Milan-v2");
        return Stream.concat(CpuModels.names().stream(), less);
    }

    private static boolean any(CpuModel model, Feature... features) {
        return Stream.of(features).anyMatch(model::has);
    }

    /** No feature is forgotten: each is shown to be missing, or listed with the reason why nothing can show it. */
    @Test
    void everyFeatureHasARowOrAReason() {
        Set<Feature> shown = FeatureRows.shown();
        assertThat(FeatureRows.withoutFault()).doesNotHaveDuplicates().doesNotContainAnyElementsOf(shown);
        EnumSet<Feature> left = EnumSet.allOf(Feature.class);
        left.removeAll(shown);
        left.removeAll(FeatureRows.withoutFault());
        assertThat(left).isEmpty();
        assertThat(Feature.values()).hasSizeGreaterThan(230);
    }

    @ParameterizedTest
    @MethodSource("models")
    void cpuidShowsWhatTheModelHasAndNothingElse(String name) {
        CpuModel model = CpuModel.parse(name);
        SoftAssertions all = new SoftAssertions();
        for (Feature feature : Feature.values()) {
            boolean exists = Integer.compareUnsigned(feature.leaf(), model.cpuid(feature.leaf() & 1 << 31, 0)[0]) <= 0;
            int bits = exists
                    ? model.cpuid(feature.leaf(), feature.subleaf())[
                            feature.register().ordinal()]
                    : 0;
            all.assertThat((bits >>> feature.bit() & 1) != 0)
                    .as(feature.qemuName())
                    .isEqualTo(model.has(feature));
        }
        all.assertAll();
    }

    @ParameterizedTest
    @MethodSource("models")
    void instructionsAreUndefined(String name) {
        CpuModel model = CpuModel.parse(name);
        if (!model.has(Feature.LM)) {
            return;
        }
        SoftAssertions all = new SoftAssertions();
        for (FeatureRows.Instruction instruction : FeatureRows.INSTRUCTIONS) {
            SystemBench b = enabled(model);
            String result = step(b, instruction.text());
            if (model.has(instruction.feature())) {
                all.assertThat(result).as("%s: %s", name, instruction.text()).isNotEqualTo(UD);
            } else {
                all.assertThat(result).as("%s: %s", name, instruction.text()).isEqualTo(UD);
            }
        }
        all.assertAll();
    }

    /** A model in 64-bit mode with everything enabled that it has. */
    private static SystemBench enabled(CpuModel model) {
        SystemBench b = longMode(model);
        long wanted =
                Cpu.CR4_OSFXSR | Cpu.CR4_OSXMMEXCPT | Cpu.CR4_OSXSAVE | Cpu.CR4_FSGSBASE | Cpu.CR4_SMAP | Cpu.CR4_PKE;
        b.cpu.cr4 |= wanted & ControlRegisters.cr4Mask(model);
        b.cpu.xcr0 = XsaveComponent.supported(model) & 7;
        b.cpu.updateMode();
        b.cpu.r[Reg.RAX] = DATA;
        b.cpu.r[Reg.RSI] = DATA;
        b.cpu.r[Reg.RCX] = 0;
        b.cpu.r[Reg.RDX] = 2;
        return b;
    }

    /** 64-bit mode with 2-MByte pages, which every processor has. */
    private static SystemBench longMode(CpuModel model) {
        SystemBench b = SystemBench.longMode(model, 0);
        int low = SystemBench.TABLES + 0x2000;
        b.write(SystemBench.TABLES + 0x1000, 8, low | 7);
        b.write(low, 8, 0x87);
        b.cpu.mem.port().control().invalidateAll();
        return b;
    }

    private static String step(SystemBench b, String text) {
        if (!text.startsWith("x ")) {
            return b.step(text);
        }
        String[] bytes = text.substring(2).split(" ");
        for (int i = 0; i < bytes.length; i++) {
            b.write(SystemBench.CODE_AT + i, 1, Integer.parseInt(bytes[i], 16));
        }
        b.cpu.rip = SystemBench.CODE_AT;
        try {
            b.engine.step();
            return "ok";
        } catch (GuestFault f) {
            return SystemBench.text(f);
        }
    }

    @ParameterizedTest
    @MethodSource("models")
    void registersDoNotExist(String name) {
        CpuModel model = CpuModel.parse(name);
        SoftAssertions all = new SoftAssertions();
        for (FeatureRows.Register register : FeatureRows.REGISTERS) {
            if (!any(model, register.any())) {
                SystemBench b = SystemBench.real(model);
                b.cpu.r[Reg.RCX] = register.index() & 0xffffffffL;
                String expected = model.has(Feature.MSR) ? GP.replace("(0)", "") : UD;
                all.assertThat(b.step("rdmsr"))
                        .as("%s: RDMSR %x", name, register.index())
                        .startsWith(expected);
                all.assertThat(b.step("wrmsr"))
                        .as("%s: WRMSR %x", name, register.index())
                        .startsWith(expected);
            }
        }
        all.assertAll();
    }

    @ParameterizedTest
    @MethodSource("models")
    void bitsOfRegistersAreReserved(String name) {
        CpuModel model = CpuModel.parse(name);
        SoftAssertions all = new SoftAssertions();
        for (FeatureRows.RegisterBit row : FeatureRows.REGISTER_BITS) {
            // AMD has other bits in DebugCtl.
            if (row.index() != DEBUG_CONTROL || model.vendor() == Vendor.INTEL) {
                SystemBench b = SystemBench.real(model);
                b.cpu.r[Reg.RCX] = row.index();
                b.cpu.r[Reg.RAX] = 1L << row.bit();
                b.cpu.r[Reg.RDX] = 0;
                all.assertThat(b.step("wrmsr"))
                        .as("%s: MSR %x bit %d", name, row.index(), row.bit())
                        .isEqualTo(any(model, row.any()) ? "ok" : GP);
            }
        }
        if (model.has(Feature.LM)) {
            for (FeatureRows.ControlBit bit : FeatureRows.LONG_CR4) {
                SystemBench b = longMode(model);
                b.cpu.r[Reg.RAX] = b.cpu.cr4 | 1L << bit.bit();
                all.assertThat(b.step("mov cr4, rax"))
                        .as("%s: CR4 bit %d", name, bit.bit())
                        .isEqualTo(any(model, bit.any()) ? "ok" : GP);
            }
        }
        all.assertAll();
    }

    /** XGETBV with ECX = 1; MXCSR.MM, which is AMD's (APM Vol. 1, "MXCSR Register"). */
    @ParameterizedTest
    @MethodSource("models")
    void operandsAreReserved(String name) {
        CpuModel model = CpuModel.parse(name);
        if (!model.has(Feature.LM)) {
            return;
        }
        SystemBench b = enabled(model);
        b.cpu.r[Reg.RCX] = 1;
        String without = model.has(Feature.XSAVE) ? GP : UD;
        assertThat(b.step("xgetbv")).as("XGETBV(1)").isEqualTo(model.has(Feature.XGETBV1) ? "ok" : without);
        b.write(DATA, 4, 0x21f80);
        assertThat(b.step("ldmxcsr [rsi]")).as("MXCSR.MM").isEqualTo(model.has(Feature.MISALIGNSSE) ? "ok" : GP);
    }

    /** A 4-MByte page at 4 GiB and more: PDE bits 20:13 are reserved without PSE-36 (SDM Vol. 3, "32-Bit Paging"). */
    @ParameterizedTest
    @MethodSource("models")
    void wideAddressesOfLargePagesAreReserved(String name) {
        CpuModel model = CpuModel.parse(name);
        for (int bit = 13; bit <= 20; bit++) {
            SystemBench b = SystemBench.protectedMode(model);
            b.write(SystemBench.TABLES, 4, 0x83);
            b.write(SystemBench.TABLES + 4, 4, 0x83 | 1 << bit);
            b.cpu.cr3 = SystemBench.TABLES;
            b.cpu.cr4 |= Cpu.CR4_PSE;
            b.cpu.cr0 |= Cpu.CR0_PG;
            b.cpu.updateMode();
            b.cpu.mem.port().control().invalidateAll();
            b.cpu.r[Reg.RBX] = 1 << 22;
            boolean reaches = model.has(Feature.PSE36) && bit - 13 + 32 < Math.min(model.physicalBits(), 40);
            assertThat(b.step("mov ecx, [ebx]")).as("%s: PDE bit %d", name, bit).isEqualTo(reaches ? "ok" : "14(9)");
        }
    }

    @ParameterizedTest
    @MethodSource("models")
    void controlBitsAreReserved(String name) {
        CpuModel model = CpuModel.parse(name);
        SoftAssertions all = new SoftAssertions();
        for (FeatureRows.ControlBit bit : FeatureRows.CR4) {
            SystemBench b = SystemBench.real(model);
            b.cpu.r[Reg.RAX] = b.cpu.cr4 | 1L << bit.bit();
            String result = b.step("mov cr4, eax");
            all.assertThat(result.equals("ok"))
                    .as("%s: CR4 bit %d", name, bit.bit())
                    .isEqualTo(any(model, bit.any()));
        }
        for (FeatureRows.ControlBit bit : FeatureRows.EFER_BITS) {
            SystemBench b = SystemBench.real(model);
            b.cpu.r[Reg.RCX] = EFER & 0xffffffffL;
            b.cpu.r[Reg.RAX] = 1L << bit.bit();
            b.cpu.r[Reg.RDX] = 0;
            // EFER.SVME comes with the SVM room, which is not plugged in here.
            boolean has = any(model, bit.any()) && bit.bit() != 12;
            all.assertThat(b.step("wrmsr").equals("ok"))
                    .as("%s: EFER bit %d", name, bit.bit())
                    .isEqualTo(has);
        }
        if (model.has(Feature.XSAVE) && model.has(Feature.LM)) {
            for (int bit = 2; bit < 63; bit++) {
                SystemBench b = enabled(model);
                XsaveComponent component = XsaveComponent.ofBit(bit);
                boolean has = component != null && (XsaveComponent.supported(model) >>> bit & 1) != 0;
                b.cpu.r[Reg.RCX] = 0;
                b.cpu.r[Reg.RAX] = (3 | 1L << bit) & 0xffffffffL;
                b.cpu.r[Reg.RDX] = 1L << bit >>> 32;
                all.assertThat(b.step("xsetbv"))
                        .as("%s: XCR0 bit %d", name, bit)
                        .isEqualTo(has ? "ok" : GP);
            }
        }
        all.assertAll();
    }

    @ParameterizedTest
    @MethodSource("models")
    void bitsOfPageTablesAreReserved(String name) {
        CpuModel model = CpuModel.parse(name);
        if (!model.has(Feature.LM)) {
            return;
        }
        SoftAssertions all = new SoftAssertions();
        String reserved = "14(9)";
        all.assertThat(load(model, 1L << 30, 0x83, 0))
                .as("%s: 1-GByte page", name)
                .isEqualTo(model.has(Feature.PDPE1GB) ? "ok" : reserved);
        all.assertThat(load(model, 1L << 63, 0x83, 1))
                .as("%s: bit 63 without EFER.NXE", name)
                .isEqualTo(reserved);
        for (int bit = 32; bit < 52; bit++) {
            all.assertThat(load(model, 1L << bit, 0x83, 1))
                    .as("%s: address bit %d", name, bit)
                    .isEqualTo(bit < model.physicalBits() ? "ok" : reserved);
        }
        SystemBench b = longMode(model);
        b.cpu.r[Reg.RBX] = 1L << 47;
        all.assertThat(b.step("mov rcx, [rbx]"))
                .as("%s: linear address of 48 bits", name)
                .isEqualTo(GP);
        all.assertAll();
    }

    /** Loads from linear address 40000000h, which a PDPTE (depth 0) or a PDE (depth 1) with {@code extra} maps. */
    private static String load(CpuModel model, long extra, int flags, int depth) {
        SystemBench b = longMode(model);
        int high = SystemBench.TABLES + 0x3000;
        b.write(SystemBench.TABLES + 0x1008, 8, depth == 0 ? extra | flags : high | 7);
        b.write(high, 8, extra | flags);
        b.cpu.mem.port().control().invalidateAll();
        b.cpu.r[Reg.RBX] = 1L << 30;
        return b.step("mov rcx, [rbx]");
    }

    /**
     * AMD: a null selector keeps the base without NullSelectClearsBase (APM Vol. 3, "CPUID Fn8000_0021"), FXSAVE leaves the
     * pointers of the last x87 instruction out without XSAVEERPTR (APM Vol. 3, "FXSAVE"). Intel does both on every model.
     */
    @ParameterizedTest
    @MethodSource("models")
    void whatIsKeptIsTheVendors(String name) {
        CpuModel model = CpuModel.parse(name);
        if (!model.has(Feature.LM)) {
            return;
        }
        boolean intel = model.vendor() == Vendor.INTEL;
        SystemBench b = enabled(model);
        b.cpu.base[Reg.FS] = 0x12345;
        b.cpu.r[Reg.RAX] = 0;
        b.step("mov fs, ax");
        assertThat(b.cpu.base[Reg.FS] == 0).as("base").isEqualTo(intel || model.has(Feature.NULL_SEL_CLR_BASE));
        b.step("fninit");
        b.step("fld1");
        b.step("fxsave [rsi]");
        assertThat(b.read(DATA + 8, 4) != 0).as("pointer").isEqualTo(intel || model.has(Feature.XSAVEERPTR));
    }

    /** Instructions that a lacking feature turns into another one. */
    @ParameterizedTest
    @MethodSource("models")
    void prefixesFallBack(String name) {
        CpuModel model = CpuModel.parse(name);
        if (!model.has(Feature.LM)) {
            return;
        }
        SystemBench b = enabled(model);
        b.cpu.r[Reg.RCX] = 2;
        b.step("lzcnt eax, ecx");
        assertThat(b.cpu.r[Reg.RAX]).as("LZCNT or BSR").isEqualTo(model.has(Feature.ABM) ? 30 : 1);
        b.cpu.r[Reg.RCX] = 0;
        b.cpu.r[Reg.RAX] = 77;
        b.step("tzcnt eax, ecx");
        assertThat(b.cpu.r[Reg.RAX] == 32).as("TZCNT or BSF").isEqualTo(model.has(Feature.BMI1));
        assertThat(model.vendor()).isIn(Vendor.INTEL, Vendor.AMD);
    }
}

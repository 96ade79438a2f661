package nestbox.x86.system;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
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
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What a model lacks is really missing: CPUID does not show it, its instructions are #UD, its registers and control bits #GP,
 * its bits in page tables reserved. Where a feature is there, the same instruction shows that the row tests the feature and
 * nothing else. Rows are from the CPUID paragraphs of each instruction (SDM Vol. 2, APM Vol. 3) and the chapters on control
 * registers (SDM Vol. 3, "Control Registers", "Extended Control Registers", APM Vol. 2, "Extended Feature Enable Register").
 */
class LackingFeaturesTest {
    private static final String UD = "6";
    private static final String GP = "13(0)";
    private static final int DATA = 0x7000;
    private static final int EFER = 0xc0000080;

    /** An instruction, in assembly or (with a leading x) in hexadecimal, and the feature without which it is #UD. */
    private record Instruction(Feature feature, String text) {}

    private static final List<Instruction> INSTRUCTIONS = instructions("""
            cmov           | cmovz eax, ecx
            cx8            | cmpxchg8b [rsi]
            cx16           | cmpxchg16b [rsi]
            mmx            | paddb mm0, mm1
            sse            | addps xmm0, xmm1
            sse2           | addpd xmm0, xmm1
            pni            | haddps xmm0, xmm1
            ssse3          | pshufb xmm0, xmm1
            sse4.1         | pmulld xmm0, xmm1
            sse4.2         | pcmpgtq xmm0, xmm1
            sse4a          | extrq xmm0, xmm1
            popcnt         | popcnt eax, ecx
            movbe          | movbe eax, [rsi]
            aes            | aesenc xmm0, xmm1
            pclmulqdq      | pclmulqdq xmm0, xmm1, 0
            sha-ni         | sha1msg1 xmm0, xmm1
            gfni           | gf2p8mulb xmm0, xmm1
            xsave          | xgetbv
            xsaveopt       | xsaveopt [rsi]
            xsavec         | xsavec [rsi]
            xsaves         | xsaves [rsi]
            avx            | vaddps xmm0, xmm1, xmm2
            avx2           | vpaddb ymm0, ymm1, ymm2
            fma            | vfmadd132ps xmm0, xmm1, xmm2
            f16c           | vcvtph2ps xmm0, xmm1
            vaes           | vaesenc ymm0, ymm1, ymm2
            vpclmulqdq     | vpclmulqdq ymm0, ymm1, ymm2, 0
            bmi1           | andn eax, ecx, edx
            bmi2           | mulx eax, ecx, edx
            adx            | adcx eax, ecx
            rdrand         | rdrand eax
            rdseed         | rdseed eax
            rdpid          | rdpid rax
            rdtscp         | rdtscp
            fsgsbase       | rdfsbase rax
            smap           | clac
            syscall        | syscall
            lahf-lm        | lahf
            clflush        | clflush [rsi]
            clflushopt     | clflushopt [rsi]
            clwb           | clwb [rsi]
            movdiri        | movdiri [rsi], eax
            movdir64b      | movdir64b rsi, [rsi]
            serialize      | serialize
            pku            | rdpkru
            invpcid        | invpcid rdx, [rsi]
            rdpru          | rdpru
            3dnow          | x 0f 0f c1 9e
            xop            | x 8f e9 78 81 c1
            fma4           | x c4 e3 71 69 c2 30
            tbm            | x 8f e9 78 01 c9
            lwp            | x 8f e9 78 12 c0
            avx512f        | x 62 f1 74 48 58 c2
            avx512bw       | x 62 f1 75 48 fc c2
            avx-vnni       | x c4 e2 71 50 c2
            avx-ifma       | x c4 e2 f1 b4 c2
            avx-vnni-int8  | x c4 e2 73 50 c2
            avx-vnni-int16 | x c4 e2 72 d2 c2
            avx-ne-convert | x c4 e2 7a b1 06
            cmpccxadd      | x c4 e2 71 e0 06
            sha512         | x c4 e2 7f cc c1
            sm3            | x c4 e2 70 da c2
            sm4            | x c4 e2 72 da c2
            amx-tile       | x c4 e2 78 49 c0
            rtm            | x c7 f8 00 00 00 00
            sgx            | x 0f 01 d7
            lkgs           | x f2 0f 00 f0
            smx            | x 0f 37
            """);

    /** A model-specific register and the features any of which brings it. */
    private record Register(int index, Feature... any) {}

    private static final List<Register> REGISTERS = List.of(
            new Register(0x10, Feature.TSC),
            new Register(0x3b, Feature.TSC_ADJUST),
            new Register(
                    0x48,
                    Feature.SPEC_CTRL,
                    Feature.STIBP,
                    Feature.SSBD,
                    Feature.AMD_IBRS,
                    Feature.AMD_STIBP,
                    Feature.AMD_SSBD),
            new Register(0xcf, Feature.CORE_CAPABILITY),
            new Register(0xe1, Feature.WAITPKG),
            new Register(0xfe, Feature.MTRR),
            new Register(0x10a, Feature.ARCH_CAPABILITIES),
            new Register(0x10b, Feature.FLUSH_L1D),
            new Register(0x122, Feature.RTM),
            new Register(0x174, Feature.SEP),
            new Register(0x1c4, Feature.XFD),
            new Register(0x277, Feature.PAT),
            new Register(0x480, Feature.VMX),
            new Register(0x570, Feature.INTEL_PT),
            new Register(0x6a0, Feature.SHSTK, Feature.IBT),
            new Register(0x6a4, Feature.SHSTK),
            new Register(0x6e0, Feature.TSC_DEADLINE),
            new Register(0x6e1, Feature.PKS),
            new Register(0xd90, Feature.MPX),
            new Register(0xda0, Feature.XSAVES),
            new Register(0xc0000081, Feature.SYSCALL),
            new Register(0xc0000102, Feature.LM),
            new Register(0xc0000103, Feature.RDTSCP, Feature.RDPID),
            new Register(0xc0010117, Feature.SVM));

    /** A bit of a control register and the features any of which brings it. */
    private record ControlBit(int bit, Feature... any) {}

    private static final List<ControlBit> CR4 = List.of(
            new ControlBit(0, Feature.VME),
            new ControlBit(3, Feature.DE),
            new ControlBit(4, Feature.PSE),
            new ControlBit(6, Feature.MCE),
            new ControlBit(7, Feature.PGE),
            new ControlBit(9, Feature.FXSR),
            new ControlBit(10, Feature.SSE),
            new ControlBit(11, Feature.UMIP),
            new ControlBit(12, Feature.LA57),
            new ControlBit(13, Feature.VMX),
            new ControlBit(14, Feature.SMX),
            new ControlBit(16, Feature.FSGSBASE),
            new ControlBit(18, Feature.XSAVE),
            new ControlBit(20, Feature.SMEP),
            new ControlBit(21, Feature.SMAP),
            new ControlBit(22, Feature.PKU),
            new ControlBit(24, Feature.PKS),
            new ControlBit(28, Feature.LAM));

    private static final List<ControlBit> EFER_BITS = List.of(
            new ControlBit(0, Feature.SYSCALL),
            new ControlBit(11, Feature.NX),
            new ControlBit(12, Feature.SVM),
            new ControlBit(14, Feature.FXSR_OPT),
            new ControlBit(15, Feature.TCE),
            new ControlBit(21, Feature.AUTO_IBRS));

    private static List<Instruction> instructions(String table) {
        List<Instruction> list = new ArrayList<>();
        for (String line : table.split("\n")) {
            String[] parts = line.split("\\|");
            Feature feature = Feature.byName(parts[0].trim());
            assertThat(feature).as(line).isNotNull();
            list.add(new Instruction(feature, parts[1].trim()));
        }
        return list;
    }

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
        for (Instruction instruction : INSTRUCTIONS) {
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
        for (Register register : REGISTERS) {
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
    void controlBitsAreReserved(String name) {
        CpuModel model = CpuModel.parse(name);
        SoftAssertions all = new SoftAssertions();
        for (ControlBit bit : CR4) {
            SystemBench b = SystemBench.real(model);
            b.cpu.r[Reg.RAX] = b.cpu.cr4 | 1L << bit.bit();
            String result = b.step("mov cr4, eax");
            all.assertThat(result.equals("ok"))
                    .as("%s: CR4 bit %d", name, bit.bit())
                    .isEqualTo(any(model, bit.any()));
        }
        for (ControlBit bit : EFER_BITS) {
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

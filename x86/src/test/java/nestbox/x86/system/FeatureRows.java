package nestbox.x86.system;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import nestbox.x86.model.Feature;

/**
 * How each CPUID feature is seen to be missing: an instruction that is #UD, a register, a bit of a register. Rows are from the
 * CPUID paragraphs of each instruction (SDM Vol. 2, APM Vol. 3) and the chapters on control registers (SDM Vol. 3, "Control
 * Registers", "Extended Control Registers", APM Vol. 2, "Extended Feature Enable Register"), registers from SDM Vol. 4 and
 * APM Vol. 2, "MSR Cross-Reference". Features without a row stand with the reason in {@link #NO_FAULT}.
 */
final class FeatureRows {
    /** An instruction, in assembly or (with a leading x) in hexadecimal, and the feature without which it is #UD. */
    record Instruction(Feature feature, String text) {}

    static final List<Instruction> INSTRUCTIONS = instructions("""
            cmov           | cmovz eax, ecx
            msr            | rdmsr
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
            monitor        | monitor
            mwaitx         | x 0f 01 fb
            clzero         | x 0f 01 fc
            invlpgb        | x 0f 01 ff
            skinit         | x 0f 01 de
            cr8legacy      | x f0 0f 20 c0
            3dnowext       | x 0f 0f c1 8e
            waitpkg        | x f3 0f ae f0
            tsx-ldtrk      | x f2 0f 01 e8
            wrmsrns        | x 0f 01 c6
            fred           | x f2 0f 01 ca
            avx512dq       | x 62 f2 f5 48 40 c2
            avx512ifma     | x 62 f2 f5 48 b4 c2
            avx512pf       | x 62 f2 7d 49 c6 0c 0e
            avx512er       | x 62 f2 7d 48 c8 c1
            avx512cd       | x 62 f2 7d 48 c4 c1
            avx512vl       | x 62 f1 74 08 58 c2
            avx512vbmi     | x 62 f2 75 48 8d c2
            avx512vbmi2    | x 62 f2 7d 48 63 c1
            avx512vnni     | x 62 f2 75 48 50 c2
            avx512bitalg   | x 62 f2 7d 48 54 c1
            avx512-vpopcntdq | x 62 f2 7d 48 55 c1
            avx512-4vnniw  | x 62 f2 77 48 52 06
            avx512-4fmaps  | x 62 f2 77 48 9a 06
            avx512-vp2intersect | x 62 f2 77 48 68 c2
            avx512-bf16    | x 62 f2 77 48 72 c2
            avx512-fp16    | x 62 f5 74 48 58 c2
            avx10          | x 62 f1 74 28 58 c2
            avx10-128      | x 62 f1 74 08 58 c2
            avx10-256      | x 62 f1 74 28 58 c2
            avx10-512      | x 62 f1 74 48 58 c2
            amx-int8       | x c4 e2 73 5e c2
            amx-bf16       | x c4 e2 72 5c c2
            amx-fp16       | x c4 e2 73 5c c2
            amx-complex    | x c4 e2 71 6c c2
            """);

    /** A model-specific register and the features any of which brings it. */
    record Register(int index, Feature... any) {}

    static final List<Register> REGISTERS = List.of(
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
            new Register(0xc0010117, Feature.SVM),
            new Register(0x49, Feature.SPEC_CTRL, Feature.IBPB),
            new Register(0x8c, Feature.SGXLC),
            new Register(0x179, Feature.MCA),
            new Register(0x199, Feature.EST),
            new Register(0x19a, Feature.ACPI),
            new Register(0x1f8, Feature.DCA),
            new Register(0x345, Feature.PDCM),
            new Register(0x600, Feature.DS),
            new Register(0x14ce, Feature.ARCH_LBR),
            new Register(0xc0000300, Feature.PERFMON_V2),
            new Register(0xc0010074, Feature.WDT),
            new Register(0xc001011b, Feature.AVIC),
            new Register(0xc001011f, Feature.VIRT_SSBD),
            new Register(0xc0010140, Feature.OSVW),
            new Register(0xc0010200, Feature.PERFCTR_CORE),
            new Register(0xc0010240, Feature.PERFCTR_NB),
            new Register(0xc0011030, Feature.IBS));

    /** A bit of a control register and the features any of which brings it. */
    record ControlBit(int bit, Feature... any) {}

    /** Tried in real mode. */
    static final List<ControlBit> CR4 = List.of(
            new ControlBit(0, Feature.VME),
            new ControlBit(3, Feature.DE),
            new ControlBit(4, Feature.PSE),
            new ControlBit(5, Feature.PAE),
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

    static final List<ControlBit> EFER_BITS = List.of(
            new ControlBit(0, Feature.SYSCALL),
            new ControlBit(11, Feature.NX),
            new ControlBit(12, Feature.SVM),
            new ControlBit(14, Feature.FXSR_OPT),
            new ControlBit(15, Feature.TCE),
            new ControlBit(20, Feature.AMD_UPPER_ADDR_IGNORE),
            new ControlBit(21, Feature.AUTO_IBRS));

    /** CR4, tried in 64-bit mode with CR0.WP. */
    static final List<ControlBit> LONG_CR4 = List.of(
            new ControlBit(17, Feature.PCID),
            new ControlBit(23, Feature.SHSTK, Feature.IBT),
            new ControlBit(32, Feature.FRED));

    /** A bit of a register that may be there without it. */
    record RegisterBit(int index, int bit, Feature... any) {}

    static final List<RegisterBit> REGISTER_BITS = List.of(
            new RegisterBit(0x48, 3, Feature.IPRED_CTRL),
            new RegisterBit(0x48, 5, Feature.RRSBA_CTRL),
            new RegisterBit(0x48, 7, Feature.INTEL_PSFD, Feature.AMD_PSFD),
            new RegisterBit(0x48, 8, Feature.DDPD_U),
            new RegisterBit(0x48, 10, Feature.BHI_CTRL),
            new RegisterBit(0x49, 7, Feature.SBPB),
            new RegisterBit(0x1d9, 2, Feature.BUS_LOCK_DETECT),
            new RegisterBit(0x1d9, 7, Feature.DS),
            new RegisterBit(0x1d9, 9, Feature.DS_CPL));

    /** Tests of {@link LackingFeaturesTest} that need more than a row. */
    static final Set<Feature> TESTED_APART = EnumSet.of(
            Feature.NX,
            Feature.PDPE1GB,
            Feature.PSE36,
            Feature.LA57,
            Feature.ABM,
            Feature.BMI1,
            Feature.XGETBV1,
            Feature.MISALIGNSSE,
            Feature.NULL_SEL_CLR_BASE,
            Feature.XSAVEERPTR);

    /** Features that have no row, and why. */
    static final List<String> NO_FAULT = List.of(
            "the instruction stays, without its speed: erms fsrm fzrm fsrs fsrc wbnoinvd",
            "a hint, else NOP or an ignored prefix: hle cldemote prefetchiti prefetchi 3dnowprefetch",
            "every model has SSE, which brings the same instructions: mmxext",
            "every model has it: fpu",
            "the local APIC is the machine's, whose ApicModeTest goes through all models: apic x2apic extapic",
            "the room svm goes through all models, LackingSvmFeaturesTest: npt lbrv svm-lock nrip-save tsc-scale vmcb-clean flushbyasid"
                    + " decodeassists pause-filter pfthreshold v-vmsave-vmload vgif gmet v-spec-ctrl x2avic tlbictl vnmi"
                    + " svme-addr-chk",
            "says how it is built, clocked or cooled: ss ht tm tm2 pbe dtes64 cid xtpr arat mp cmp-legacy topoext nodeid-msr"
                    + " invtsc hypervisor",
            "says what errors it has or survives: overflow-recov succor md-clear mcdt-no stibp-always-on amd-no-ssb"
                    + " no-nested-data-bp fs-gs-base-ns lfence-always-serializing no-smm-ctl-msr ibpb-brtype srso-no"
                    + " srso-user-kernel-no");

    private FeatureRows() {}

    /** The features of {@link #NO_FAULT}. */
    static List<Feature> withoutFault() {
        return NO_FAULT.stream()
                .flatMap(
                        line -> Stream.of(line.substring(line.indexOf(": ") + 2).split(" ")))
                .map(FeatureRows::feature)
                .toList();
    }

    /** Every feature that some row or test shows to be missing. */
    static Set<Feature> shown() {
        Set<Feature> all = EnumSet.copyOf(TESTED_APART);
        INSTRUCTIONS.forEach(row -> all.add(row.feature()));
        REGISTERS.forEach(row -> all.addAll(List.of(row.any())));
        Stream.of(CR4, LONG_CR4, EFER_BITS).flatMap(List::stream).forEach(row -> all.addAll(List.of(row.any())));
        REGISTER_BITS.forEach(row -> all.addAll(List.of(row.any())));
        return all;
    }

    private static Feature feature(String name) {
        Feature feature = Feature.byName(name);
        assertThat(feature).as(name).isNotNull();
        return feature;
    }

    private static List<Instruction> instructions(String table) {
        List<Instruction> list = new ArrayList<>();
        for (String line : table.split("\n")) {
            String[] parts = line.split("\\|");
            list.add(new Instruction(feature(parts[0].trim()), parts[1].trim()));
        }
        return list;
    }
}

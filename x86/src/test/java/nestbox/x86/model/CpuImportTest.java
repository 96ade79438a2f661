package nestbox.x86.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import nestbox.core.NestboxException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Models from a user's file. {@code zen3.cpuid-r.txt} was taken on an EPYC under a hypervisor; {@code haswell.instlatx64.txt}
 * is QEMU's Haswell in the layout of InstLatX64, with two processors and the VMX registers of a Core i5 M520;
 * {@code m520.vmxcap.txt} is what vmxcap makes of the same registers.
 */
class CpuImportTest {
    @TempDir
    Path directory;

    private static String resource(String name) {
        try {
            return Path.of(CpuImportTest.class.getResource("import/" + name).toURI())
                    .toString();
        } catch (URISyntaxException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void dumpOfCpuidR() {
        CpuModel model = CpuModel.parse("@" + resource("zen3.cpuid-r.txt"));
        assertThat(model.vendor()).isEqualTo(Vendor.AMD);
        assertThat(List.of(model.family(), model.model(), model.stepping())).containsExactly(25, 1, 1);
        assertThat(model.brand()).isEqualTo("AMD EPYC");
        assertThat(model.physicalBits()).isEqualTo(48);
        assertThat(model.features())
                .contains(Feature.AVX2, Feature.SHA_NI, Feature.VAES, Feature.HYPERVISOR)
                .doesNotContain(Feature.SVM, Feature.LA57, Feature.PKU, Feature.HT);
        assertThat(model.cpuid(0, 0)[0]).isEqualTo(0xd);
        // L2: the bits above are about sharing and are the machine's.
        assertThat(model.cpuid(0x8000001d, 2)).containsExactly(0x143, 0x1c0003f, 0x3ff, 2);
    }

    @Test
    void dumpOfInstLatX64() {
        CpuModel model = CpuModel.parse(resource("haswell.instlatx64.txt"));
        assertThat(List.of(model.family(), model.model(), model.stepping())).containsExactly(6, 60, 4);
        assertThat(model.features()).contains(Feature.VMX, Feature.AVX2, Feature.SYSCALL, Feature.LM);
        assertThat(model.cpuid(4, 2)).containsExactly(0x143, 0x3c0003f, 0xfff, 1);
        assertThat(model.msr(0x8b, 0)).isEqualTo(0x28_00000000L);
        assertThat(model.vmxMsrs()).containsEntry(0x48c, 0xf01_06114141L).doesNotContainKey(0x1b);
        assertThat(CpuImport.read(resource("haswell.instlatx64.txt"), null).notes())
                .contains("leaf 00000001.0 ECX bit 11 is not known", "1 model-specific registers are not used");
    }

    @Test
    void aPatchGoesOnTop() {
        CpuModel model =
                CpuModel.parse("@" + resource("haswell.instlatx64.txt") + ",-avx2,+la57,phys-bits=36,model-id=Mine");
        assertThat(model.has(Feature.AVX2)).isFalse();
        assertThat(model.linearBits()).isEqualTo(57);
        assertThat(model.physicalBits()).isEqualTo(36);
        assertThat(model.brand()).isEqualTo("Mine");
    }

    @Test
    void textOfVmxcapSaysWhatTheRegistersSay() {
        CpuModel fromText = CpuModel.parse("Haswell,vmxcap=" + resource("m520.vmxcap.txt"));
        CpuModel fromDump = CpuModel.parse(resource("haswell.instlatx64.txt"));
        for (int whole : new int[] {0x480, 0x485, 0x48c}) {
            assertThat(fromText.vmxMsrs().get(whole))
                    .isEqualTo(fromDump.vmxMsrs().get(whole));
        }
        // Of the controls the text has the bits that have a name.
        for (int control : new int[] {0x481, 0x482, 0x483, 0x484, 0x48b, 0x48d, 0x48e, 0x48f, 0x490}) {
            long text = fromText.vmxMsrs().get(control);
            assertThat(text & ~fromDump.vmxMsrs().get(control))
                    .as("%x", control)
                    .isZero();
        }
        assertThat(fromText.vmxMsrs().get(0x48e) >>> 32 & 0x8000_0000L).isNotZero();
        assertThat(fromText.family()).isEqualTo(6);
        CpuModel alone = CpuModel.parse("@" + resource("m520.vmxcap.txt"));
        assertThat(alone.vendor()).isEqualTo(Vendor.INTEL);
        assertThat(alone.features()).isEqualTo(CpuModel.parse("max").features());
    }

    @ParameterizedTest
    @ValueSource(strings = {"zen3.cpuid-r.txt", "haswell.instlatx64.txt", "m520.vmxcap.txt"})
    void aWrittenModelReadsBackTheSame(String name) throws IOException {
        CpuModel model = CpuModel.parse(resource(name));
        Path file = directory.resolve("written.cpu");
        Files.write(file, CpuModelText.lines(model));
        CpuModel again = CpuModel.parse(file.toString());
        assertThat(again.name()).isEqualTo(model.name());
        assertThat(again.declaredFeatures()).isEqualTo(model.declaredFeatures());
        assertThat(again.vmxMsrs()).isEqualTo(model.vmxMsrs());
        for (int first : new int[] {0, 0x80000000}) {
            for (int leaf = first; leaf <= first + 0x24; leaf++) {
                for (int subleaf = 0; subleaf < 20; subleaf++) {
                    assertThat(again.cpuid(leaf, subleaf))
                            .as("%x.%x", leaf, subleaf)
                            .isEqualTo(model.cpuid(leaf, subleaf));
                }
            }
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "0x00000001 0x00: eax=0x1 ebx=0x2 ecx=0x3             | line 2: edx: ''",
                "0x00000001 0x00: eax=0x1 ebx=0xg ecx=0x3 edx=0x4     | line 2: ebx: 'g'",
                "0x00000001 0x00: eax=0x123456789 ebx=0x2 ecx=0 edx=0 | line 2: eax: '123456789'",
                "0x00000001 0x00: ebx=0x1 eax=0x2 ecx=0x3 edx=0x4     | line 2: eax: 'ebx=0x1'",
                "0x0000000z 0x00: eax=0x1 ebx=0x2 ecx=0x3 edx=0x4     | line 2: leaf: '0000000z'",
                "0x00000001 0xq: eax=0x1 ebx=0x2 ecx=0x3 edx=0x4      | line 2: subleaf: 'q'",
                "0x00000001 eax=0x1 ebx=0x2 ecx=0x3 edx=0x4           | line 2: leaf: '0x00000001 eax",
                "CPUID 00000001: 1-2-3                                | line 2: edx: ''",
                "CPUID 00000001: 1-2-3-4-5                            | line 2: end of line: '5'",
                "CPUID 0000000G: 1-2-3-4                              | line 2: leaf: '0000000G'",
                "CPUID 00000004: 1-2-3-4 [SL x]                       | line 2: subleaf: 'x'",
                "CPUID 00000004 1-2-3-4                               | line 2: leaf: 'CPUID 00000004 1-2-3-4'",
                "MSR 0000001B: 0000-FEE0-0900                         | line 2: value: '0000-FEE0-0900'",
                "MSR 1G: 0000-0000-FEE0-0900                          | line 2: MSR: '1G'",
            })
    void malformedLinesOfDumps(String line, String message) throws IOException {
        Path file = directory.resolve("bad.txt");
        Files.write(file, List.of("CPUID 00000000: 0000000D-756E6547-6C65746E-49656E69", line));
        assertThatThrownBy(() -> CpuModel.parse("@" + file))
                .isInstanceOf(NestboxException.class)
                .hasMessageStartingWith(file + ": " + message);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "'  Enable EPT                               perhaps' | line 3: Enable EPT: 'perhaps'",
                "'  Enable EPT'                                       | line 3: Enable EPT: ''",
            })
    void malformedLinesOfVmxcap(String line, String message) throws IOException {
        Path file = directory.resolve("bad.txt");
        Files.write(file, List.of("pin-based controls", "secondary processor-based controls", line));
        assertThatThrownBy(() -> CpuModel.parse("@" + file))
                .isInstanceOf(NestboxException.class)
                .hasMessageStartingWith(file + ": " + message);
        Files.write(file, List.of("pin-based controls", "  Beam me up     yes", "secret controls", "  X     yes"));
        assertThat(CpuImport.read("@" + file, null).notes())
                .containsExactly("line 2: Beam me up", "line 3: secret controls", "line 4: X     yes");
    }

    @Test
    void filesThatAreNoModels() throws IOException {
        assertThatThrownBy(() -> CpuModel.parse("@" + directory.resolve("missing")))
                .isInstanceOf(NestboxException.class)
                .hasMessageContaining("no such file");
        Path text = Files.writeString(directory.resolve("letter.txt"), "Dear Sir\n");
        assertThatThrownBy(() -> CpuModel.parse(text.toString()))
                .isInstanceOf(NestboxException.class)
                .hasMessageContaining("neither a model's data file nor a dump");
        Path binary = Files.write(directory.resolve("binary.txt"), new byte[] {0, -1, 7, '\n', -128});
        assertThatThrownBy(() -> CpuModel.parse(binary.toString())).isInstanceOf(NestboxException.class);
        Path short1 = Files.writeString(directory.resolve("short.txt"), "CPUID 00000000: 0-0-0-0\n");
        assertThatThrownBy(() -> CpuModel.parse(short1.toString())).hasMessageContaining("00000001 are missing");
        Path other =
                Files.writeString(directory.resolve("other.txt"), "CPUID 00000000: 0-1-2-3\nCPUID 00000001: 0-0-0-0\n");
        assertThatThrownBy(() -> CpuModel.parse(other.toString())).hasMessageContaining("neither GenuineIntel nor");
        assertThatThrownBy(() -> CpuModel.parse("max,vmxcap=" + text)).hasMessageContaining("not the text of vmxcap");
    }

    /** What {@code vmxcap=} takes has no notes to say what is missing: a text that was cut or hurt is refused. */
    @Test
    void damagedTextsOfVmxcap() throws IOException {
        String whole = Files.readString(Path.of(resource("m520.vmxcap.txt")));
        Path file = directory.resolve("cut.txt");
        Files.writeString(file, whole.substring(0, whole.indexOf("VM-Entry controls")));
        assertThatThrownBy(() -> CpuModel.parse("Haswell,vmxcap=" + file))
                .isInstanceOf(NestboxException.class)
                .hasMessageContaining("'VM-Entry controls' is missing");
        Files.writeString(file, whole.substring(0, whole.indexOf("MSR bitmaps") + 3));
        assertThatThrownBy(() -> CpuModel.parse("Haswell,vmxcap=" + file))
                .hasMessageContaining("line 29: Use: 'MSR' is none of yes, no, default, forced");
        Files.writeString(file, whole.replaceFirst("Hex: 0x", "Hex: Ox"));
        assertThatThrownBy(() -> CpuModel.parse("Haswell,vmxcap=" + file))
                .hasMessageContaining("line 2: Hex: 'Oxda04000000000f' is no hexadecimal number");
        Files.writeString(file, "Dear Sir\n");
        assertThatThrownBy(() -> CpuModel.parse("Haswell,vmxcap=" + file))
                .hasMessageContaining("neither a line 'Basic VMX Information' nor 'pin-based controls'");
    }

    /** A dump without VMX registers borrows those of the model with its family and number. */
    @Test
    void vmxIsBorrowedAndSaid() throws IOException {
        String text = Files.readString(Path.of(resource("haswell.instlatx64.txt")), StandardCharsets.ISO_8859_1);
        Path file = Files.writeString(directory.resolve("haswell.txt"), text.replaceAll("MSR 000004[89].*", ""));
        CpuImport read = CpuImport.read(file.toString(), null);
        assertThat(read.notes()).anySatisfy(note -> assertThat(note).contains("those of Haswell are taken"));
        assertThat(read.builder().build().vmxCapabilities())
                .isEqualTo(CpuModel.parse("Haswell").vmxCapabilities());
    }
}

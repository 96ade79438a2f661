package nestbox.svm.silicon;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.function.BiFunction;
import java.util.stream.Stream;
import nestbox.mmu.tlb.RetentionPolicy;
import nestbox.svm.Lab;
import nestbox.svm.capability.SvmCapability;
import nestbox.svm.vmcb.ExitCode;
import nestbox.svm.vmcb.VmcbField;
import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import nestbox.x86.model.CpuModel;
import nestbox.x86.model.CpuModels;
import nestbox.x86.model.Feature;
import nestbox.x86.model.Vendor;
import org.assertj.core.api.SoftAssertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Of leaf 8000000Ah what a model lacks is really missing, and what it has is there: one guest a feature, on every AMD model.
 * Rows are from APM Vol. 2, "Secure Virtual Machine", the sections of the features.
 */
class LackingSvmFeaturesTest {
    private static final int PAUSE = 0x77;
    private static final int VMLOAD = 0x82;
    private static final int UD = 0x46;
    private static final int GP = 0x4d;
    private static final int CR3_WRITE = 0x13;
    private static final int NMI = 0x61;
    private static final int V_GIF = 1 << 9;

    /** A feature, and a guest or an L1 that tells whether it is there. */
    private record Row(Feature feature, BiFunction<String, Lab, Boolean> there) {}

    private static final List<Row> ROWS = List.of(
            new Row(Feature.TSC_SCALE, (m, lab) -> exists(lab, "0xc0000104")),
            new Row(Feature.SVM_LOCK, (m, lab) -> exists(lab, "0xc0010118")),
            new Row(Feature.NPT, (m, lab) -> nestedPaging(lab)),
            new Row(Feature.NRIP_SAVE, (m, lab) -> lab.guest("vmmcall").run().get(VmcbField.NRIP) == Lab.GUEST + 3),
            new Row(Feature.DECODEASSISTS, (m, lab) -> decoded(lab)),
            new Row(Feature.LBRV, (m, lab) -> branchRecords(lab)),
            new Row(Feature.VMCB_CLEAN, (m, lab) -> cleanBits(m)),
            new Row(Feature.FLUSHBYASID, (m, lab) -> flushed(m)),
            new Row(Feature.PAUSE_FILTER, (m, lab) -> pauses(lab, 0) > 1),
            new Row(Feature.PFTHRESHOLD, (m, lab) -> pauses(lab, 1) > 3),
            new Row(Feature.V_VMSAVE_VMLOAD, (m, lab) -> virtualSave(lab)),
            new Row(Feature.VGIF, (m, lab) -> virtualGif(lab)),
            new Row(Feature.GMET, (m, lab) -> executeTrap(lab)),
            new Row(Feature.TLBICTL, (m, lab) -> broadcasts(lab)),
            new Row(Feature.VNMI, (m, lab) -> virtualNmi(lab)),
            new Row(Feature.SVME_ADDR_CHK, (m, lab) -> exitsBeforeTheAddress(lab)));

    static Stream<String> models() {
        Stream<String> amd = CpuModels.names().stream()
                .filter(name -> !CpuModels.choosesVendor(name))
                .filter(name -> CpuModel.parse(name).vendor() == Vendor.AMD)
                .map(name -> CpuModel.parse(name).has(Feature.SVM) ? name : name + ",+svm");
        Stream<String> less =
                ROWS.stream().map(row -> "max,+svm,-" + row.feature().qemuName());
        return Stream.of(amd, Stream.of("max,+svm", "qemu64,+svm", "kvm64,+svm"), less)
                .flatMap(s -> s);
    }

    @ParameterizedTest
    @MethodSource("models")
    void whatAModelLacksIsReallyMissing(String model) {
        CpuModel features = CpuModel.parse(model);
        SoftAssertions all = new SoftAssertions();
        for (Row row : ROWS) {
            all.assertThat(row.there().apply(model, Lab.of(model)))
                    .as("%s: %s", model, row.feature().qemuName())
                    .isEqualTo(features.has(row.feature()));
        }
        all.assertAll();
    }

    /** Every feature of the leaf has a row, or is hidden on all models. */
    @Test
    void everyFeatureOfTheLeafHasARow() {
        List<Feature> rows = ROWS.stream().map(Row::feature).toList();
        for (Feature feature : Feature.values()) {
            if (feature.leaf() == 0x8000000a && !rows.contains(feature)) {
                assertThat(SvmCapability.OUT_OF_SCOPE.contains(feature) || feature == Feature.V_SPEC_CTRL)
                        .as(feature.qemuName())
                        .isTrue();
                CpuModels.names()
                        .forEach(name -> assertThat(CpuModel.parse(name).has(feature))
                                .as(name)
                                .isFalse());
            }
        }
    }

    private static boolean is(Lab lab, ExitCode code) {
        return lab.exitCode() == code.code();
    }

    /** L1 halts behind the RDMSR, or has shut down: it has no IDT. */
    private static boolean exists(Lab lab, String msr) {
        lab.run("mov ecx, " + msr + "\nrdmsr");
        return lab.cpu.activity == Cpu.HALTED;
    }

    /** Page 3000h of the guest is page 4000h, or N_CR3 is ignored. */
    private static Lab moved(Lab lab) {
        lab.nested().memory.write(Lab.nestedEntry(0x3000), 8, 0x4007);
        return lab;
    }

    private static boolean nestedPaging(Lab lab) {
        lab.memory.write(0x4000, 1, 0x22);
        moved(lab).guest("movzx ebx, byte [0x3000]\nvmmcall").run();
        return lab.cpu.r[Reg.RBX] == 0x22;
    }

    private static boolean decoded(Lab lab) {
        lab.guest("mov cr3, rdi\nvmmcall").intercept(CR3_WRITE).run();
        assertThat(lab.exitCode()).isEqualTo(CR3_WRITE);
        return lab.get(VmcbField.EXITINFO1) != 0;
    }

    private static boolean branchRecords(Lab lab) {
        lab.set(VmcbField.VIRTUAL_EXTENSIONS, 1).set(VmcbField.BR_FROM, 0x1234);
        lab.guest("mov ecx, 0x1db\nrdmsr\nmov ebx, eax\nvmmcall").run();
        return lab.cpu.r[Reg.RBX] == 0x1234;
    }

    /** With clean bits the second entry does not read CR2. */
    private static boolean cleanBits(String model) {
        Lab lab = Lab.of(model, new SvmProvider(CleanBitPolicy.HONOUR, report -> {}));
        lab.guest("mov rbx, cr2\nvmmcall").set(VmcbField.CR2, 1).run();
        lab.set(VmcbField.CR2, 2)
                .set(VmcbField.RIP, Lab.GUEST)
                .set(VmcbField.CLEAN, 0x200)
                .run();
        return lab.cpu.r[Reg.RBX] == 1;
    }

    /** TLB_CONTROL 3 flushes the guest's ASID. */
    private static boolean flushed(String model) {
        Lab lab = Lab.of(model, RetentionPolicy.KEEP).guest("movzx ebx, byte [0x200000]\nvmmcall");
        lab.memory.write(0x400000, 1, 0x22);
        lab.run("mov eax, 0x5000\nvmrun\nmov qword [%d], 0x4000e7\n".formatted(Lab.TABLES + 0x2008)
                + "mov byte [0x505c], 3\nmov qword [0x5578], 0x2000\nmov eax, 0x5000\nvmrun\n");
        return lab.cpu.r[Reg.RBX] == 0x22;
    }

    /** Which PAUSE leaves, with a filter of two; a threshold of one tick starts it anew behind each pause of the guest's. */
    private static long pauses(Lab lab, int threshold) {
        String pause = "pause\nnop\nnop\n";
        lab.guest(pause.repeat(6) + "vmmcall").intercept(PAUSE);
        lab.set(VmcbField.PAUSE_FILTER_COUNT, 2)
                .set(VmcbField.PAUSE_FILTER_THRESHOLD, threshold)
                .run();
        return 1 + (lab.get(VmcbField.RIP) - Lab.GUEST) / 4;
    }

    /** VMSAVE in the guest writes where nested paging leads, or to the address itself. */
    private static boolean virtualSave(Lab lab) {
        moved(lab).set(VmcbField.VIRTUAL_EXTENSIONS, 2);
        lab.memory.write(0x4440, 8, -1);
        lab.guest("mov eax, 0x3000\nvmsave\nvmmcall").run();
        return is(lab, ExitCode.VMMCALL) && lab.memory.read(0x4440, 8) != -1;
    }

    private static boolean virtualGif(Lab lab) {
        lab.guest("clgi\nvmmcall")
                .set(VmcbField.INTERRUPT_CONTROL, V_GIF | 1 << 25)
                .run();
        return (lab.get(VmcbField.INTERRUPT_CONTROL) & V_GIF) == 0;
    }

    /** The nested tables are the user's: a supervisor that executes there leaves. */
    private static boolean executeTrap(Lab lab) {
        lab.nested().guest("vmmcall").set(VmcbField.NESTED_CONTROL, 1 | 1 << 3).run();
        return is(lab, ExitCode.NPF);
    }

    private static boolean broadcasts(Lab lab) {
        lab.guest("xor eax, eax\nxor ecx, ecx\nxor edx, edx\ninvlpgb\nvmmcall").intercept(UD);
        lab.set(VmcbField.NESTED_CONTROL, 1 << 7).run();
        return lab.exitCode() != UD;
    }

    /** Virtual NMIs without an intercept of NMIs are refused; a processor without them does not look. */
    private static boolean virtualNmi(Lab lab) {
        lab.guest("vmmcall").set(VmcbField.INTERRUPT_CONTROL, 1 << 26).run();
        return !is(lab, ExitCode.VMMCALL);
    }

    /** An intercepted VMLOAD of an address that is none: the exit, or #GP first. */
    private static boolean exitsBeforeTheAddress(Lab lab) {
        lab.guest("mov rax, 0x1000000000000000\nvmload\nvmmcall")
                .intercept(VMLOAD)
                .intercept(GP)
                .run();
        return lab.exitCode() == VMLOAD;
    }
}

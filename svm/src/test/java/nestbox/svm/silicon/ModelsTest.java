package nestbox.svm.silicon;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.mmu.tlb.RetentionPolicy;
import nestbox.svm.Lab;
import nestbox.svm.capability.SvmCapability;
import nestbox.svm.vmcb.ExitCode;
import nestbox.svm.vmcb.VmcbField;
import nestbox.x86.Reg;
import nestbox.x86.model.CpuFeatures;
import nestbox.x86.model.Feature;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** One L1 hypervisor on AMD models from one without nested paging and NRIP to the newest: each does what its CPUID says. */
class ModelsTest {
    private static final String STALE = "mov qword [%d], 0x4000e7\n".formatted(Lab.TABLES + 0x2008);
    private static final int V_GIF = 1 << 9;
    private static final int V_GIF_ENABLE = 1 << 25;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "Opteron_G1,+svm",
                "Opteron_G3",
                "Opteron_G5",
                "EPYC",
                "EPYC-Rome",
                "EPYC-Milan",
                "EPYC-Turin",
                "max,+svm"
            })
    void behavesAsItsCpuidSays(String model) {
        Lab lab = Lab.of(model).guest("movzx ebx, byte [0x3000]\nclgi\nvmmcall");
        CpuFeatures f = lab.cpu.features;
        int edx = f.cpuid(0x8000000a, 0)[3];
        SvmCapability capability = SvmCapability.of(f);
        assertThat(capability.npt()).isEqualTo((edx & 1) != 0);
        assertThat(capability.nrip()).isEqualTo((edx >>> 3 & 1) != 0);
        assertThat(capability.vgif()).isEqualTo((edx >>> 16 & 1) != 0);
        assertThat(edx >>> 13 & 1).as("AVIC is hidden").isZero();
        assertThat(edx >>> 18 & 1).as("x2AVIC is hidden").isZero();
        assertThat(f.cpuid(0x8000001f, 0)[0]).as("SEV is hidden").isZero();
        lab.memory.write(0x3000, 1, 0x11);
        lab.memory.write(0x4000, 1, 0x22);
        lab.nested().memory.write(Lab.nestedEntry(0x3000), 8, 0x4007);
        lab.set(VmcbField.INTERRUPT_CONTROL, V_GIF | V_GIF_ENABLE).run();
        assertThat(ExitCode.name(lab.exitCode())).isEqualTo("VMMCALL");
        assertThat(lab.cpu.r[Reg.RBX]).isEqualTo(f.has(Feature.NPT) ? 0x22 : 0x11);
        assertThat(lab.get(VmcbField.NRIP)).isEqualTo(f.has(Feature.NRIP_SAVE) ? lab.get(VmcbField.RIP) + 3 : 0);
        assertThat(lab.get(VmcbField.INTERRUPT_CONTROL) & V_GIF).isEqualTo(f.has(Feature.VGIF) ? 0 : V_GIF);
    }

    /** The L1 edits the guest's table and forgets the flush: stale under keep only; TLB_CONTROL, INVLPGA or a new ASID help. */
    @ParameterizedTest
    @ValueSource(strings = {"Opteron_G1,+svm", "Opteron_G3", "Opteron_G5", "EPYC", "EPYC-Milan", "EPYC-Turin"})
    void aForgottenFlushIsSeenUnderKeepOnly(String model) {
        assertThat(reread(model, RetentionPolicy.KEEP, "")).isEqualTo(0x11);
        assertThat(reread(model, RetentionPolicy.NONE, "")).isEqualTo(0x22);
        assertThat(reread(model, RetentionPolicy.KEEP, "mov byte [0x505c], 1\n"))
                .isEqualTo(0x22);
        assertThat(reread(model, RetentionPolicy.KEEP, "mov dword [0x5058], 2\n"))
                .isEqualTo(0x22);
        assertThat(reread(model, RetentionPolicy.KEEP, "mov eax, 0x200000\nmov ecx, 1\ninvlpga\n"))
                .isEqualTo(0x22);
        boolean byAsid = Lab.of(model).cpu.features.has(Feature.FLUSHBYASID);
        assertThat(reread(model, RetentionPolicy.KEEP, "mov byte [0x505c], 3\n"))
                .isEqualTo(byAsid ? 0x22 : 0x11);
    }

    private static long reread(String model, RetentionPolicy policy, String between) {
        Lab lab = Lab.of(model, policy).guest("movzx ebx, byte [0x200000]\nvmmcall");
        lab.memory.write(0x200000, 1, 0x11);
        lab.memory.write(0x400000, 1, 0x22);
        lab.run("mov eax, 0x5000\nvmrun\n" + STALE + between + "mov qword [0x5578], 0x2000\nmov eax, 0x5000\nvmrun\n");
        assertThat(ExitCode.name(lab.exitCode())).isEqualTo("VMMCALL");
        return lab.cpu.r[Reg.RBX];
    }
}

package nestbox.svm.silicon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import nestbox.core.NestboxException;
import nestbox.svm.Lab;
import nestbox.svm.vmcb.CleanBit;
import nestbox.svm.vmcb.ExitCode;
import nestbox.svm.vmcb.VmcbField;
import nestbox.svm.vmcb.VmcbSegment;
import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Clean bits honoured, ignored and reported. */
class CleanBitsTest {
    private static final String MAX = "max,+svm";

    private final List<CleanBitReport> reports = new ArrayList<>();

    private Lab lab(String model, CleanBitPolicy policy) {
        return Lab.of(model, new SvmProvider(policy, reports::add)).guest("mov rbx, cr2\nvmmcall");
    }

    /** Runs the guest, then again with another CR2 in memory and these clean bits; what the guest sees. */
    private static long second(Lab lab, int clean) {
        lab.set(VmcbField.CR2, 0x11).run();
        lab.set(VmcbField.CR2, 0x22)
                .set(VmcbField.RIP, Lab.GUEST)
                .set(VmcbField.CLEAN, clean)
                .run();
        assertThat(lab.exitCode()).isEqualTo(ExitCode.VMMCALL.code());
        return lab.cpu.r[Reg.RBX];
    }

    @ParameterizedTest
    @CsvSource({
        "IGNORE, 0x200, 0x22",
        "REPORT, 0x200, 0x22",
        "HONOUR, 0x200, 0x11",
        "HONOUR, 0x1fff, 0x11",
        "HONOUR, 0x1dff, 0x22",
        "HONOUR, 0, 0x22"
    })
    void aSetBitKeepsTheLastValueWhereItIsHonoured(CleanBitPolicy policy, int clean, long seen) {
        assertThat(second(lab(MAX, policy), clean)).isEqualTo(seen);
    }

    @Test
    void aModelWithoutCleanBitsHasNoPolicy() {
        assertThat(second(lab("max,+svm,-vmcb-clean", CleanBitPolicy.HONOUR), 0x1fff))
                .isEqualTo(0x22);
        assertThat(second(lab("max,+svm,-vmcb-clean", CleanBitPolicy.REPORT), 0x1fff))
                .isEqualTo(0x22);
        assertThat(reports).isEmpty();
    }

    /** What the guest itself changed is what the processor holds, and #VMEXIT stored it. */
    @Test
    void whatVmexitStoresIsClean() {
        for (CleanBitPolicy policy : CleanBitPolicy.values()) {
            Lab lab = lab(MAX, policy).guest("mov rax, 0x33\nmov cr2, rax\nvmmcall\nmov rbx, cr2\nvmmcall");
            lab.run();
            lab.set(VmcbField.RIP, lab.get(VmcbField.NRIP))
                    .set(VmcbField.CLEAN, 0x1fff)
                    .run();
            assertThat(lab.cpu.r[Reg.RBX]).isEqualTo(0x33);
            assertThat(reports).isEmpty();
        }
    }

    /** One field of each group: an intercept, an address, a register. */
    @ParameterizedTest
    @EnumSource(
            value = VmcbField.class,
            names = {
                "INTERCEPT_MISC1",
                "TSC_OFFSET",
                "IOPM_BASE_PA",
                "GUEST_ASID",
                "INTERRUPT_CONTROL",
                "G_PAT",
                "CR3",
                "DR6",
                "CPL",
                "CR2",
                "DBGCTL",
                "SSP"
            })
    void wrongBitsAreReportedWithFieldBitAndValues(VmcbField field) {
        Lab lab = lab(MAX, CleanBitPolicy.REPORT);
        long before = lab.get(field);
        long after = before ^ 2;
        lab.run();
        before = lab.get(field);
        lab.set(field, after)
                .set(VmcbField.RIP, Lab.GUEST)
                .set(VmcbField.CLEAN, 1 << field.clean().bit())
                .run();
        assertThat(reports)
                .containsExactly(new CleanBitReport(0, Lab.VMCB, field.clean(), field.name(), before, after));
        assertThat(reports.get(0).toString())
                .contains("VMCB at 0x5000", field.clean().name(), field.name(), "is 0x" + Long.toHexString(after));
    }

    @Test
    void segmentsAndTablesAreFieldsToo() {
        Lab lab = lab(MAX, CleanBitPolicy.REPORT).run();
        lab.vmcb.set(VmcbSegment.DS.offset() + 4, 4, 0x1234);
        lab.vmcb.set(VmcbSegment.GDTR.offset() + 8, 8, 0x9000);
        lab.vmcb.set(VmcbSegment.FS.offset() + 8, 8, 0x7777);
        lab.set(VmcbField.RIP, Lab.GUEST).set(VmcbField.CLEAN, 0x1fff).run();
        assertThat(reports)
                .extracting(CleanBitReport::bit, CleanBitReport::field, CleanBitReport::present)
                .containsExactly(
                        org.assertj.core.groups.Tuple.tuple(CleanBit.SEG, "DS.limit", 0x1234L),
                        org.assertj.core.groups.Tuple.tuple(CleanBit.DT, "GDTR.base", 0x9000L));
    }

    @Test
    void aVmcbThatNeverRanHasNoCleanBit() {
        Lab lab = lab(MAX, CleanBitPolicy.REPORT).set(VmcbField.CLEAN, 0x20).run();
        assertThat(reports).hasSize(1);
        assertThat(reports.get(0).toString()).endsWith("clean bit CRX is set, but the processor never ran this VMCB");
        assertThat(lab.exitCode()).isEqualTo(ExitCode.VMMCALL.code());
    }

    /** A stale value is checked as what it is: memory is good, what is held would be, too, and is used. */
    @Test
    void honouredFieldsAreWhatIsChecked() {
        Lab lab = lab(MAX, CleanBitPolicy.HONOUR).run();
        lab.set(VmcbField.CR0, lab.get(VmcbField.CR0) | 1L << 32);
        lab.set(VmcbField.RIP, Lab.GUEST)
                .set(VmcbField.CLEAN, 1 << CleanBit.CRX.bit())
                .run();
        assertThat(lab.exitCode()).isEqualTo(ExitCode.VMMCALL.code());
        assertThat(lab.get(VmcbField.CR0) >>> 32)
                .as("#VMEXIT stores the real one")
                .isZero();
        lab.set(VmcbField.CR0, lab.get(VmcbField.CR0) | 1L << 32)
                .set(VmcbField.CLEAN, 0)
                .run();
        assertThat(lab.exitCode()).isEqualTo(ExitCode.INVALID.code());
    }

    /** A VMCB at another address shares nothing; a reset forgets. */
    @Test
    void whatIsHeldBelongsToTheAddress() {
        Lab lab = lab(MAX, CleanBitPolicy.HONOUR).set(VmcbField.CR2, 0x11).run();
        byte[] page = new byte[4096];
        lab.memory.copyOut(Lab.VMCB, page, 0, page.length);
        lab.memory.copyIn(0x30000, page, 0, page.length);
        lab.memory.write(0x30000 + VmcbField.CR2.offset(), 8, 0x22);
        lab.memory.write(0x30000 + VmcbField.RIP.offset(), 8, Lab.GUEST);
        lab.memory.write(0x30000 + VmcbField.CLEAN.offset(), 4, 0x200);
        lab.run("mov eax, 0x30000\nvmrun");
        assertThat(lab.cpu.r[Reg.RBX]).isEqualTo(0x22);
        lab.cpu.extension.reset(lab.cpu, false);
        lab.set(VmcbField.CR2, 0x44)
                .set(VmcbField.RIP, Lab.GUEST)
                .set(VmcbField.CLEAN, 0x200)
                .run();
        assertThat(lab.cpu.r[Reg.RBX]).isEqualTo(0x44);
    }

    @Test
    void namesOfThePolicies() {
        assertThat(CleanBitPolicy.parse("--vmcb-clean", "honour")).isEqualTo(CleanBitPolicy.HONOUR);
        assertThatThrownBy(() -> CleanBitPolicy.parse("--vmcb-clean", "maybe"))
                .isInstanceOf(NestboxException.class)
                .hasMessageContaining("--vmcb-clean");
    }

    /** The shadow stack's registers change with the world. */
    @Test
    void shadowStackRegistersAreSwitched() {
        Lab lab = Lab.of(MAX).guest("mov ecx, 0x6a2\nrdmsr\nmov ebx, eax\nvmmcall");
        lab.cpu.supervisorCet = 2;
        lab.cpu.ssp = 0x7000;
        lab.set(VmcbField.S_CET, 1)
                .set(VmcbField.SSP, 0x6000)
                .set(VmcbField.ISST_ADDR, 0x4000)
                .run();
        assertThat(lab.cpu.r[Reg.RBX]).isOne();
        assertThat(lab.cpu.supervisorCet).isEqualTo(2);
        assertThat(lab.cpu.ssp).isEqualTo(0x7000);
        assertThat(lab.get(VmcbField.S_CET)).isOne();
        assertThat(lab.get(VmcbField.SSP)).isEqualTo(0x6000);
        assertThat(lab.get(VmcbField.ISST_ADDR)).isEqualTo(0x4000);
        assertThat(lab.cpu.cr4 & Cpu.CR4_CET).isZero();
    }
}

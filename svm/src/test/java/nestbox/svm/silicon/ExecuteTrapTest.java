package nestbox.svm.silicon;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.svm.Lab;
import nestbox.svm.vmcb.ExitCode;
import nestbox.svm.vmcb.VmcbField;
import nestbox.svm.vmcb.VmcbSegment;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The guest-mode execute trap: code runs only in the mode that the nested entry's U/S bit names; data accesses do not care. */
class ExecuteTrapTest {
    private static final int GMET = 1 << 3;

    private static Lab lab(int cpl, int nestedRights) {
        Lab lab = Lab.of("max,+svm").nested().guest("mov al, [0x3000]\nmov [0x3000], al\nvmmcall");
        lab.set(VmcbField.NESTED_CONTROL, 1 | GMET);
        lab.memory.write(Lab.nestedEntry(Lab.GUEST), 8, Lab.GUEST | nestedRights);
        lab.memory.write(Lab.nestedEntry(0x3000), 8, 0x3003);
        mode(lab, cpl);
        return lab;
    }

    private static void mode(Lab lab, int cpl) {
        lab.set(VmcbField.CPL, cpl).set(VmcbField.RIP, Lab.GUEST);
        int dpl = cpl << 5;
        lab.vmcb.setSegment(VmcbSegment.CS, 8 | cpl, 0xa9b | dpl, 0xffffffffL, 0);
        lab.vmcb.setSegment(VmcbSegment.SS, 16 | cpl, 0xc93 | dpl, 0xffffffffL, 0);
    }

    /** CPL, rights of the nested entry (P 1, W 2, U/S 4), EXITINFO1 of the fault or 0. */
    @ParameterizedTest
    @CsvSource({"0, 3, 0", "3, 7, 0", "0, 7, 0x100000011", "3, 3, 0x100000015", "2, 7, 0x100000011", "0, 2, 0x100000010"
    })
    void fetchesAreJudgedByMode(int cpl, int rights, long info) {
        Lab lab = lab(cpl, rights).run();
        assertThat(lab.exitCode()).isEqualTo(info == 0 ? ExitCode.VMMCALL.code() : ExitCode.NPF.code());
        if (info != 0) {
            assertThat(lab.get(VmcbField.EXITINFO1)).isEqualTo(info);
            assertThat(lab.get(VmcbField.EXITINFO2)).isEqualTo(Lab.GUEST);
        }
    }

    /** What user mode has cached does not let the supervisor execute, and the other way round. */
    @ParameterizedTest
    @CsvSource({"3, 7, 0", "0, 3, 3"})
    void cachedTranslationsKeepTheMode(int first, int rights, int second) {
        Lab lab = lab(first, rights).run();
        assertThat(lab.exitCode()).isEqualTo(ExitCode.VMMCALL.code());
        mode(lab, second);
        assertThat(lab.run().exitCode()).isEqualTo(ExitCode.NPF.code());
        mode(lab, first);
        assertThat(lab.run().exitCode()).isEqualTo(ExitCode.VMMCALL.code());
    }

    @Test
    void dataOfAReadOnlyPageIsStillProtected() {
        Lab lab = lab(0, 3);
        lab.memory.write(Lab.nestedEntry(0x3000), 8, 0x3001);
        assertThat(lab.run().exitCode()).isEqualTo(ExitCode.NPF.code());
        assertThat(lab.get(VmcbField.EXITINFO1)).isEqualTo(0x100000007L);
    }

    @Test
    void withoutTheTrapEveryAccessIsTheUsers() {
        Lab lab = lab(0, 3).set(VmcbField.NESTED_CONTROL, 1).run();
        assertThat(lab.exitCode()).isEqualTo(ExitCode.NPF.code());
        assertThat(lab.get(VmcbField.EXITINFO1) & 5).isEqualTo(5);
    }
}

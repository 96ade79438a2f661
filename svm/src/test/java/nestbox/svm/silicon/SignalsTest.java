package nestbox.svm.silicon;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.svm.Lab;
import nestbox.svm.vmcb.ExitCode;
import nestbox.svm.vmcb.VmcbField;
import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** INIT, NMI and SMI around GIF and VM_CR, the x87's freeze and MWAIT: what comes from outside or stops the processor. */
class SignalsTest {
    private static final String MAX = "max,+svm";
    private static final String R_INIT = "mov ecx, 0xc0010114\nmov eax, 2\nxor edx, edx\nwrmsr\n";
    private static final String ENTER = "mov eax, 0x5000\nvmrun\n";

    private static String signal(int what) {
        return "mov eax, %d\nout 0xe0, eax\nnop\nvmmcall".formatted(what);
    }

    @ParameterizedTest
    @CsvSource({"0x61, NMI", "0x62, SMI", "0x63, INIT"})
    void interceptsLeaveTheSignalPendingInTheHost(int code, String name) {
        int what = name.equals("NMI") ? Cpu.PENDING_NMI : name.equals("SMI") ? Cpu.PENDING_SMI : Cpu.PENDING_INIT;
        Lab lab = Lab.of(MAX).guest(signal(what)).intercept(code).run();
        assertThat(ExitCode.name(lab.exitCode())).isEqualTo(name);
        assertThat(lab.get(VmcbField.RIP)).isEqualTo(Lab.GUEST + 7);
        assertThat(lab.cpu.pending & what).isZero();
        lab.set(VmcbField.RIP, Lab.GUEST + 7).run();
        assertThat(ExitCode.name(lab.exitCode())).as("GIF opens").isEqualTo(name);
    }

    /** APM Vol. 2, "SMI Intercept": HWCR.SMMLOCK takes SMIs from the hypervisor. */
    @Test
    void aLockedSmmCannotBeIntercepted() {
        Lab lab = Lab.of(MAX).guest(signal(Cpu.PENDING_SMI)).intercept(0x62);
        lab.cpu.msrs.write(0xc0010015, 1);
        byte[] handler = {0x0f, (byte) 0xaa};
        lab.memory.copyIn(0x38000, handler, 0, handler.length);
        lab.run();
        assertThat(ExitCode.name(lab.exitCode())).isEqualTo("VMMCALL");
    }

    /** Without the intercept SMM interrupts the guest: its handler runs on the host's memory, RSM goes back into the guest. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void systemManagementInterruptsAGuest(boolean nested) {
        Lab lab = Lab.of(MAX).guest("mov eax, 4\nout 0xe0, eax\nnop\nmovzx ebx, byte [0x3000]\nvmmcall");
        if (nested) {
            lab.nested();
            lab.memory.write(Lab.nestedEntry(0x3000), 8, 0x4007);
        }
        lab.memory.write(0x3000, 1, 0x11);
        lab.memory.write(0x4000, 1, 0x22);
        byte[] handler = {0x66, (byte) 0xff, 0x06, 0x00, (byte) 0xf0, 0x0f, (byte) 0xaa};
        lab.memory.copyIn(0x38000, handler, 0, handler.length);
        lab.intercept(0x73).run();
        assertThat(ExitCode.name(lab.exitCode()))
                .as("RSM of the handler is not the guest's")
                .isEqualTo("VMMCALL");
        assertThat(lab.memory.read(0xf000, 4)).isOne();
        assertThat(lab.cpu.r[Reg.RBX]).isEqualTo(nested ? 0x22 : 0x11);
        assertThat(lab.memory.read(0x3fed8, 8)).isOne();
        assertThat(lab.memory.read(0x3fee0, 8)).isEqualTo(Lab.VMCB);
    }

    @Test
    void gifHoldsAnNmiBack() {
        Lab lab = Lab.of(MAX).guest("vmmcall").intercept(0x61);
        lab.run("clgi\nmov eax, %d\nout 0xe0, eax\nnop\nmov ebx, 5\n".formatted(Cpu.PENDING_NMI) + ENTER);
        assertThat(lab.cpu.r[Reg.RBX]).isEqualTo(5);
        assertThat(ExitCode.name(lab.exitCode())).isEqualTo("NMI");
        assertThat(lab.get(VmcbField.RIP)).isEqualTo(Lab.GUEST);
    }

    @Test
    void initIsRedirectedToTheSecurityException() {
        Lab lab = Lab.of(MAX).guest(signal(Cpu.PENDING_INIT)).intercept(0x5e);
        lab.run(R_INIT + ENTER);
        assertThat(ExitCode.name(lab.exitCode())).isEqualTo("EXCP30");
        assertThat(lab.get(VmcbField.EXITINFO1)).isOne();
        assertThat(lab.get(VmcbField.RIP)).isEqualTo(Lab.GUEST + 7);
    }

    @Test
    void theInterceptOfInitComesBeforeItsRedirection() {
        Lab lab = Lab.of(MAX).guest(signal(Cpu.PENDING_INIT)).intercept(0x5e).intercept(0x63);
        lab.run(R_INIT + ENTER);
        assertThat(ExitCode.name(lab.exitCode())).isEqualTo("INIT");
    }

    /** VM_CR: reserved bits, LOCK and SVMDIS. */
    @Test
    void vmCrLocksSvmDisable() {
        Lab lab = Lab.of(MAX);
        lab.run("mov ecx, 0xc0010114\nmov eax, 8\nxor edx, edx\nwrmsr\nmov eax, 2\nwrmsr\nrdmsr\nmov ebx, eax");
        assertThat(lab.cpu.r[Reg.RBX]).as("LOCK stays").isEqualTo(0xa);
    }

    @Test
    void vmCrTakesTheA20GateAway() {
        Lab lab = Lab.of(MAX);
        lab.memory.write(0x3000, 1, 0x11);
        lab.memory.write(0x103000, 1, 0x22);
        lab.cpu.mem.port().control().setA20(false);
        lab.run("movzx ebx, byte [0x103000]\nmov ecx, 0xc0010114\nmov eax, 4\nxor edx, edx\nwrmsr\n"
                + "movzx esi, byte [0x103000]");
        assertThat(lab.cpu.r[Reg.RBX]).isEqualTo(0x11);
        assertThat(lab.cpu.r[Reg.RSI]).isEqualTo(0x22);
        assertThat(lab.cpu.mem.port().control().a20()).isFalse();
    }

    /** Division by zero with the exception unmasked and CR0.NE clear: the next waiting instruction freezes. */
    @Test
    void freezeOfTheCoprocessorIsIntercepted() {
        Lab lab = Lab.of(MAX).guest("""
                fninit
                mov word [0x3000], 0x37b
                fldcw [0x3000]
                fld1
                fldz
                fdivp st1, st0
                mov ebx, 1
                fwait
                vmmcall
                """).intercept(0x7e);
        lab.set(VmcbField.CR0, lab.get(VmcbField.CR0) & ~Cpu.CR0_NE).run();
        assertThat(ExitCode.name(lab.exitCode())).isEqualTo("FERR_FREEZE");
        assertThat(lab.memory.read(lab.get(VmcbField.RIP), 1)).isEqualTo(0x9b);
        assertThat(lab.cpu.r[Reg.RBX]).isOne();
    }

    /** The conditional intercept takes MWAIT only behind a MONITOR, and goes first (APM Vol. 2, "Instruction Intercepts"). */
    @Test
    void mwaitThatWouldWait() {
        String monitor = "mov eax, 0x3000\nxor ecx, ecx\nxor edx, edx\nmonitor\n";
        String mwait = "xor eax, eax\nxor ecx, ecx\nmwait\n";
        assertThat(exitOf(mwait + "vmmcall", 0x8c)).isEqualTo("VMMCALL");
        assertThat(exitOf(monitor + mwait + "vmmcall", 0x8c)).isEqualTo("MWAIT_CONDITIONAL");
        assertThat(exitOf(monitor + mwait, 0x8b, 0x8c)).isEqualTo("MWAIT_CONDITIONAL");
        assertThat(exitOf(mwait, 0x8b, 0x8c)).isEqualTo("MWAIT");
    }

    private static String exitOf(String source, int... intercepts) {
        Lab lab = Lab.of(MAX).guest(source);
        for (int code : intercepts) {
            lab.intercept(code);
        }
        return ExitCode.name(lab.run().exitCode());
    }

    @Test
    void interceptedSmiWasRaisedOutsideTheProcessor() {
        Lab lab = Lab.of(MAX).guest(signal(Cpu.PENDING_SMI)).intercept(0x62).run();
        assertThat(lab.get(VmcbField.EXITINFO1)).isOne();
    }

    /** INT1 asks the intercept of its own and not that of #DB (APM Vol. 2, "#DB (Debug)"). */
    @Test
    void int1IsNoDebugException() {
        assertThat(exitOf("int1", 0x41, 0x7f)).isEqualTo("SHUTDOWN");
        assertThat(exitOf("int1", 0x41, 0x88)).isEqualTo("ICEBP");
    }

    /** With a filter of three the fourth PAUSE leaves: the counter has to go below zero. */
    @Test
    void pauseFilterCountsDownBelowZero() {
        Lab lab =
                Lab.of(MAX).guest("pause\npause\npause\npause\npause\nvmmcall").intercept(0x77);
        lab.set(VmcbField.PAUSE_FILTER_COUNT, 3).run();
        assertThat(ExitCode.name(lab.exitCode())).isEqualTo("PAUSE");
        assertThat(lab.get(VmcbField.RIP)).isEqualTo(Lab.GUEST + 6);
    }

    /** APM Vol. 2, "SVM_KEY MSR": the key that was set before the lock opens it, another does not, 0 never. */
    @ParameterizedTest
    @CsvSource({"7, 7, 0", "7, 6, 8", "0, 0, 8"})
    void theKeyOpensTheLock(int key, int tried, int left) {
        String write = "mov ecx, 0xc00101%d\nmov eax, %d\nxor edx, edx\nwrmsr\n";
        Lab lab = Lab.of(MAX)
                .run(write.formatted(18, key)
                        + write.formatted(14, 8)
                        + write.formatted(18, tried)
                        + "rdmsr\nmov esi, eax\nmov ecx, 0xc0010114\nrdmsr\nmov ebx, eax");
        assertThat(lab.cpu.r[Reg.RBX]).isEqualTo(left);
        assertThat(lab.cpu.r[Reg.RSI]).as("the key reads as 0").isZero();
    }
}

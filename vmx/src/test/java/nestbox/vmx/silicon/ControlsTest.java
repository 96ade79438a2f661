package nestbox.vmx.silicon;

import static nestbox.vmx.capability.VmxFeature.*;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import nestbox.machine.Machine;
import nestbox.machine.Outcome;
import nestbox.vmx.capability.VmxCapability;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Vector;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Single controls, by L1 hypervisors in machine code (SDM Vol. 3, chapter "VMX Non-Root Operation"). */
class ControlsTest {
    private static final String MODEL = "max,+vmx";
    private static final int EXCEPTION = 0;
    private static final int VMCALL = 18;
    private static final int PAUSE = 40;
    private static final int TIMER = 52;

    static Machine first(Hypervisor l1, String l2) {
        return first(l1, l2, "");
    }

    /** Runs L2 up to its first exit, then {@code atExit}: reason, qualification, interruption information, EBX, and fields. */
    static Machine first(Hypervisor l1, String l2, String atExit) {
        l1.asm("vmlaunch\n" + Hypervisor.END + "exit:\n" + atExit)
                .asm("mov [" + (Hypervisor.RESULTS + 12) + "], ebx\n")
                .result(VmcsField.VM_EXIT_REASON, 0)
                .result(VmcsField.EXIT_QUALIFICATION, 1)
                .result(VmcsField.VM_EXIT_INTR_INFO, 2)
                .result(VmcsField.GUEST_IA32_PKRS, 4)
                .result(VmcsField.VMX_INSTRUCTION_INFO, 5)
                .result(VmcsField.GUEST_S_CET, 7)
                .result(VmcsField.GUEST_SSP, 8)
                .result(VmcsField.GUEST_INTR_SSP_TABLE, 9)
                .asm(Hypervisor.END + "l2:\n" + l2 + "\nvmcall\n");
        Machine machine = l1.machine(MODEL, "keep");
        Outcome outcome = machine.run(2_000_000);
        assertThat(outcome.kind()).as(outcome.detail()).isEqualTo(Outcome.Kind.DEBUG_EXIT);
        return machine;
    }

    /** A loop of one PAUSE, which takes 64 ticks, and {@code filler} + 2 other instructions. */
    @ParameterizedTest
    @CsvSource({"66, 100, 0, true", "66, 100, 1, false", "86, 100, 20, true", "66, 1000000, 0, false"})
    void pauseLoops(int gap, int window, int filler, boolean exits) {
        Hypervisor l1 = new Hypervisor(false, false)
                .processor(0, PAUSE_LOOP_EXITING.mask())
                .field(VmcsField.PLE_GAP, gap)
                .field(VmcsField.PLE_WINDOW, window);
        Machine machine = first(l1, "mov ecx, 1000\nturn:\npause\n" + "nop\n".repeat(filler) + "dec ecx\njnz turn");
        assertThat(Hypervisor.result(machine, 0)).isEqualTo(exits ? PAUSE : VMCALL);
    }

    /** The timer counts at the rate of TSC bit IA32_VMX_MISC[4:0]. */
    @Test
    void preemptionTimerRate() {
        Hypervisor l1 = new Hypervisor(false, false)
                .pin(PREEMPTION_TIMER.mask())
                .field(VmcsField.VMX_PREEMPTION_TIMER_VALUE, 100);
        Machine machine = first(l1, "xor ebx, ebx\nturn:\ninc ebx\njmp turn");
        assertThat(Hypervisor.result(machine, 0)).isEqualTo(TIMER);
        int rate = 1 << VmxCapability.PREEMPTION_TIMER_SHIFT;
        assertThat(2 * Hypervisor.result(machine, 3)).isBetween(99 * rate - 8, 100 * rate);
    }

    /** IA32_PKRS is loaded at entry and exit, and saved at exit. */
    @Test
    void protectionKeysOfSupervisorPages() {
        Hypervisor l1 = new Hypervisor(false, false)
                .entryControls(ENTRY_LOAD_PKRS.mask())
                .exitControls(EXIT_LOAD_PKRS.mask())
                .field(VmcsField.GUEST_IA32_PKRS, 0x55)
                .field(VmcsField.HOST_IA32_PKRS, 0xaa)
                .processor(MSR_BITMAPS.mask(), 0)
                .field(VmcsField.MSR_BITMAP, 0x903000);
        Machine machine = first(
                l1, "mov ecx, 0x6e1\nxor edx, edx\nmov eax, 0x66\nwrmsr", "mov ecx, 0x6e1\nrdmsr\nmov ebx, eax\n");
        assertThat(Hypervisor.result(machine, 0)).isEqualTo(VMCALL);
        assertThat(Hypervisor.result(machine, 3)).isEqualTo(0xaa);
        assertThat(Hypervisor.result(machine, 4)).isEqualTo(0x66);
    }

    /** S_CET, SSP and the interrupt table change with the world, and the guest's are saved. */
    @Test
    void controlFlowEnforcementState() {
        Hypervisor l1 = new Hypervisor(false, false)
                .entryControls(ENTRY_LOAD_CET.mask())
                .exitControls(EXIT_LOAD_CET.mask())
                .field(VmcsField.GUEST_S_CET, 1)
                .field(VmcsField.GUEST_SSP, 0x800)
                .field(VmcsField.HOST_S_CET, 2)
                .processor(MSR_BITMAPS.mask(), 0)
                .field(VmcsField.MSR_BITMAP, 0x903000);
        String readBack = "mov ecx, 0x6a2\nrdmsr\nmov esi, eax\nmov edx, " + VmcsField.GUEST_S_CET.encoding()
                + "\nvmread ebx, edx\nshl ebx, 8\nadd ebx, esi\n";
        Machine machine = first(l1, "mov ecx, 0x6a2\nrdmsr\nor eax, 4\nxor edx, edx\nwrmsr", readBack);
        assertThat(Hypervisor.result(machine, 0)).isEqualTo(VMCALL);
        assertThat(Hypervisor.result(machine, 3)).isEqualTo(0x502);
    }

    /** UMWAIT and TPAUSE need their control, and exit where RDTSC does; UMONITOR never exits. */
    @ParameterizedTest
    @CsvSource({
        "tpause ecx, true, false, 18", "tpause ecx, true, true, 68", "umwait ecx, true, true, 67",
        "umonitor ecx, true, true, 18", "tpause ecx, false, true, 0", "umonitor ecx, false, false, 0",
    })
    void userWaits(String code, boolean enabled, boolean time, int reason) {
        Hypervisor l1 = new Hypervisor(false, false)
                .processor(time ? RDTSC_EXITING.mask() : 0, enabled ? USER_WAIT_AND_PAUSE.mask() : 0)
                .field(VmcsField.EXCEPTION_BITMAP, 1 << 6);
        Machine machine = first(l1, "xor ecx, ecx\n" + code);
        assertThat(Hypervisor.result(machine, 0)).isEqualTo(reason);
    }

    /** Bit 12 of the interruption information: the fault of IRET came after NMIs were unblocked. */
    @ParameterizedTest
    @CsvSource({"false, 8, true", "true, 8, true", "false, 0, false"})
    void nmiUnblockingDueToIret(boolean virtual, int blocking, boolean told) {
        Hypervisor l1 = new Hypervisor(false, false)
                .pin(virtual ? NMI_EXITING.mask() | VIRTUAL_NMIS.mask() : 0)
                .field(VmcsField.GUEST_INTERRUPTIBILITY_INFO, blocking)
                .field(VmcsField.EXCEPTION_BITMAP, 1 << 13);
        Machine machine = first(l1, "nop\npush dword 2\npush dword 0xfff8\npush dword 0\niret");
        assertThat(Hypervisor.result(machine, 0)).isEqualTo(EXCEPTION);
        assertThat((Hypervisor.result(machine, 2) >> 12 & 1) != 0).isEqualTo(told);
    }

    /** Without "enable user wait and pause" the instructions are #UD; with RDTSC exiting two of them exit. */
    @ParameterizedTest
    @CsvSource({
        "umwait ecx, false, false, 0, 0x80000306",
        "tpause ecx, false, true, 0, 0x80000306",
        "umonitor ecx, false, false, 0, 0x80000306",
        "umwait ecx, true, true, 67, 0",
        "tpause ecx, true, true, 68, 0",
        "umonitor ecx, true, true, 18, 0",
        "umwait ecx, true, false, 18, 0",
        "tpause ecx, true, false, 18, 0"
    })
    void userWait(String instruction, boolean enabled, boolean rdtsc, int reason, String information) {
        Hypervisor l1 = new Hypervisor(false, false)
                .processor(rdtsc ? RDTSC_EXITING.mask() : 0, enabled ? USER_WAIT_AND_PAUSE.mask() : 0)
                .field(VmcsField.EXCEPTION_BITMAP, 1 << 6);
        Machine machine = first(l1, "xor ecx, ecx\n" + instruction);
        assertThat(Hypervisor.result(machine, 0)).isEqualTo(reason);
        assertThat(Hypervisor.result(machine, 2) & 0xffffffffL).isEqualTo(Long.decode(information));
        if (reason >= 67) {
            assertThat(Hypervisor.result(machine, 5))
                    .as("instruction information: ECX")
                    .isEqualTo(1 << 3);
        }
    }

    /** CET state is loaded at entry and exit, and saved at exit. */
    @Test
    void controlFlowEnforcement() {
        Hypervisor l1 = new Hypervisor(false, false)
                .entryControls(ENTRY_LOAD_CET.mask())
                .exitControls(EXIT_LOAD_CET.mask())
                .processor(MSR_BITMAPS.mask(), 0)
                .field(VmcsField.MSR_BITMAP, 0x903000)
                .field(VmcsField.GUEST_S_CET, 4)
                .field(VmcsField.GUEST_SSP, 0x1230)
                .field(VmcsField.GUEST_INTR_SSP_TABLE, 0x4560)
                .field(VmcsField.HOST_S_CET, 0)
                .field(VmcsField.HOST_INTR_SSP_TABLE, 0x7890);
        Machine machine = first(
                l1,
                "mov ecx, 0x6a2\nrdmsr\nmov ebx, eax\nxor edx, edx\nmov eax, 2\nwrmsr",
                "mov [" + (Hypervisor.RESULTS + 24) + "], ebx\nmov ecx, 0x6a8\nrdmsr\nmov ebx, eax\n");
        assertThat(Hypervisor.result(machine, 0)).isEqualTo(VMCALL);
        assertThat(Hypervisor.result(machine, 6)).as("IA32_S_CET in the guest").isEqualTo(4);
        assertThat(Hypervisor.result(machine, 7)).as("saved").isEqualTo(2);
        assertThat(Hypervisor.result(machine, 8)).isEqualTo(0x1230);
        assertThat(Hypervisor.result(machine, 9)).isEqualTo(0x4560);
        assertThat(Hypervisor.result(machine, 3)).as("table in the host").isEqualTo(0x7890);
    }

    /** User code whose handler of #AC runs on its own misaligned stack: no instruction ever comes to an end. */
    private static Hypervisor endless(long secondary) {
        return new Hypervisor(false, false)
                .processor(0, secondary)
                .interruptGate(Vector.AC, "l2")
                .asm("mov word [" + (Hypervisor.IDT + 8 * Vector.AC + 2) + "], 0xb\n")
                .asm("mov dword [0x905008], 0xffff\nmov dword [0x90500c], 0xcffb00\n")
                .field(VmcsField.GUEST_GDTR_BASE, 0x905000)
                .field(VmcsField.GUEST_CS_SELECTOR, 0xb)
                .field(VmcsField.GUEST_SS_SELECTOR, 0x13)
                .field(VmcsField.GUEST_CS_AR_BYTES, 0xc0fb)
                .field(VmcsField.GUEST_SS_AR_BYTES, 0xc0f3)
                .field(VmcsField.GUEST_DS_AR_BYTES, 0xc0f3)
                .field(VmcsField.GUEST_ES_AR_BYTES, 0xc0f3)
                .field(VmcsField.GUEST_FS_AR_BYTES, 0xc0f3)
                .field(VmcsField.GUEST_GS_AR_BYTES, 0xc0f3)
                .asm("mov edx, cr0\nor edx, 0x40000\nmov eax, " + VmcsField.GUEST_CR0.encoding()
                        + "\nvmwrite eax, edx\n")
                .field(VmcsField.GUEST_RFLAGS, 0x40002)
                .field(VmcsField.GUEST_RSP, Hypervisor.L2_STACK - 3);
    }

    @Test
    void instructionTimeout() {
        Hypervisor l1 = endless(INSTRUCTION_TIMEOUT.mask()).field(VmcsField.NOTIFY_WINDOW, 1000);
        Machine machine = first(l1, "mov eax, [0x800001]");
        assertThat(Hypervisor.result(machine, 0)).isEqualTo(75);
        assertThat(Hypervisor.result(machine, 1)).as("the context is valid").isZero();
    }

    @Test
    void withoutTimeoutTheProcessorHangs() {
        assertThatThrownBy(() -> first(endless(0), "mov eax, [0x800001]")).hasMessageContaining("endless delivery");
    }
}

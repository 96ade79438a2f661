package nestbox.vmx.silicon;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import nestbox.machine.Machine;
import nestbox.machine.Outcome;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.model.CpuModel;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** L1 hypervisors in machine code (SDM Vol. 3, chapters "VM Entries", "VM Exits", "VMX Support for Address Translation"). */
class VmxSiliconTest {
    private static final int CPUID = 10;
    private static final int VMCALL = 18;
    private static final int EPT_VIOLATION = 48;
    private static final String VALUE = "0x800000";

    private static Machine run(Hypervisor l1, String model, String policy) {
        Machine machine = l1.machine(model, policy);
        Outcome outcome = machine.run(2_000_000);
        assertThat(outcome.kind()).as(outcome.detail()).isEqualTo(Outcome.Kind.DEBUG_EXIT);
        return machine;
    }

    /** L2 executes CPUID and VMCALL; L1 notes both exits. */
    @ParameterizedTest
    @ValueSource(strings = {"IvyBridge,-vmx-ept,-vmx-vpid", "IvyBridge", "Skylake-Server", "SapphireRapids", "max"})
    void exitsAndResumes(String model) {
        boolean ept = !model.contains("-vmx-ept");
        Hypervisor l1 = new Hypervisor(ept, ept)
                .asm("vmlaunch\nfailed:\n" + Hypervisor.END)
                .asm("exit:\nmov ecx, [count]\ninc dword [count]\ncmp ecx, 1\nje second\n")
                .result(VmcsField.VM_EXIT_REASON, 0)
                .result(VmcsField.VM_EXIT_INSTRUCTION_LEN, 1)
                .asm(Hypervisor.RESUME_BEHIND + "jmp failed\nsecond:\n")
                .result(VmcsField.VM_EXIT_REASON, 2)
                .result(VmcsField.GUEST_RSP, 3)
                .asm(Hypervisor.END + "l2:\ncpuid\nvmcall\ncount: dd 0\n");
        Machine machine = run(l1, model + ",+vmx", "keep");
        assertThat(Hypervisor.result(machine, 0)).isEqualTo(CPUID);
        assertThat(Hypervisor.result(machine, 1)).isEqualTo(2);
        assertThat(Hypervisor.result(machine, 2)).isEqualTo(VMCALL);
        assertThat(Hypervisor.result(machine, 3)).isEqualTo(Hypervisor.L2_STACK);
    }

    @Test
    void entryThatAHostFieldForbidsFailsWithItsNumber() {
        Hypervisor l1 = new Hypervisor(false, false)
                .field(VmcsField.HOST_CS_SELECTOR, 0)
                .asm("vmlaunch\njz valid\nexit:\nl2:\n" + Hypervisor.END + "valid:\n")
                .result(VmcsField.VM_INSTRUCTION_ERROR, 0)
                .asm(Hypervisor.END);
        assertThat(Hypervisor.result(run(l1, "IvyBridge,+vmx", "keep"), 0)).isEqualTo(8);
    }

    @Test
    void entryThatAGuestFieldForbidsExits() {
        Hypervisor l1 = new Hypervisor(false, false)
                .field(VmcsField.GUEST_RFLAGS, 0)
                .asm("vmlaunch\nl2:\n" + Hypervisor.END + "exit:\n")
                .result(VmcsField.VM_EXIT_REASON, 0)
                .asm(Hypervisor.END);
        assertThat(Hypervisor.result(run(l1, "IvyBridge,+vmx", "keep"), 0)).isEqualTo(0x8000_0021);
    }

    @Test
    void eptViolationTellsAddressAndAccess() {
        Hypervisor l1 = new Hypervisor(true, false)
                .asm("mov dword [" + (Hypervisor.EPT_PD + 8 * 4) + "], 0\nvmlaunch\nfailed:\n" + Hypervisor.END
                        + "exit:\n")
                .result(VmcsField.VM_EXIT_REASON, 0)
                .result(VmcsField.EXIT_QUALIFICATION, 1)
                .result(VmcsField.GUEST_PHYSICAL_ADDRESS, 2)
                .result(VmcsField.GUEST_LINEAR_ADDRESS, 3)
                .asm(Hypervisor.END + "l2:\nmov [" + VALUE + " + 0x123], eax\n");
        Machine machine = run(l1, "IvyBridge,+vmx", "keep");
        assertThat(Hypervisor.result(machine, 0)).isEqualTo(EPT_VIOLATION);
        assertThat(Hypervisor.result(machine, 1))
                .as("write, linear address valid, translated")
                .isEqualTo(0x182);
        assertThat(Hypervisor.result(machine, 2)).isEqualTo(0x800123);
        assertThat(Hypervisor.result(machine, 3)).isEqualTo(0x800123);
    }

    /** L1 redirects a page of L2 in the EPT while L2 waits; who forgets INVEPT sees the old page, under {@code keep} alone. */
    @ParameterizedTest
    @CsvSource({"keep,false,1", "keep,true,2", "none,false,2", "none,true,2"})
    void forgottenInvept(String policy, boolean invalidates, int seen) {
        String edit = "mov dword [" + (Hypervisor.EPT_PD + 8 * 4) + "], 0xa000b7\n"
                + (invalidates ? "mov eax, 1\ninvept eax, [invept_descriptor]\n" : "");
        assertThat(staleness(new Hypervisor(true, true), edit, policy)).isEqualTo(seen);
    }

    /** L1 edits L2's page tables while L2 waits; without EPT, the VPID's linear mappings stay. */
    @ParameterizedTest
    @CsvSource({"keep,false,1", "keep,true,2", "none,false,2", "none,true,2"})
    void forgottenInvvpid(String policy, boolean invalidates, int seen) {
        String edit = "mov dword [0x300000 + 8], 0xc00087\nmov dword [0x300000 + 12], 0x800087\n"
                + (invalidates ? "mov eax, 1\ninvvpid eax, [invvpid_descriptor]\n" : "");
        Hypervisor l1 = new Hypervisor(false, true).asm("mov dword [0xc00000], 2\n");
        assertThat(staleness(l1, edit, policy)).isEqualTo(seen);
    }

    /** Without VPID a transition drops linear mappings, so that nobody is too late. */
    @Test
    void transitionsFlushWithoutVpid() {
        String edit = "mov dword [0x300000 + 8], 0xc00087\nmov dword [0x300000 + 12], 0x800087\n";
        Hypervisor l1 = new Hypervisor(false, false).asm("mov dword [0xc00000], 2\n");
        assertThat(staleness(l1, edit, "keep")).isEqualTo(2);
    }

    /** L2 reads 8 MBytes (a 1; 2 lies at 10 MBytes), exits, L1 edits, L2 reads again; what it read then. */
    private static int staleness(Hypervisor l1, String edit, String policy) {
        l1.asm("mov dword [0x800000], 1\nmov dword [0xa00000], 2\nvmlaunch\nfailed:\n" + Hypervisor.END)
                .asm("exit:\nmov [" + Hypervisor.RESULTS + "], ebx\ninc dword [count]\ncmp dword [count], 2\nje done\n")
                .asm(edit + Hypervisor.RESUME_BEHIND + "jmp failed\ndone:\n" + Hypervisor.END)
                .asm("l2:\nmov ebx, [0x800000]\nvmcall\nmov ebx, [0x800000]\nvmcall\ncount: dd 0\n");
        return Hypervisor.result(run(l1, "IvyBridge,+vmx", policy), 0);
    }

    /** Random fields on top of a valid VMCS: whatever comes of the entry, it is an outcome of the architecture. */
    @Test
    void randomStatesEndInAnOutcome() {
        VmxFieldChoice choice = new VmxFieldChoice(CpuModel.parse("max,+vmx"));
        Random random = new Random(4);
        for (int i = 0; i < 200; i++) {
            Hypervisor l1 = new Hypervisor((i & 1) != 0, (i & 2) != 0);
            for (int k = 0; k <= random.nextInt(4); k++) {
                l1.field(choice.field(random), choice.value(random));
            }
            l1.asm("vmlaunch\nexit:\n" + Hypervisor.END + "l2:\nmov eax, [0x800000]\ncpuid\n");
            Outcome outcome = l1.machine("max,+vmx", "keep").run(100_000);
            assertThat(outcome).isNotNull();
        }
    }
}

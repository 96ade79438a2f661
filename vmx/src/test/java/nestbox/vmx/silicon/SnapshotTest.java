package nestbox.vmx.silicon;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.trace.HashSink;
import nestbox.machine.Machine;
import nestbox.machine.Outcome;
import nestbox.vmx.vmcs.VmcsField;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A machine in VMX operation goes on from a snapshot as if nothing had happened, whatever instruction it was taken behind. */
class SnapshotTest {
    private static final String MODEL = "SapphireRapids,+vmx";
    private static final long LIMIT = 100_000;
    /** Before the last so many instructions L1 only fills tables. */
    private static final long LAST = 1500;

    private static final long STEP = 41;

    /**
     * L2 counts down, touches memory and calls L1, which changes L2's memory without an invalidation, half of the time; the
     * preemption timer ends L2's turns as well.
     */
    private static Hypervisor guest(boolean ept, boolean vpid) {
        Hypervisor l1 = new Hypervisor(ept, vpid)
                .asm("mov dword [0x800000], 1\nmov dword [0xa00000], 2\n")
                .asm("mov ecx, 0x48d\nrdmsr\nor eax, 0x40\nmov edx, eax\n")
                .asm("mov eax, " + VmcsField.PIN_BASED_VM_EXEC_CONTROL.encoding() + "\nvmwrite eax, edx\n")
                .field(VmcsField.VMX_PREEMPTION_TIMER_VALUE, 17)
                .asm("vmlaunch\nfailed:\n" + Hypervisor.END)
                .asm("exit:\nadd [sum], ebx\nrol dword [sum], 3\ninc dword [count]\n")
                .asm("cmp dword [count], 24\nje done\n")
                .asm("test dword [count], 1\njz again\nxor dword [0x300008], 0x200000\n")
                .asm("again:\nmov eax, 0x4402\nvmread edx, eax\ncmp edx, 18\nje call\nvmresume\njmp failed\n")
                .asm("call:\n" + Hypervisor.RESUME_BEHIND + "jmp failed\ndone:\nmov eax, [sum]\n")
                .asm("mov [" + Hypervisor.RESULTS + "], eax\n" + Hypervisor.END);
        return l1.asm("""
                l2:
                    mov ecx, 4
                spin:
                    mov ebx, [0x800000]
                    add ebx, ecx
                    loop spin
                    vmcall
                    jmp l2
                count: dd 0
                sum: dd 0
                """);
    }

    private static String finish(Machine machine) {
        HashSink sink = new HashSink();
        machine.trace().addSink(sink);
        Outcome outcome = machine.run(LIMIT);
        assertThat(outcome.kind()).as(outcome.detail()).isEqualTo(Outcome.Kind.DEBUG_EXIT);
        return sink.hash() + ' ' + machine.now() + ' ' + Hypervisor.result(machine, 0) + ' ' + machine.digest();
    }

    @ParameterizedTest
    @CsvSource({
        "true, true, keep",
        "true, false, keep",
        "false, true, keep",
        "false, false, none",
        "true, true, seeded:5"
    })
    void behindAnyInstruction(boolean ept, boolean vpid, String policy) {
        Machine whole = guest(ept, vpid).machine(MODEL, policy);
        finish(whole);
        long length = whole.retired();
        assertThat(length).isBetween(5000L, 8000L);
        Machine straight = guest(ept, vpid).machine(MODEL, policy);
        straight.run(length - LAST);
        while (straight.retired() < length - STEP) {
            straight.run(STEP);
            StateWriter state = new StateWriter();
            straight.save(state);
            Machine copy = guest(ept, vpid).machine(MODEL, policy);
            copy.restore(new StateReader(state.toByteArray()));
            assertThat(copy.digest()).as("at %d", straight.retired()).isEqualTo(straight.digest());
            StateWriter again = new StateWriter();
            copy.save(again);
            assertThat(again.toByteArray()).as("at %d", straight.retired()).isEqualTo(state.toByteArray());
            Machine unsaved = guest(ept, vpid).machine(MODEL, policy);
            unsaved.run(straight.retired());
            assertThat(finish(copy)).as("at %d", straight.retired()).isEqualTo(finish(unsaved));
        }
    }

    /** Saving changes nothing: not even the region of the current VMCS in memory. */
    @Test
    void savingIsNotSeen() {
        Machine quiet = guest(true, true).machine(MODEL, "keep");
        Machine saved = guest(true, true).machine(MODEL, "keep");
        quiet.run(5500);
        saved.run(5500);
        saved.save(new StateWriter());
        assertThat(saved.digest()).isEqualTo(quiet.digest());
        assertThat(finish(saved)).isEqualTo(finish(quiet));
    }
}

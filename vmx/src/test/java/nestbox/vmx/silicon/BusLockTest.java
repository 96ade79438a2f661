package nestbox.vmx.silicon;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.machine.Machine;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.vmcs.VmcsField;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** VMM bus-lock detection (SDM Vol. 3, "Other Causes of VM Exits" and "Basic VM-Exit Information"). */
class BusLockTest {
    private static final long VMCALL = 18;
    /** Basic reason 74, and bit 26: behind a bus lock. */
    private static final long BUS_LOCK = 74 | 1 << 26;

    private static final long DETECTION = VmxFeature.BUS_LOCK_DETECTION.mask();
    /** 0 in EBX if RIP in the VMCS is that of {@code behind}. */
    private static final String WHERE =
            "mov eax, " + VmcsField.GUEST_RIP.encoding() + "\nvmread ebx, eax\nsub ebx, behind\n";

    private static final String AFTER = "\nbehind: nop\n";

    private static Machine run(long controls, String l2) {
        Hypervisor l1 = new Hypervisor(false, false).processor(0, controls);
        return ControlsTest.first(
                l1, "mov edi, 0x540000\nxor ebx, ebx\nxor eax, eax\nxor edx, edx\n" + l2 + AFTER, WHERE);
    }

    /** Lines have 64 bytes. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "lock add dword [edi + 61], 1",
                "lock inc word [edi + 63]",
                "xchg [edi + 62], eax",
                "lock xadd [edi + 125], ecx",
                "lock cmpxchg [edi + 61], ecx",
                "lock cmpxchg8b [edi + 57]",
                "lock bts dword [edi + 61], 3",
                "mov ecx, 480\nlock btc [edi + 2], ecx",
                "mov edi, 62\nlock or [edi + 0x540000], edi",
                "mov edi, 0x54003e\nxchg [edi], edi"
            })
    void exitsBehindTheInstruction(String l2) {
        Machine machine = run(DETECTION, l2);
        assertThat(Hypervisor.result(machine, 0)).isEqualTo((int) BUS_LOCK);
        assertThat(Hypervisor.result(machine, 1)).as("qualification").isZero();
        assertThat(Hypervisor.result(machine, 3)).as("RIP").isZero();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "lock add dword [edi + 60], 1",
                "lock cmpxchg8b [edi + 56]",
                "add dword [edi + 61], 1",
                "mov [edi + 61], eax",
                "xchg ecx, eax",
                "mov ecx, 448\nlock btc [edi + 2], ecx"
            })
    void noSplitOrNoLock(String l2) {
        assertThat(Hypervisor.result(run(DETECTION, l2), 0)).isEqualTo((int) VMCALL);
    }

    @Test
    void offWithoutTheControl() {
        assertThat(Hypervisor.result(run(0, "xchg [edi + 62], eax"), 0)).isEqualTo((int) VMCALL);
    }

    @Test
    void theEffectIsThere() {
        Machine machine = run(DETECTION, "mov eax, 0x12345678\nxchg [edi + 62], eax");
        assertThat(machine.memory().read(0x54003e, 4)).isEqualTo(0x12345678L);
    }
}

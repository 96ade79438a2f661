package nestbox.vmx.silicon;

import static nestbox.vmx.capability.VmxFeature.*;
import static org.assertj.core.api.Assertions.assertThat;

import nestbox.machine.Machine;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Vector;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Mode-based execute control, EPT-violation #VE and sub-page write permissions, by L1 hypervisors in machine code (SDM Vol. 3,
 * "The Extended Page Table Mechanism (EPT)", "Virtualization Exceptions", "Sub-Page Write Permissions").
 */
class EptPermissionsTest {
    private static final int EXCEPTION = 0;
    private static final int VMCALL = 18;
    private static final int EPT_VIOLATION = 48;
    private static final int SPP_EVENT = 66;

    /** Maps 2 MBytes, readable and writable, write-back. */
    private static final int DATA = 0xb3;

    private static final int SUPERVISOR_EXECUTE = 4;
    private static final int USER_EXECUTE = 1 << 10;

    private static final int INFORMATION = 0x904000;
    private static final int TABLE = 0x603000;
    private static final int SPP = 0x910000;

    private static String put(int address, long value) {
        return "mov dword [" + address + "], " + value + "\n";
    }

    private static long memory(Machine machine, int address, int bytes) {
        return machine.memory().read(address, bytes);
    }

    // ---- mode-based execute control ----

    private static Hypervisor modeBased(boolean userPage, int rights) {
        return new Hypervisor(true, false)
                .processor(0, ENABLE_EPT.mask() | MODE_BASED_EXECUTE.mask())
                .asm(put(Hypervisor.EPT_ROOT, Hypervisor.EPT_ROOT + 0x1000 | 7 | USER_EXECUTE))
                .asm(put(Hypervisor.EPT_ROOT + 0x1000, Hypervisor.EPT_PD | 7 | USER_EXECUTE))
                .asm(put(Hypervisor.EPT_PD, DATA | rights))
                .asm(put(0x300000, userPage ? 0x87 : 0x83));
    }

    /** Code at CPL 0 lies in a user-mode or a supervisor-mode page: which of the two rights it needs. */
    @ParameterizedTest
    @CsvSource({
        "true, 4, false", "true, 1024, true", "true, 1028, true", "true, 0, false",
        "false, 4, true", "false, 1024, false", "false, 1028, true", "false, 0, false"
    })
    void fetchesNeedTheRightOfTheirPage(boolean userPage, int rights, boolean permitted) {
        Machine machine = ControlsTest.first(modeBased(userPage, rights), "nop");
        if (permitted) {
            assertThat(Hypervisor.result(machine, 0)).isEqualTo(VMCALL);
            return;
        }
        assertThat(Hypervisor.result(machine, 0)).isEqualTo(EPT_VIOLATION);
        int granted = 3 | rights & SUPERVISOR_EXECUTE | ((rights & USER_EXECUTE) != 0 ? 8 : 0);
        assertThat(Hypervisor.result(machine, 1) & 0x1ff)
                .as("fetch, rights with bit 6 for user-mode execution, linear, translated")
                .isEqualTo(4 | granted << 3 | 0x180);
    }

    @Test
    void withoutTheControlBit10IsIgnored() {
        Hypervisor l1 = new Hypervisor(true, false).asm(put(Hypervisor.EPT_PD, DATA | USER_EXECUTE));
        assertThat(Hypervisor.result(ControlsTest.first(l1, "nop"), 0)).isEqualTo(EPT_VIOLATION);
    }

    // ---- #VE ----

    private static Hypervisor exceptions() {
        return new Hypervisor(true, false)
                .processor(0, ENABLE_EPT.mask() | EPT_VIOLATION_VE.mask())
                .field(VmcsField.VE_INFORMATION_ADDRESS, INFORMATION)
                .field(VmcsField.EPTP_INDEX, 0x1234)
                .interruptGate(Vector.VE, "handler")
                .asm(put(Hypervisor.EPT_PD + 8 * 4, 0));
    }

    private static final String STORE = "mov [0x800123], eax\nvmcall\nhandler:\nmov ebx, 0x14\npop edx\n";

    private static void assertInformation(Machine machine) {
        assertThat(memory(machine, INFORMATION, 4)).isEqualTo(EPT_VIOLATION);
        assertThat(memory(machine, INFORMATION + 4, 4)).isEqualTo(0xffffffffL);
        assertThat(memory(machine, INFORMATION + 8, 8) & 0x1ff).isEqualTo(0x182);
        assertThat(memory(machine, INFORMATION + 16, 8)).isEqualTo(0x800123);
        assertThat(memory(machine, INFORMATION + 24, 8)).isEqualTo(0x800123);
        assertThat(memory(machine, INFORMATION + 32, 2)).isEqualTo(0x1234);
    }

    @Test
    void violationBecomesAnException() {
        Machine machine = ControlsTest.first(exceptions(), STORE);
        assertThat(Hypervisor.result(machine, 0)).isEqualTo(VMCALL);
        assertThat(Hypervisor.result(machine, 3)).as("the handler ran").isEqualTo(0x14);
        assertInformation(machine);
    }

    @Test
    void theExceptionMayExit() {
        Machine machine = ControlsTest.first(exceptions().field(VmcsField.EXCEPTION_BITMAP, 1 << Vector.VE), STORE);
        assertThat(Hypervisor.result(machine, 0)).isEqualTo(EXCEPTION);
        assertThat(Hypervisor.result(machine, 2)).isEqualTo(0x8000_0314);
        assertInformation(machine);
    }

    @ParameterizedTest
    @CsvSource({
        "suppressed, 'mov dword [0x602024], 0x80000000'",
        "area in use, 'mov dword [0x904004], 1'",
        "misconfiguration, 'mov dword [0x602020], 2'"
    })
    void otherwiseItExits(String why, String set) {
        Machine machine = ControlsTest.first(exceptions().asm(set + "\n"), STORE);
        int reason = why.equals("misconfiguration") ? 49 : EPT_VIOLATION;
        assertThat(Hypervisor.result(machine, 0)).as(why).isEqualTo(reason);
    }

    @Test
    void aViolationInTheDeliveryOfAnEventExits() {
        Machine machine = ControlsTest.first(
                exceptions().interruptGate(0x50, "handler").field(VmcsField.GUEST_RSP, 0x800100), "int 0x50\nhandler:");
        assertThat(Hypervisor.result(machine, 0)).isEqualTo(EPT_VIOLATION);
    }

    // ---- sub-page write permissions ----

    /** Sub-page 3 of the page at 8 MBytes may be written. */
    private static Hypervisor subPages() {
        return new Hypervisor(true, false)
                .processor(0, ENABLE_EPT.mask() | SUB_PAGE_WRITE_PERMISSION.mask())
                .field(VmcsField.SPP_TABLE_POINTER, SPP)
                .asm(put(Hypervisor.EPT_PD + 8 * 4, TABLE | 7))
                .asm(put(TABLE, 0x800035) + put(TABLE + 4, 0x20000000))
                .asm(put(SPP, SPP + 0x1000 | 1) + put(SPP + 0x1000, SPP + 0x2000 | 1))
                .asm(put(SPP + 0x2000 + 8 * 4, SPP + 0x3000 | 1) + put(SPP + 0x3000, 1 << 6));
    }

    @ParameterizedTest
    @CsvSource({
        "'mov [0x800180], eax', true",
        "'mov [0x8001fc], eax', true",
        "'lock add [0x8001f0], eax', true",
        "'mov [0x800200], eax', false",
        "'mov [0x80017c], eax', false",
        "'mov [0x8001fe], eax', false",
        "'mov [0x80017e], eax', false",
        "'mov [0x800180], eax\nmov [0x800200], eax', false",
        "'mov ebx, [0x800180]\nmov [0x800184], eax', true"
    })
    void storesToSubPages(String code, boolean permitted) {
        Machine machine = ControlsTest.first(subPages(), "mov eax, 0x1234567\n" + code);
        assertThat(Hypervisor.result(machine, 0)).isEqualTo(permitted ? VMCALL : EPT_VIOLATION);
    }

    @ParameterizedTest
    @CsvSource({"0x912020, 0, 0x800", "0x911000, 0, 0x800", "0x913000, 0x42, 0", "0x910000, 0x911003, 0"})
    void missAndMisconfiguration(String entry, String value, String qualification) {
        Hypervisor l1 = subPages().asm(put(Integer.decode(entry), Integer.decode(value)));
        Machine machine = ControlsTest.first(l1, "mov [0x800180], eax");
        assertThat(Hypervisor.result(machine, 0)).isEqualTo(SPP_EVENT);
        assertThat(Hypervisor.result(machine, 1)).isEqualTo(Integer.decode(qualification));
    }

    @Test
    void withoutBit61ThePageCannotBeWritten() {
        Machine machine = ControlsTest.first(subPages().asm(put(TABLE + 4, 0)), "mov [0x800180], eax");
        assertThat(Hypervisor.result(machine, 0)).isEqualTo(EPT_VIOLATION);
    }
}

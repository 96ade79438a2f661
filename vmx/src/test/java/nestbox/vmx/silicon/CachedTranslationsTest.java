package nestbox.vmx.silicon;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import nestbox.machine.Machine;
import nestbox.machine.Outcome;
import nestbox.vmx.vmcs.VmcsField;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Which operation drops which mappings (SDM Vol. 3, "Caching Translation Information", "Operations that Invalidate Cached
 * Mappings", "Operations that Need Not Invalidate Cached Mappings"). L2 reads the dword at 8 MBytes before each VMCALL; at 8, 10
 * and 12 MBytes lie 1, 2 and 3. What L1 changes without the right invalidation is not seen under {@code keep}, and is seen under
 * {@code none}.
 */
class CachedTranslationsTest {
    private static final String MODEL = "SapphireRapids,+vmx";
    private static final int OLD = 1;
    private static final int NEW = 2;

    private static final long WITHOUT_CR3_EXITING = 0x8400_6172L;

    private static final String ENTRY_AT_8M = "[" + (Hypervisor.EPT_PD + 8 * 4) + "]";
    /** The guest-physical page at 8 MBytes comes to lie at 10 MBytes; it can be read, and written and executed as well. */
    private static final String MOVE_PAGE = "mov dword " + ENTRY_AT_8M + ", 0xa000b7\n";
    /** As above, but it can only be read. */
    private static final String MOVE_PAGE_READ_ONLY = "mov dword " + ENTRY_AT_8M + ", 0xa000b1\n";
    /** The linear page at 8 MBytes comes to lie at 12 MBytes. */
    private static final String MOVE_LINEAR = "mov dword [0x300008], 0xc00087\n";

    private static final String INVEPT = "mov eax, 1\ninvept eax, [invept_descriptor]\n";
    private static final String INVEPT_ALL = "mov eax, 2\ninvept eax, [invept_descriptor]\n";
    private static final String INVVPID_ADDRESS = "xor eax, eax\ninvvpid eax, [page_of_vpid]\n";
    private static final String INVVPID = "mov eax, 1\ninvvpid eax, [invvpid_descriptor]\n";
    private static final String INVVPID_ALL = "mov eax, 2\ninvvpid eax, [invvpid_descriptor]\n";
    private static final String INVVPID_RETAINING = "mov eax, 3\ninvvpid eax, [invvpid_descriptor]\n";

    private static final String L2 = """
            l2:
                mov ebx, [0x800000]
                vmcall
                call [todo]
                jmp l2
            nothing:
                ret
            invalidate_page:
                invlpg [0x800000]
                ret
            move_linear:
                mov dword [0x300008], 0xc00087
                ret
            move_and_invalidate:
                mov dword [0x300008], 0xc00087
                invlpg [0x800000]
                ret
            load_cr3:
                mov eax, cr3
                mov cr3, eax
                ret
            write_page:
                mov dword [0x800004], 7
                ret
            align 8
            page_of_vpid: dq 1, 0x800000
            page_of_other: dq 2, 0x800000
            count: dd 0
            todo: dd nothing
            """;

    private static String then(String label) {
        return "mov dword [todo], " + label + "\n";
    }

    private static String vpid(int vpid) {
        return "mov eax, " + VmcsField.VIRTUAL_PROCESSOR_ID.encoding() + "\nmov edx, " + vpid + "\nvmwrite eax, edx\n";
    }

    private static String eptRoot(int root) {
        return "mov eax, " + VmcsField.EPT_POINTER.encoding() + "\nmov edx, " + (root + 0x1e) + "\nvmwrite eax, edx\n";
    }

    /**
     * What L2 read before each of its VMCALLs. After the n-th one L1 does the n-th step and goes on with L2; the last VMCALL ends the
     * run. EPT violations are resumed as they are, behind the instruction.
     */
    private static List<Integer> reads(Hypervisor l1, String policy, String... steps) {
        l1.field(VmcsField.CPU_BASED_VM_EXEC_CONTROL, WITHOUT_CR3_EXITING)
                .asm("mov dword [0x800000], 1\nmov dword [0xa00000], 2\nmov dword [0xc00000], 3\n")
                .asm("mov dword [0x620000], 0x621007\nmov dword [0x621000], " + (Hypervisor.EPT_PD + 7) + "\n")
                .asm("vmlaunch\nfailed:\n" + Hypervisor.END)
                .asm("exit:\nmov eax, 0x4402\nvmread edx, eax\ncmp edx, 48\nje resume\n")
                .asm("mov ecx, [count]\nmov [ecx * 4 + " + Hypervisor.RESULTS + "], ebx\ninc dword [count]\n")
                .asm(then("nothing"));
        for (int i = 0; i < steps.length; i++) {
            l1.asm("cmp dword [count], " + (i + 1) + "\nje step" + i + "\n");
        }
        l1.asm(Hypervisor.END);
        for (int i = 0; i < steps.length; i++) {
            l1.asm("step" + i + ":\n" + steps[i] + "jmp resume\n");
        }
        l1.asm("resume:\n" + Hypervisor.RESUME_BEHIND + "jmp failed\n" + L2);
        Machine machine = l1.machine(MODEL, policy);
        Outcome outcome = machine.run(2_000_000);
        assertThat(outcome.kind()).as(outcome.detail()).isEqualTo(Outcome.Kind.DEBUG_EXIT);
        List<Integer> seen = new ArrayList<>();
        for (int i = 0; i <= steps.length; i++) {
            seen.add(Hypervisor.result(machine, i));
        }
        return seen;
    }

    private static int last(Hypervisor l1, String policy, String... steps) {
        List<Integer> seen = reads(l1, policy, steps);
        return seen.get(seen.size() - 1);
    }

    /** The page's guest-physical mapping outlives the combined one that a transition without VPID drops. */
    @ParameterizedTest
    @CsvSource({"keep,1", "none,2", "lru:2048,2", "seeded:1,2"})
    void transitionsWithoutVpidKeepGuestPhysicalMappings(String policy, int seen) {
        assertThat(last(new Hypervisor(true, false), policy, MOVE_PAGE)).isEqualTo(seen);
        assertThat(last(new Hypervisor(true, false), policy, MOVE_PAGE + INVEPT))
                .isEqualTo(NEW);
    }

    @Test
    void transitionsWithoutVpidDropCombinedMappings() {
        assertThat(last(new Hypervisor(true, false), "keep", MOVE_LINEAR)).isEqualTo(3);
        assertThat(last(new Hypervisor(true, true), "keep", MOVE_LINEAR))
                .as("with VPID they stay")
                .isEqualTo(OLD);
    }

    @ParameterizedTest
    @ValueSource(strings = {INVVPID_ADDRESS, INVVPID, INVVPID_ALL, INVVPID_RETAINING})
    void invvpidDropsCombinedMappingsButNeverGuestPhysicalOnes(String invvpid) {
        assertThat(last(new Hypervisor(true, true), "keep", MOVE_LINEAR + invvpid))
                .isEqualTo(3);
        assertThat(last(new Hypervisor(true, true), "keep", MOVE_PAGE + invvpid))
                .isEqualTo(OLD);
        assertThat(last(new Hypervisor(true, true), "none", MOVE_PAGE + invvpid))
                .isEqualTo(NEW);
    }

    @ParameterizedTest
    @ValueSource(strings = {INVVPID_ADDRESS, INVVPID, INVVPID_ALL, INVVPID_RETAINING})
    void invvpidDropsLinearMappings(String invvpid) {
        assertThat(last(new Hypervisor(false, true), "keep", MOVE_LINEAR)).isEqualTo(OLD);
        assertThat(last(new Hypervisor(false, true), "keep", MOVE_LINEAR + invvpid))
                .isEqualTo(3);
    }

    /** Only INVVPID of all contexts reaches another VPID. */
    @Test
    void invvpidIsForItsVpid() {
        String otherAddress = "xor eax, eax\ninvvpid eax, [page_of_other]\n";
        String otherContext = "mov eax, 1\ninvvpid eax, [page_of_other]\n";
        assertThat(last(new Hypervisor(true, true), "keep", MOVE_LINEAR + otherAddress))
                .isEqualTo(OLD);
        assertThat(last(new Hypervisor(true, true), "keep", MOVE_LINEAR + otherContext))
                .isEqualTo(OLD);
    }

    /** INVEPT drops the combined mappings of VPIDs that are not in use, too. */
    @ParameterizedTest
    @ValueSource(strings = {INVEPT, INVEPT_ALL})
    void inveptCrossesVpids(String invept) {
        assertThat(reads(new Hypervisor(true, true), "keep", vpid(2), MOVE_PAGE + invept, vpid(1)))
                .containsExactly(OLD, OLD, NEW, NEW);
        assertThat(reads(new Hypervisor(true, true), "keep", vpid(2), MOVE_PAGE, vpid(1)))
                .containsExactly(OLD, OLD, OLD, OLD);
    }

    /** INVEPT of one EP4TA leaves the other's mappings alone, though both have the same tables below the root. */
    @Test
    void inveptIsForItsTables() {
        assertThat(last(new Hypervisor(true, true), "keep", eptRoot(0x620000), MOVE_PAGE + INVEPT))
                .isEqualTo(OLD);
        assertThat(last(new Hypervisor(true, true), "keep", eptRoot(0x620000), MOVE_PAGE + INVEPT_ALL))
                .isEqualTo(NEW);
        assertThat(last(new Hypervisor(true, true), "keep", MOVE_PAGE + eptRoot(0x620000)))
                .as("nothing was cached for it")
                .isEqualTo(NEW);
    }

    /** What a guest drops for itself reaches its VPID's combined mappings under every EP4TA, and no guest-physical mapping. */
    @Test
    void aGuestsInvalidationsReachItsVpidUnderEveryTables() {
        assertThat(reads(
                        new Hypervisor(true, true),
                        "keep",
                        eptRoot(0x620000),
                        then("move_and_invalidate"),
                        eptRoot(Hypervisor.EPT_ROOT)))
                .containsExactly(1, 1, 3, 3);
        assertThat(reads(
                        new Hypervisor(true, true),
                        "keep",
                        eptRoot(0x620000),
                        then("move_linear"),
                        eptRoot(Hypervisor.EPT_ROOT)))
                .containsExactly(1, 1, 1, 1);
    }

    @ParameterizedTest
    @CsvSource({
        "invalidate_page,keep,1",
        "load_cr3,keep,1",
        "nothing,keep,1",
        "invalidate_page,none,2",
        "load_cr3,none,2"
    })
    void aGuestsInvalidationsNeverReachGuestPhysicalMappings(String label, String policy, int seen) {
        assertThat(last(new Hypervisor(true, true), policy, MOVE_PAGE + then(label)))
                .isEqualTo(seen);
    }

    /** L2's store is refused by the new entry; the violation drops the old mapping with it. */
    @Test
    void anEptViolationDropsTheMappingsOfItsAddress() {
        assertThat(last(new Hypervisor(true, true), "keep", MOVE_PAGE_READ_ONLY))
                .isEqualTo(OLD);
        assertThat(last(new Hypervisor(true, true), "keep", MOVE_PAGE_READ_ONLY, ""))
                .isEqualTo(OLD);
        // The page had been cached without the dirty flag, or the store would go through the stale mapping, as it may.
        Hypervisor readOnly = new Hypervisor(true, true).asm("mov dword " + ENTRY_AT_8M + ", 0x8000b1\n");
        assertThat(last(readOnly, "keep", MOVE_PAGE_READ_ONLY + then("write_page")))
                .isEqualTo(NEW);
    }
}

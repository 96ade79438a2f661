package nestbox.testkit.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import nestbox.l0.ledger.CheckReport;
import nestbox.l0.ledger.CheckReport.Verdict;
import nestbox.l0.ledger.TlbLedger;
import nestbox.machine.Machine;
import nestbox.machine.Outcome;
import nestbox.machine.load.ImageFile;
import nestbox.modules.Nestbox;
import nestbox.modules.NestboxConfiguration;
import nestbox.modules.NestboxModule;
import nestbox.svm.l0.SvmBackendFactory;
import nestbox.testkit.Forgetful;
import nestbox.x86.insn.Asm;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * {@code --check tlb} and L2: what an L1 permits that forgets to invalidate is reported, and the run goes on; and what is too long
 * ago is not judged at all. That L0's own omissions are named, {@link ScenarioLedgerTest} shows.
 */
class NestedLedgerTest {
    private static final String HEAD = """
            ;; scenario L: -
            ;; include  %s
            %s
            ;; right    -
            ;; cell     %s -> right
            ; step 0: -
            """;

    /** L2 reads X by L1's tables; L1 edits a table, does INVALIDATE or nothing, and L2 reads again. */
    private static final String EPT = """
            main:   mov dword [PTB], X + 3
                    mov dword [EPTX], OLD + 7
                    mov dword [EPTX + 8], NEW + 7
                    call vmx_on
                    call ept_on
                    mov edx, GUEST_CR3
                    mov eax, PML4B
                    call write
                    mov edx, SECONDARY
                    mov eax, 0x20
                    call set
                    mov edx, VPID
                    mov eax, 5
                    call write
                    call enter
                    call skip
                    mov dword [PTB + 16], 0 ; from here on L0 flushes nothing of its own accord
                    call enter
                    call skip
                    %s
                    call enter
                    mov al, bl
                    jmp tell
                    align 8
            eptp:   dq EPT, 0
            other:  dq EPT + 0x100000, 0
            vpid:   dq 5, X
            beside: dq 6, X
            l2:     mov bl, [X]
                    vmcall
                    mov bl, [X]
                    vmcall
                    mov bl, [X]
                    vmcall
            """;

    private static final String NPT = """
            NPTX    equ 0x224000
            NPT2X   equ 0x225000
            main:   mov dword [PTB], X + 3
                    mov dword [NPT3 + 8], NPT2X + 7
                    mov dword [NPT2X], NPTX + 7
                    mov dword [NPTX], OLD + 7
                    mov dword [NPTX + 8], NEW + 7
                    call svm_on
                    call npt_on
                    mov dword [VMCR3], PML4B
                    call enter
                    call skip
                    call enter
                    call skip
                    %s
                    call enter
                    mov al, bl
                    jmp tell
            l2:     mov bl, [X]
                    vmmcall
                    mov bl, [X]
                    vmmcall
                    mov bl, [X]
                    vmmcall
            """;

    private static final String EDIT_EPT = "mov dword [EPTX], NEW + 7\nmov eax, %d\n%s";
    private static final String EDIT_OWN = "mov dword [PTB], X + 0x1003\nmov eax, %d\n%s";

    private static TlbLedger run(String include, String cpu, String cell, String source, Outcome.Kind end) {
        return run(include, cpu, cell, source, end, Set.of());
    }

    private static TlbLedger run(
            String include, String cpu, String cell, String source, Outcome.Kind end, Set<String> dropped) {
        String text = String.format(HEAD, include, cpu.isEmpty() ? ";; note -" : ";; cpu " + cpu, cell) + source;
        Scenario scenario = ScenarioFile.parse("test.asm", text, Scenarios::include);
        NestboxConfiguration configuration = scenario.columns().get(0).configuration();
        Nestbox lab = dropped.isEmpty()
                ? Nestbox.create(configuration)
                : Nestbox.create(configuration, new NestboxModule() {
                    @Override
                    protected void configure() {
                        backend(new Forgetful(new SvmBackendFactory(), dropped));
                    }
                });
        Machine machine = lab.machine();
        TlbLedger ledger = lab.hypervisor()
                .map(l0 -> l0.check(machine.memory(), machine.clock()))
                .orElseGet(() -> TlbLedger.onSilicon(machine));
        lab.load(new ImageFile("test", Asm.assemble(32, ScenarioRun.LOAD, scenario.source())), "");
        assertThat(lab.run(ScenarioRun.LIMIT).kind()).as("%s", ledger.reports()).isEqualTo(end);
        return ledger;
    }

    private static DynamicTest vmx(String name, String edit, int type, String invalidation, boolean forgotten) {
        return DynamicTest.dynamicTest(name, () -> {
            String source = String.format(EPT, String.format(edit, type, invalidation));
            TlbLedger ledger = run("ept", "", "tdp", source, Outcome.Kind.DEBUG_EXIT);
            if (!forgotten) {
                assertThat(ledger.reports()).isEmpty();
                return;
            }
            assertThat(ledger.permitted()).isEqualTo(1);
            CheckReport report = ledger.reports().get(0);
            assertThat(report.verdict()).isEqualTo(Verdict.PERMITTED);
            assertThat(report.toString())
                    .startsWith("L2 on cpu0 used 40000000")
                    .contains(
                            "as 300000: cpu0 had changed the table at " + (edit.equals(EDIT_EPT) ? "224000" : "208000"))
                    .endsWith("and has not invalidated it");
        });
    }

    /** SDM Vol. 3, "Operations that Invalidate Cached Mappings". */
    @TestFactory
    Stream<DynamicTest> anL1ThatForgetsIsReported() {
        return Stream.of(
                vmx("EPT12 is edited, INVEPT of it", EDIT_EPT, 1, "invept rax, [eptp]", false),
                vmx("EPT12 is edited, INVEPT of all", EDIT_EPT, 2, "invept rax, [eptp]", false),
                vmx("EPT12 is edited, nothing", EDIT_EPT, 0, "", true),
                vmx("EPT12 is edited, INVEPT of another", EDIT_EPT, 1, "invept rax, [other]", true),
                vmx("L2's table is edited, INVVPID of the address", EDIT_OWN, 0, "invvpid rax, [vpid]", false),
                vmx("L2's table is edited, INVVPID of the VPID", EDIT_OWN, 1, "invvpid rax, [vpid]", false),
                vmx("L2's table is edited, INVVPID of all", EDIT_OWN, 2, "invvpid rax, [vpid]", false),
                vmx("L2's table is edited, nothing", EDIT_OWN, 0, "", true));
    }

    /** AMD, with an L0 that flushes nothing of L2's: a fault where L1 has asked for a flush, its own omission where it has not. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "NPTX  | mov byte [VMCB + 0x5c], 1                          | TLB_CONTROL for all ASIDs",
                "NPTX  | mov byte [VMCB + 0x5c], 3                          | TLB_CONTROL for ASID 1",
                "NPTX  | nop                                                |",
                "PTB   | mov byte [VMCB + 0x5c], 3                          | TLB_CONTROL for ASID 1",
                "PTB   | mov byte [VMCB + 0x5c], 7                          | TLB_CONTROL for ASID 1, but for global",
                "PTB   | mov ecx, 1; mov rax, X; invlpga                    | INVLPGA of 40000000, ASID 1",
                "PTB   | mov ecx, 2; mov rax, X; invlpga                    |",
                "PTB   | nop                                                |"
            })
    void anL0ThatForgetsIsStopped(String table, String invalidation, String named) {
        String edit = table.equals("PTB") ? "mov dword [PTB], X + 0x1003\n" : "mov dword [NPTX], NEW + 7\n";
        String source = String.format(NPT, edit + invalidation.replace("; ", "\n"));
        Outcome.Kind end = named == null ? Outcome.Kind.DEBUG_EXIT : Outcome.Kind.TLB_CHECK;
        TlbLedger ledger = run(
                "npt",
                "EPYC-Milan",
                "tdp",
                source,
                end,
                Set.of("flushAddress", "flushAll", "flushCurrent", "flushGuest"));
        CheckReport report = ledger.reports().get(0);
        assertThat(report.verdict()).as("%s", report).isEqualTo(named == null ? Verdict.PERMITTED : Verdict.FAULT);
        assertThat(report.toString())
                .startsWith("L2 on cpu0 used 40000000")
                .contains("as 300000: cpu0 had changed the table at " + (table.equals("PTB") ? "208000" : "224000"))
                .contains(named == null ? "and has not invalidated it" : named)
                .doesNotContain(named == null ? "was not carried out" : "has not invalidated it");
    }

    /** With much done in between, what the guest permitted cannot be told from what L0 forgot: neither is claimed. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                // 100 values of one word.
                "mov ecx, 100\n.edit: add dword [PTA], 0x1000\nloop .edit",
                // 20,000 invalidations of another page.
                "mov dword [PTA], NEW + 3\nmov ecx, 20000\n.flush: invlpg [X + 0x1000]\nloop .flush"
            })
    void whatIsForgottenIsNotJudged(String between) {
        String source = "main: mov dword [PTA], OLD + 0x23\nmov al, [X]\n" + between + "\nmov al, [X]\njmp tell\n";
        TlbLedger ledger = run("long-mode", "", "bare", source, Outcome.Kind.DEBUG_EXIT);
        assertThat(ledger.permitted()).isZero();
        assertThat(ledger.notJudged()).isEqualTo(1);
        assertThat(ledger.reports())
                .singleElement()
                .satisfies(report -> assertThat(report.toString()).contains("used 40000000", "not judged"));
    }

    /** What is remembered still is judged: the same with less in between. */
    @Test
    void whatIsRememberedIsJudged() {
        String source = "main: mov dword [PTA], OLD + 0x23\nmov al, [X]\nmov ecx, 40\n"
                + ".edit: add dword [PTA], 0x1000\nloop .edit\nmov al, [X]\njmp tell\n";
        TlbLedger ledger = run("long-mode", "", "bare", source, Outcome.Kind.DEBUG_EXIT);
        assertThat(List.of(ledger.permitted(), ledger.notJudged())).containsExactly(1L, 0L);
    }
}

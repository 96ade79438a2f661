package nestbox.testkit;

import static nestbox.testkit.NestboxAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectMethod;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import nestbox.machine.Outcome;
import nestbox.modules.L0Mode;
import nestbox.modules.NestboxModule;
import nestbox.testkit.guest.Guest;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.model.CpuModel;
import org.junit.jupiter.api.Test;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/** The extension seen from outside: names, filter, and what a failure says. */
class NestedTestTest {
    /** Run by the tests below alone: Surefire looks for other names. */
    static final class Sample {
        @NestedTest(
                l0 = {L0Mode.NONE, L0Mode.SHADOW},
                tlb = {"keep", "none"},
                policy = {"exact", "kvm vmfail.pdptr=memory"})
        void product(NestedLab lab) {
            assertThat(lab.run(Guest.longMode())).endedWell();
        }

        @NestedTest(l0 = L0Mode.TDP)
        void wrongClaim(NestedLab lab) {
            Guest guest = Guest.longMode()
                    .vmcs("vmcs", v -> v)
                    .body("vmlaunch\njmp vmx_failed")
                    .label("l2", "cpuid\nvmcall");
            assertThat(lab.run(guest)).exitsToL1("VMCALL");
        }

        @NestedTest(
                l0 = L0Mode.SHADOW,
                policy = {"exact", STALE_ROOTS})
        void staleRoots(NestedLab lab) {
            lab.run(NestedTestTest.staleRoots());
        }

        @NestedTest(cpu = "max,+svm", l0 = L0Mode.NONE)
        void impossible(NestedLab lab) {
            lab.run(Guest.longMode(), c -> c.l0(L0Mode.TDP).cpu("EPYC,-svm,-npt"));
        }

        @NestedTest(l0 = L0Mode.NONE)
        void modelOfTheUsersOwn(NestedLab lab) {
            lab.with(new NestboxModule() {
                @Override
                protected void configure() {
                    cpu(CpuModel.parse("max,-sse4.2"));
                }
            });
            LabRun run =
                    lab.run(Guest.longMode().body("mov eax, 1\ncpuid\nbt ecx, 20\nsetc al\nadd al, '0'\njmp tell"));
            assertThat(run).printed("0");
        }
    }

    private record Result(String name, TestExecutionResult.Status status, String message) {}

    private static List<Result> run(String method) {
        List<Result> results = new ArrayList<>();
        String parameters = NestedLab.class.getName();
        LauncherDiscoveryRequest request = LauncherDiscoveryRequestBuilder.request()
                .selectors(selectMethod(Sample.class, method, parameters))
                .build();
        LauncherFactory.create().execute(request, new TestExecutionListener() {
            @Override
            public void executionFinished(TestIdentifier test, TestExecutionResult result) {
                if (test.isTest()) {
                    Optional<Throwable> thrown = result.getThrowable();
                    results.add(new Result(
                            test.getDisplayName(),
                            result.getStatus(),
                            thrown.map(Throwable::getMessage).orElse("")));
                }
            }
        });
        return results;
    }

    @Test
    void theProductHasReadableNamesAndBareSiliconNoPolicies() {
        assertThat(run("product"))
                .extracting(Result::name, Result::status)
                .containsExactly(
                        row("max,+vmx | bare silicon | tlb keep"),
                        row("max,+vmx | bare silicon | tlb none"),
                        row("max,+vmx | shadow exact | tlb keep"),
                        row("max,+vmx | shadow kvm vmfail.pdptr=memory | tlb keep"),
                        row("max,+vmx | shadow exact | tlb none"),
                        row("max,+vmx | shadow kvm vmfail.pdptr=memory | tlb none"));
    }

    private static org.assertj.core.groups.Tuple row(String name) {
        return org.assertj.core.groups.Tuple.tuple(name, TestExecutionResult.Status.SUCCESSFUL);
    }

    @Test
    void aFilterLeavesTheOtherCasesOut() {
        System.setProperty(NestedTestExtension.FILTER, "vmfail.pdptr=memory,tlb none");
        try {
            assertThat(run("product"))
                    .filteredOn(result -> result.status() == TestExecutionResult.Status.SUCCESSFUL)
                    .extracting(Result::name)
                    .containsExactly("max,+vmx | shadow kvm vmfail.pdptr=memory | tlb none");
        } finally {
            System.clearProperty(NestedTestExtension.FILTER);
        }
    }

    @Test
    void aFailureTellsTheStepsOfEachLevelAndHowToRepeatIt() {
        assertThat(run("wrongClaim")).singleElement().satisfies(result -> {
            assertThat(result.status()).isEqualTo(TestExecutionResult.Status.FAILED);
            assertThat(result.message())
                    .contains("Expected the exits to L1 to be [VMCALL]", "but found [CPUID]")
                    .contains("L0 enters L1 at ")
                    .contains("L0 carries out L1's entry into L2 at l2")
                    .contains("L2 at l2 leaves to L0: CPUID")
                    .contains("L0 gives L1 the exit CPUID")
                    .contains("It ended: debug exit with 0")
                    .contains("mvn test -Dtest='Sample#wrongClaim' -Dnestbox.case='max,+vmx,tdp exact,tlb keep'")
                    .containsPattern("(?m)^ +\\d+\\. ");
        });
    }

    @Test
    void anImpossibleLaboratoryIsRefusedWithItsReasons() {
        assertThat(run("impossible"))
                .singleElement()
                .satisfies(result -> assertThat(result.message())
                        .contains("has no virtualization for L0 to use")
                        .contains("has no nested paging"));
    }

    @Test
    void aModuleOfTheUsersOwnIsWiredIn() {
        assertThat(run("modelOfTheUsersOwn"))
                .extracting(Result::status)
                .containsExactly(TestExecutionResult.Status.SUCCESSFUL);
    }

    @NestedTest(l0 = {L0Mode.TDP, L0Mode.SHADOW})
    void theSameAsOnBareSilicon(NestedLab lab) {
        Guest guest = Guest.pae()
                .page("mine", 7)
                .tables("c1", t -> t.identity(1L << 30).map(0x40000000L, "mine"))
                .paeTables("c2", t -> t.identity(1L << 30).map(0x40001000L, "mine"))
                .vmcs("vmcs", v -> v.cr3("c2"))
                .body("mov esi, 0x40000000\ncall see\nvmlaunch\njmp vmx_failed")
                .label("l2", "mov esi, 0x40001000\ncall see\ncpuid");
        LabRun run = lab.run(guest);
        assertThat(run)
                .isLike(lab.run(guest, c -> c.l0(L0Mode.NONE).guestCpu("")))
                .exitsToL1("CPUID")
                .l1Sees(0x40000000L, 7)
                .l2Sees(0x40001000L, 7)
                .exitToL0("VMLAUNCH")
                .noExitToL0("TRIPLE_FAULT")
                .noExitToL1("HLT")
                .eventsInOrder("kvm_exit", "kvm_nested_vmenter", "kvm_nested_vmexit_inject reason=10")
                .noEvent("exception vector=13")
                .register("cr3", run.address("c1"))
                .vmcs(VmcsField.GUEST_CR3, run.address("c2"));
        long first = run.machine().memory().read(run.address("c1"), 8);
        long second = run.machine().memory().read(run.address("c1") + 8, 8);
        assertThat(run).pdptes(first, second, 0, 0);
    }

    /** X leads to no memory: the second access in a row is answered by the MMIO cache, and only with shadow paging by its linear address. */
    @NestedTest(l0 = L0Mode.SHADOW)
    void accessesThatTheMmioCacheAnswers(NestedLab lab) {
        Guest guest = Guest.longMode()
                .tables("a", t -> t.identity(1L << 30).map(0x40000000L, Guest.NO_MEMORY))
                .body("mov eax, [0x40000000]\nmov eax, [0x40000000]\njmp finish");
        assertThat(lab.run(guest)).usedMmioCache(0x40000000L).didNotUseMmioCache(0x40001000L);
    }

    private static final String STALE_ROOTS = "exact roots.prevRootsWhenPcidOff=keep roots.unloadOnPcideSet=off";

    /**
     * S-PCID. X is mapped in b alone: what a processor may cache of a's tables behind the INVPCID belongs to PCID 0, too, and the MOV
     * CR3 without a flush keeps it.
     */
    private static Guest staleRoots() {
        return Guest.longMode()
                .page("old", 'O')
                .page("new", 'N')
                .page("pcid0", 0, 0)
                .tables("a", t -> t.identity(1 << 30))
                .tables("b", t -> t.identity(1 << 30).map(0x40000000L, "old").entry("b_x"))
                .body("mov eax, b\nmov cr3, rax\nmov al, [0x40000000]\nmov eax, a\nmov cr3, rax\n"
                        + "mov dword [b_x], new + 3\nmov eax, 1\ninvpcid rax, [pcid0]\n"
                        + "mov rax, cr4\nbts rax, 17\nmov cr4, rax\nmov rax, b + (1 << 63)\nmov cr3, rax\n"
                        + "mov al, [0x40000000]\njmp tell");
    }

    /** An access of L2's has another guest's tables behind it, and is nothing that L1's tables explain. */
    private static Guest l2WithTablesOfItsOwn() {
        return Guest.longMode()
                .page("mine", 7)
                .tables("l2_tables", t -> t.identity(16 << 20).map(0x40000000L, "mine"))
                .vmcs("vmcs", v -> v.cr3("l2_tables").vpid(1))
                .body("vmlaunch\njmp vmx_failed")
                .label("l2", "mov esi, 0x40000000\ncall see\nvmcall");
    }

    @Test
    void aStaleTranslationFailsATestThatHasPassed() {
        assertThat(run("staleRoots"))
                .extracting(Result::status)
                .containsExactly(TestExecutionResult.Status.SUCCESSFUL, TestExecutionResult.Status.FAILED);
        assertThat(run("staleRoots").get(1).message())
                .contains("after the test:", "used 40000000", "had changed the table at", "flush of PCID 0");
    }

    @NestedTest(l0 = L0Mode.SHADOW, policy = STALE_ROOTS)
    void aStaleTranslationThatTheTestWants(NestedLab lab) {
        LabRun run = lab.run(staleRoots());
        assertThat(run).ended(Outcome.Kind.TLB_CHECK).usedStaleTranslation(0x40000000L);
        assertThatThrownBy(() -> assertThat(run).usedStaleTranslation(0x40001000L))
                .hasMessageContaining("Expected a stale use of 0x40001000");
        assertThatThrownBy(() -> assertThat(run).usedNoStaleTranslation())
                .hasMessageContaining("Expected no stale use");
    }

    @NestedTest(l0 = L0Mode.SHADOW, policy = STALE_ROOTS, checkTlb = false)
    void withoutAJudgeNothingCanBeClaimed(NestedLab lab) {
        LabRun run = lab.run(staleRoots());
        assertThat(run).endedWell().printed("O");
        assertThatThrownBy(() -> assertThat(run).usedNoStaleTranslation()).hasMessageContaining("checkTlb");
    }

    /** The guest leaves the invalidation out: its own affair, and no failure. */
    @NestedTest(l0 = {L0Mode.NONE, L0Mode.TDP})
    void aStaleTranslationThatTheGuestPermits(NestedLab lab) {
        Guest guest = Guest.longMode()
                .page("old", 'O')
                .page("new", 'N')
                .tables("a", t -> t.identity(1 << 30).map(0x40000000L, "old").entry("x"))
                .body("mov al, [0x40000000]\nmov dword [x], new + 3\nmov al, [0x40000000]\njmp tell");
        assertThat(lab.run(guest)).printed("O").usedPermittedStaleTranslation(0x40000000L);
    }

    @NestedTest(l0 = {L0Mode.NONE, L0Mode.TDP, L0Mode.SHADOW})
    void accessesOfL2AreNotJudged(NestedLab lab) {
        assertThat(lab.run(l2WithTablesOfItsOwn()))
                .endedWell()
                .l2Sees(0x40000000L, 7)
                .usedNoStaleTranslation();
    }

    /** With shadowing a claim about fields would be an empty one. */
    @NestedTest(l0 = L0Mode.TDP, policy = "exact vmcs.shadowing=on")
    void fieldsThatL0ShadowsCannotBeWatched(NestedLab lab) {
        LabRun run = lab.run(Guest.longMode().vmcs("vmcs", v -> v).label("l2", "hlt"));
        assertThatThrownBy(() -> assertThat(run).l1NeverRead(VmcsField.GUEST_PDPTE0))
                .hasMessageContaining("vmcs.shadowing=off");
        assertThat(run).endedWell();
    }

    @Test
    void eachClaimCanFail() {
        NestedLab lab =
                new NestedLab(new NestedCase("max,+vmx", L0Mode.NONE, "keep", "", 32, 0, false).configuration());
        LabRun run = lab.run(Guest.longMode().vmcs("vmcs", v -> v).label("l2", "hlt"));
        List<Runnable> claims = List.of(
                () -> assertThat(run).printed("x"),
                () -> assertThat(run).ended(Outcome.Kind.SHUTDOWN),
                () -> assertThat(run).exitsToL1("HLT"),
                () -> assertThat(run).exitToL1("HLT"),
                () -> assertThat(run).exitToL0("HLT"),
                () -> assertThat(run).register("rax", 1),
                () -> assertThat(run).pdptes(1, 2, 3, 4),
                () -> assertThat(run).vmcs(VmcsField.GUEST_RIP, 1),
                () -> assertThat(run).vmcs("vmcs", VmcsField.GUEST_RIP, 1),
                () -> assertThat(run).l1Sees(1, 1),
                () -> assertThat(run).l2Sees(1, 1),
                () -> assertThat(run).usedMmioCache(1),
                () -> assertThat(run).eventsInOrder("vmcs_write field=GUEST_RIP", "vm_exit"),
                () -> assertThat(run).noEvent("vmcs_write field=GUEST_RIP"),
                () -> assertThat(run).l1Read(VmcsField.GUEST_PDPTE0),
                () -> assertThat(run).l1NeverWrote(VmcsField.GUEST_RIP));
        for (Runnable claim : claims) {
            assertThatThrownBy(claim::run).isInstanceOf(AssertionError.class).hasMessageContaining("Expected");
        }
    }
}

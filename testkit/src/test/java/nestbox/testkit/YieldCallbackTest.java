package nestbox.testkit;

import static nestbox.testkit.NestboxAssertions.assertThat;

import nestbox.machine.Outcome;
import nestbox.mmu.core.YieldPoint;
import nestbox.modules.L0Mode;
import nestbox.svm.vmcb.ExitCode;
import nestbox.testkit.guest.Guest;

/** What tests do at L0's yield points. */
class YieldCallbackTest {
    private static final int MISC2 = 0x10;

    private static final Guest L1 = Guest.longMode()
            .tables("l1_tables", t -> t.identity(16 << 20))
            .vmcb("vmcb", v -> v.cr3("l1_tables").intercept(ExitCode.VMMCALL))
            .body("mov eax, vmcb\nvmrun\njmp finish")
            .label("l2", "mov eax, vmcb\nvmrun\nvmmcall");

    /** CVE-2021-29657: a device, say, clears the VMRUN intercept when L0 has seen it (APM Vol. 2, "VMRUN Instruction"). */
    private static LabRun racing(NestedLab lab) {
        long intercepts = L1.assemble().labels().get("vmcb") + MISC2;
        return lab.atYield(
                        YieldPoint.VMCB12_CHECKED,
                        moment -> moment.vcpu().guest().physical.write(intercepts, 4, 2))
                .run(L1);
    }

    @NestedTest(
            cpu = "EPYC-Milan,+svm",
            l0 = {L0Mode.TDP, L0Mode.SHADOW})
    void whatWasCheckedIsWhatIsUsed(NestedLab lab) {
        assertThat(racing(lab)).endedWell().exitsToL1("VMRUN");
    }

    @NestedTest(
            cpu = "EPYC-Milan,+svm",
            l0 = {L0Mode.TDP, L0Mode.SHADOW},
            policy = "svm.vmcb12Reads=twice")
    void whatIsReadTwiceIsNot(NestedLab lab) {
        assertThat(racing(lab)).ended(Outcome.Kind.UNSUPPORTED);
    }
}

package nestbox.testkit;

import static nestbox.testkit.NestboxAssertions.assertThat;

import nestbox.machine.Outcome;
import nestbox.mmu.core.YieldPoint;
import nestbox.modules.L0Mode;
import nestbox.svm.vmcb.ExitCode;
import nestbox.testkit.guest.Guest;
import nestbox.vmx.vmcs.VmcsField;

/** What tests do at L0's yield points. */
class YieldCallbackTest {
    private static final int MISC2 = 0x10;
    private static final long KERNEL_GS_BASE = 0xc000_0102L;

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

    /** The list of MSRs is read behind the checks, as memory that vmcs12 points to (facts D.2): L2 has what it says then. */
    @NestedTest(l0 = {L0Mode.TDP, L0Mode.SHADOW})
    void whatVmcs12PointsToIsReadBehindItsChecks(NestedLab lab) {
        Guest l1 = Guest.longMode()
                .tables("l1_tables", t -> t.identity(16 << 20))
                .page("list", KERNEL_GS_BASE, 0x1000)
                .vmcs(
                        "vmcs",
                        v -> v.cr3("l1_tables")
                                .set(VmcsField.VM_ENTRY_MSR_LOAD_COUNT, 1)
                                .set(VmcsField.VM_ENTRY_MSR_LOAD_ADDR, "list"))
                .body("vmlaunch\njmp vmx_failed")
                .label("l2", "vmcall");
        long list = l1.assemble().labels().get("list");
        LabRun run = lab.atYield(
                        YieldPoint.VMCS12_CHECKED,
                        moment -> moment.vcpu().guest().physical.write(list + 8, 4, 0x2000))
                .run(l1);
        assertThat(run).endedWell().eventsInOrder("msr_write msr=0xc0000102 value=0x2000");
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

package nestbox.testkit;

import static nestbox.testkit.NestboxAssertions.assertThat;

import nestbox.modules.L0Mode;
import nestbox.testkit.guest.Guest;
import nestbox.vmx.vmcs.VmcsField;

class FirstTest {
    @NestedTest(
            l0 = {L0Mode.NONE, L0Mode.TDP},
            tlb = {"keep", "none"})
    void l2ReadsThroughBothTables(NestedLab lab) {
        Guest l1 = Guest.longMode()
                .page("secret", 42)
                .tables("l1_tables", t -> t.identity(1 << 30))
                .tables("l2_tables", t -> t.identity(16 << 20).map(0x50000000L, 0x40000000L))
                .ept("ept", t -> t.identity(16 << 20).map(0x40000000L, "secret"))
                .vmcs("vmcs", v -> v.ept("ept").cr3("l2_tables").vpid(1))
                .body("vmlaunch \n jmp vmx_failed")
                .label("l2", "mov esi, 0x50000000 \n call see \n vmcall");
        assertThat(lab.run(l1))
                .endedWell()
                .exitsToL1("VMCALL")
                .l2Sees(0x50000000L, 42)
                .l1NeverRead(VmcsField.GUEST_PDPTE0);
    }
}

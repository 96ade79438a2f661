package nestbox.testkit.exits;

import static nestbox.testkit.NestboxAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import nestbox.modules.L0Mode;
import nestbox.testkit.LabRun;
import nestbox.testkit.NestedLab;
import nestbox.testkit.NestedTest;
import nestbox.testkit.guest.Guest;

/** VMLOAD and VMSAVE of L1, which L0 leaves to silicon that has them virtualized (APM Vol. 2, "Virtualized VMLOAD and VMSAVE"). */
class VirtualVmloadTest {
    private static final String WRITE = """
                    mov ecx, %d
                    mov eax, %d
                    xor edx, edx
                    wrmsr
            """;
    private static final String PRINT = """
                    mov ecx, %d
                    rdmsr
                    call hex
                    mov al, ' '
                    call putc
            """;
    private static final int STAR = 0xc0000081;
    private static final int SYSENTER_CS = 0x174;
    private static final int KERNEL_GS_BASE = 0xc0000102;

    /** MSRs that L0 emulates, and one that it lets pass, go through VMSAVE and VMLOAD and back. */
    @NestedTest(
            cpu = {"max,+svm", "max,+svm,-v-vmsave-vmload"},
            l0 = {L0Mode.NONE, L0Mode.TDP, L0Mode.SHADOW})
    void whatL1SavesAndLoadsIsItsOwn(NestedLab lab) {
        StringBuilder body = new StringBuilder();
        int value = 0x11;
        for (int msr : new int[] {STAR, SYSENTER_CS, KERNEL_GS_BASE}) {
            body.append(WRITE.formatted(msr, value++));
        }
        body.append("        mov eax, saved\n        vmsave\n");
        for (int msr : new int[] {STAR, SYSENTER_CS, KERNEL_GS_BASE}) {
            body.append(WRITE.formatted(msr, value++));
        }
        for (int msr : new int[] {STAR, SYSENTER_CS, KERNEL_GS_BASE}) {
            body.append(PRINT.formatted(msr));
        }
        body.append("        mov eax, saved\n        vmload\n");
        for (int msr : new int[] {STAR, SYSENTER_CS, KERNEL_GS_BASE}) {
            body.append(PRINT.formatted(msr));
        }
        Guest guest = Guest.longMode().page("saved").efer(1 << 12).body(body.toString());
        LabRun run = lab.run(guest);
        assertThat(run).endedWell().printed("14 15 16 11 12 13 ");
        boolean virtual = lab.configuration().l0() == L0Mode.TDP
                && !lab.configuration().cpu().contains("-v-vmsave-vmload");
        boolean leave = lab.configuration().l0() != L0Mode.NONE && !virtual;
        assertThat(run.exitsToL0()).as("exits").filteredOn("VMLOAD"::equals).hasSize(leave ? 1 : 0);
        assertThat(run.exitsToL0()).as("exits").filteredOn("VMSAVE"::equals).hasSize(leave ? 1 : 0);
    }

    /** The processor's own EFER.SVME is set whenever it runs a guest; L1's decides. */
    @NestedTest(
            cpu = "max,+svm",
            l0 = {L0Mode.NONE, L0Mode.TDP, L0Mode.SHADOW})
    void withoutSvmeTheyAreUndefined(NestedLab lab) {
        for (String instruction : new String[] {"vmload", "vmsave"}) {
            Guest guest = Guest.longMode().page("saved").efer(1 << 12).body("""
                            mov eax, saved
                            vmsave
                            mov ecx, 0xc0000080
                            rdmsr
                            and eax, ~0x1000
                            wrmsr
                            mov eax, saved
                            %s
                    """.formatted(instruction));
            assertThat(lab.run(guest).outcome().code()).isEqualTo(0x46);
        }
    }
}

package nestbox.testkit.differential;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import nestbox.core.Seed;
import nestbox.vmx.vmcs.VmcsField;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What an L2 without VPID leaves in the translation caches, its transitions drop: another L2, which has a VPID, never meets it. */
class NestedVpidTest {
    private static final long ENABLE_VPID = 1 << 5;
    private static final long OLD = Layout.FRAMES;
    private static final long NEW = Layout.FRAMES + 0x1000;

    private final OnePage mapping = new OnePage();
    private final Tables tables = mapping.tables;
    private final long page = mapping.page;
    private final long entry = mapping.entry;

    private static List<NestedStep> vpid(VmxControl control, int guest, int vpid) {
        long secondary = control.secondary[guest] & ~ENABLE_VPID | (vpid == 0 ? 0 : ENABLE_VPID);
        return List.of(
                NestedStep.l1(L1Op.CURRENT, guest),
                NestedStep.l1(L1Op.WRITE, VmcsField.SECONDARY_VM_EXEC_CONTROL.encoding(), secondary),
                NestedStep.l1(L1Op.WRITE, VmcsField.VIRTUAL_PROCESSOR_ID.encoding(), vpid));
    }

    @ParameterizedTest
    @CsvSource({"true, tdp/keep", "false, tdp/keep", "false, shadow/keep"})
    void aGuestWithoutVpidLeavesNothing(boolean tdp, String way) {
        mapping.map(OLD, 0x67);
        NestedImage image = new NestedImage(NestedVendor.INTEL, true);
        Stage stage = tdp ? new Stage(true) : null;
        VmxControl control = new VmxControl(image, Shape.FOUR_LEVEL, stage, new Seed(1));
        control.sets[1] = 0;
        List<NestedStep> steps = new ArrayList<>(vpid(control, 0, 0));
        steps.addAll(vpid(control, 1, 2));
        steps.add(NestedStep.l2(1, L2Op.NOP));
        steps.add(NestedStep.of(new Step(Op.LOAD4, 0, page + 0x100, 0, 0)));
        steps.add(NestedStep.l1(L1Op.STORE8, entry, NEW | 0x67));
        steps.add(NestedStep.of(new Step(Op.LOAD4, 1, page + 0x100, 0, 0)));
        NestedCase nested = new NestedCase(
                NestedVendor.INTEL, Shape.FOUR_LEVEL, tdp, tables.contents(), control.words(tables.roots[0]), steps);
        NestedRuns runs = new NestedRuns(NestedCampaign.of(NestedVendor.INTEL, tdp), image, 0);
        NestedObservation right = runs.run(nested, NestedRuns.REFERENCE);
        assertThat(right.log()[2 * 9]).isNotEqualTo(right.log()[2 * 7]);
        assertThat(right.difference(runs.run(nested, way + Subject.CHECK), nested))
                .isNull();
    }
}

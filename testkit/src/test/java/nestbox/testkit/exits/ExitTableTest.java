package nestbox.testkit.exits;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import nestbox.modules.L0Mode;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class ExitTableTest {
    private static final ExitSetup SHADOWING = new ExitSetup("max,+vmx", L0Mode.TDP, true);
    private static final ExitSetup NO_SHADOWING = new ExitSetup("max,+vmx,-vmx-shadow-vmcs", L0Mode.TDP, true);

    private static ExitTable table;

    @BeforeAll
    static void measure() {
        table = ExitTable.measure();
    }

    /** The golden file is what the command prints; {@code -Dnestbox.write=true} writes it anew. */
    @Test
    void theGoldenFileIsUpToDate() throws IOException {
        Path file = Path.of(System.getProperty("nestbox.root", "."))
                .resolve("testkit/src/test/resources/nestbox/testkit/exits/exits.txt");
        String text = table.text();
        if (Boolean.getBoolean("nestbox.write")) {
            Files.writeString(file, text);
        }
        assertThat(file).content().isEqualTo(text);
    }

    /** What L1 does not intercept never leaves L2 when L0 has EPT or nested paging and L1 gives L2 its own. */
    @Test
    void underTwoStagesOfTablesL2sOwnPagingIsFree() {
        assertThat(table.setups()).filteredOn(ExitSetup::l1Tdp).hasSize(6).allSatisfy(setup -> {
            assertThat(table.exits(setup, L2Action.CR3)).isZero();
            assertThat(table.exits(setup, L2Action.PAGE_FAULT)).isZero();
        });
    }

    /** VMREAD and VMWRITE of the shadow VMCS do not exit (SDM Vol. 3, "VMREAD—Read Field from VMCS"): the rest is the same. */
    @Test
    void vmcsShadowingSavesTheExitsOfVmreadAndVmwriteAndNoOther() {
        for (L2Action action : L2Action.values()) {
            Map<String, Double> with = table.reasons(SHADOWING, action);
            Map<String, Double> without = table.reasons(NO_SHADOWING, action);
            assertThat(with).doesNotContainKeys("VMREAD", "VMWRITE");
            assertThat(without).containsAllEntriesOf(with);
            assertThat(without.keySet())
                    .filteredOn(reason -> !with.containsKey(reason))
                    .isSubsetOf("VMREAD", "VMWRITE");
        }
    }

    /** An action that L1 intercepts takes its own exit to L0 and L1's entry, at the least. */
    @Test
    void whatL1InterceptsTakesAtLeastTwoExits() {
        for (ExitSetup setup : table.setups()) {
            String entry = setup.intel() ? "VMRESUME" : "VMRUN";
            for (L2Action action : List.of(L2Action.CPUID, L2Action.PORT, L2Action.HLT, L2Action.INTERRUPT)) {
                assertThat(table.reasons(setup, action)).containsEntry(entry, 1.0);
                assertThat(table.exits(setup, action)).isGreaterThanOrEqualTo(2);
            }
        }
    }
}

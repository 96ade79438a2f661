package nestbox.testkit.differential;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.machine.Machine;
import nestbox.machine.Outcome;
import nestbox.modules.L0Mode;
import nestbox.modules.Nestbox;
import nestbox.testkit.differential.Generator.View;
import nestbox.testkit.differential.Tables.Slot;
import nestbox.x86.model.CpuModel;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the generator of random guests knows is so. */
class GeneratorTest {
    private static final long ACCESSED_DIRTY = 0x60;

    /** Behind all steps the page tables are those that it has in mind, by whatever address a step has written them. */
    @ParameterizedTest
    @CsvSource({
        "INTEL_KEYS, TWO_LEVEL, 1, 2",
        "NAPLES, PAE, 2, 13",
        "INTEL, FOUR_LEVEL, 1, 14",
        "INTEL, FIVE_LEVEL, 2, 1"
    })
    void memoryHasTheTablesThatItHasInMind(Campaign.Platform platform, Shape shape, int cpus, long seed) {
        String model = Campaign.of(platform, cpus).model(shape);
        Generator generator = new Generator(shape, seed, cpus, Traits.of(CpuModel.parse(model)), false, true);
        Case guest = generator.generate(30_000);
        Nestbox lab = Nestbox.create(
                Subject.of(L0Mode.NONE, "keep", model, model, cpus, 1).configuration());
        Machine machine = lab.machine();
        new CaseImage(shape.wide).load(machine, guest);
        assertThat(lab.run(100_000_000).kind()).isEqualTo(Outcome.Kind.DEBUG_EXIT);
        for (View view : generator.views) {
            int bytes = view.shape().entryBytes;
            for (Slot slot : view.tables().slots) {
                long known = view.tables().entry(slot.address()) & (bytes == 4 ? 0xffffffffL : -1);
                assertThat(machine.memory().read(slot.address(), bytes) & ~ACCESSED_DIRTY)
                        .as("%s at %x", view.shape(), slot.address())
                        .isEqualTo(known & ~ACCESSED_DIRTY);
            }
        }
    }
}

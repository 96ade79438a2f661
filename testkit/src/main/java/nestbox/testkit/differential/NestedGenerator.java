package nestbox.testkit.differential;

import java.util.ArrayList;
import java.util.List;
import nestbox.core.Seed;

/**
 * Random steps of an L1 and its two guests that obey the manual's rules of invalidation. The guests are two processors of a
 * {@link Generator}, which share their tables; where L1 takes an instruction of theirs it does what the instruction would have done.
 * Between their actions L1 has some of its own. What may be lost to an exit is a step that does nothing.
 */
final class NestedGenerator {
    private final NestedVendor vendor;
    private final Shape shape;
    private final Seed random;
    private final Generator guests;
    private final NestedControl control;
    private final List<NestedStep> steps = new ArrayList<>();
    private int guest;

    /** @param forgetful L1 and its guests leave out invalidations */
    NestedGenerator(NestedVendor vendor, Shape shape, boolean tdp, NestedImage image, long seed, boolean forgetful) {
        this.vendor = vendor;
        this.shape = shape;
        random = new Seed(seed);
        // With EPT an L2 in 32-bit code is unrestricted (VmxControl).
        Traits traits = Traits.ofGuest(vendor == NestedVendor.AMD || tdp);
        guests = new Generator(shape, random.nextLong(), NestedControl.GUESTS, traits, forgetful, false);
        Stage stage = tdp ? new Stage(vendor == NestedVendor.INTEL) : null;
        Seed choices = new Seed(random.nextLong());
        control = vendor == NestedVendor.INTEL
                ? new VmxControl(image, shape, stage, choices)
                : new SvmControl(image, shape, stage, choices);
        control.forgetful = forgetful;
    }

    /** A case of about {@code count} steps. */
    NestedCase generate(int count) {
        NestedCase start = new NestedCase(
                vendor, shape, control.stage != null, guests.start(), control.words(guests.root()), List.of());
        while (steps.size() < count) {
            int choice = random.nextInt(100);
            if (choice < 70) {
                guests();
            } else if (choice < 82) {
                steps.addAll(control.action(guest));
            } else if (choice < 90 && control.stage != null) {
                stage();
            } else {
                steps.add(control.miscellaneous(guest));
            }
        }
        return start.with(List.copyOf(steps));
    }

    private void stage() {
        int choice = random.nextInt(100);
        steps.addAll(
                choice < 60
                        ? control.editStage()
                        : choice < 85 ? control.breakStage(guest) : control.otherStage(guest));
    }

    /** An action of the guests, some of its steps done by L1. */
    private void guests() {
        for (Step step : guests.more()) {
            guest = step.cpu();
            if (step.op() == Op.STORE8
                    && step.a() >= Layout.TABLES
                    && step.a() < Layout.TABLES_END
                    && control.chance(30)) {
                steps.add(NestedStep.l1(L1Op.STORE8, step.a(), step.b()));
            } else if (step.op() == Op.INVLPG && control.chance(15)) {
                steps.addAll(control.flush(guest, step.a()));
            } else {
                steps.add(NestedStep.of(step));
                steps.addAll(control.instead(step));
            }
        }
    }
}

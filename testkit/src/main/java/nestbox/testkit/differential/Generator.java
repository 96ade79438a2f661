package nestbox.testkit.differential;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import nestbox.core.Seed;
import nestbox.testkit.differential.Tables.Slot;

/**
 * Random steps that obey the manual's rules of invalidation (SDM Vol. 3, "Invalidation of TLBs and Paging-Structure Caches"): an
 * edit is followed by what it requires, on every processor before that one's next access. What the manual lets software leave out
 * is left out half of the time. A forgetful guest leaves out three required invalidations in four, and calls nothing, since stale
 * code could be anything.
 */
final class Generator {
    private final Seed random;
    final Traits traits;
    final boolean forgetful;
    /** The paging modes that the guest switches between, the one at the start first. */
    final List<View> views = new ArrayList<>();

    private final int firstView;
    private final List<Step> steps = new ArrayList<>();
    final Processor[] processors;
    private final Map<Long, Long> initial;
    /** Null for a guest that stays in its paging mode and is not interrupted. */
    final Excursions excursions;

    final Accesses accesses;
    final Edits edits;
    final Invalidations invalidations;
    final Controls controls;

    /** Who takes the next step, and its paging mode. */
    Processor now;

    Shape shape;
    Tables tables;
    Entries entries;

    /** Page tables in one paging mode. */
    record View(Shape shape, Tables tables, Entries entries) {}

    /**
     * A guest.
     *
     * @param forgetful the guest leaves out invalidations
     * @param excursions the guest switches between paging modes, too, enters real mode and is interrupted
     */
    Generator(Shape shape, long seed, int cpus, Traits traits, boolean forgetful, boolean excursions) {
        this.traits = traits;
        this.forgetful = forgetful;
        random = new Seed(seed);
        addViews(shape, excursions);
        firstView = views.get(0).shape == shape ? 0 : 1;
        processors = new Processor[cpus];
        for (int i = 0; i < cpus; i++) {
            processors[i] = new Processor(i, shape);
            processors[i].view = firstView;
        }
        accesses = new Accesses(this, random);
        edits = new Edits(this, random);
        invalidations = new Invalidations(this, random);
        controls = new Controls(this, random);
        this.excursions = excursions ? new Excursions(this, random) : null;
        turn(processors[0]);
        initial = Map.copyOf(tables.contents());
    }

    private void addViews(Shape first, boolean all) {
        if (all && !first.wide) {
            addView(Shape.TWO_LEVEL, null, true);
            addView(Shape.PAE, views.get(0).tables, true);
        } else {
            addView(first, null, all);
            if (all && traits.fiveLevels()) {
                addView(first == Shape.FIVE_LEVEL ? Shape.FOUR_LEVEL : Shape.FIVE_LEVEL, views.get(0).tables, true);
            }
        }
    }

    private void addView(Shape of, Tables beside, boolean all) {
        Tables its = new Tables(of, beside);
        View view = new View(of, its, new Entries(its, random, traits, all));
        views.add(view);
        for (Slot slot : its.slots) {
            if (random.nextInt(8) != 0) {
                its.set(slot.address(), view.entries.linked(slot));
            }
        }
    }

    /** The next steps are this processor's. */
    void turn(Processor processor) {
        now = processor;
        View view = views.get(now.view);
        shape = view.shape;
        tables = view.tables;
        entries = view.entries;
    }

    /** A case of about {@code count} steps. */
    Case generate(int count) {
        while (steps.size() < count) {
            action();
        }
        View first = views.get(firstView);
        return new Case(first.shape, processors.length, first.tables.roots[0], initial, List.copyOf(steps));
    }

    /** The steps of one more action. */
    List<Step> more() {
        int from = steps.size();
        action();
        return List.copyOf(steps.subList(from, steps.size()));
    }

    /** Entries of page tables at the start. */
    Map<Long, Long> start() {
        return initial;
    }

    long root() {
        return tables.roots[0];
    }

    void emit(Op op, long a, long b, long c) {
        steps.add(new Step(op, now.id, a, b, c));
    }

    boolean chance(int percent) {
        return random.nextInt(100) < percent;
    }

    <T> T pick(List<T> list) {
        return list.get(random.nextInt(list.size()));
    }

    private void action() {
        int choice = random.nextInt(100);
        if (choice < 28) {
            edits.edit();
        } else if (choice < 76) {
            accesses.access();
        } else if (choice < 84) {
            controls.switchSpace(1 - now.space);
            if (excursions != null && chance(50)) {
                accesses.visitAgain();
            }
        } else if (choice < 90) {
            controls.control();
        } else if (choice < 93) {
            invalidations.needlessInvalidation();
        } else if (choice < 96) {
            emit(word(), pick(tables.slots).address(), 0, 0);
        } else if (choice < 98) {
            emit(Op.PCI, 0x8000005bL, random.nextInt(4), 0);
        } else if (excursions != null) {
            excursions.action();
        } else if (processors.length > 1) {
            turn(pick(List.of(processors)));
        } else {
            emit(Op.IPI, 0, 0, 0);
        }
        if (processors.length > 1 && chance(6)) {
            turn(pick(List.of(processors)));
        }
    }

    private Op word() {
        return shape.entryBytes == 8 && shape.wide ? Op.LOAD8 : Op.LOAD4;
    }
}

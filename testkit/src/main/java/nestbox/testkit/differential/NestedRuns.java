package nestbox.testkit.differential;

import java.util.List;

/** The runs of one nested case in a campaign, and smaller cases that show the same. */
final class NestedRuns {
    static final String REFERENCE = "none/keep";
    private static final String NOTHING_CACHED = "none/none";
    /** Judges L2's translations, too. */
    private static final String JUDGED = "tdp/keep" + Subject.CHECK;

    private final NestedCampaign campaign;
    private final NestedImage image;
    private final long number;

    NestedRuns(NestedCampaign campaign, NestedImage image, long number) {
        this.campaign = campaign;
        this.image = image;
        this.number = number;
    }

    /**
     * What is wrong with a case.
     *
     * @param way who differs
     * @param nested the case, made as small as could be
     * @param first in words, before that
     * @param what in words
     */
    record Wrong(String way, NestedCase nested, String first, String what) {}

    NestedObservation run(NestedCase nested, String way) {
        NestedSubject subject = NestedSubject.of(way, campaign.vendor(), campaign.tdp(), number);
        return NestedObservation.of(image, nested, subject.with(campaign.configured(subject.configuration())));
    }

    /** What a way shows that the reference does not, made small; or null. */
    Wrong compare(NestedCase nested, NestedObservation right, String way) {
        String what = right.ended() ? right.difference(run(nested, way), nested) : right.outcome();
        return what == null ? null : minimized(nested, way, what);
    }

    /** Steps that were left out may leave an L1 that goes wrong in another way, which is another finding. */
    private static String kind(String what) {
        return what.replaceAll("step \\d+", "")
                .replaceAll("[0-9a-f]+, not.*", "")
                .replaceAll("\\b[0-9a-f]{5,}\\b", "")
                .replaceAll("L2[ab]", "L2")
                .replaceAll(" [0-9a-f]+, [0-9a-f]+, [0-9a-f]+", "");
    }

    /** How L1 or a guest of it breaks the rules, so that a difference is the generator's fault; or null. */
    private String disobeys(NestedCase nested, NestedObservation right) {
        if (!right.ended()) {
            return "does not come to its end: " + right.outcome();
        }
        String cached = right.difference(run(nested, NOTHING_CACHED), nested);
        if (cached != null) {
            return "sees what the silicon caches: " + cached;
        }
        String judged = run(nested, JUDGED).outcome();
        return judged.startsWith("ended after") ? "uses what it had to invalidate: " + judged : null;
    }

    private String differs(NestedCase nested, String way) {
        NestedObservation right = run(nested, REFERENCE);
        String what = right.ended() ? right.difference(run(nested, way), nested) : null;
        // A case that got shorter must still obey.
        return what == null || disobeys(nested, right) != null ? null : what;
    }

    private String disobeys(NestedCase nested) {
        return disobeys(nested, run(nested, REFERENCE));
    }

    private Wrong minimized(NestedCase nested, String way, String what) {
        String disobedience = disobeys(nested);
        if (disobedience != null) {
            Minimizer.Found<NestedStep> found = Minimizer.minimize(
                    new Minimizer.Found<>(nested.steps(), disobedience),
                    steps -> same(disobeys(nested.with(steps)), disobedience));
            return new Wrong(
                    REFERENCE, nested.with(found.steps()), what, "the generator made an L1 that " + found.what());
        }
        Minimizer.Found<NestedStep> found = Minimizer.minimize(
                new Minimizer.Found<>(nested.steps(), what), steps -> same(differs(nested.with(steps), way), what));
        NestedCase small = nested.with(found.steps());
        List<String> words = run(small, REFERENCE).words(run(small, way), 12);
        return new Wrong(way, small, what, found.what() + "\n  " + String.join("\n  ", words));
    }

    private static String same(String still, String what) {
        return still != null && kind(still).equals(kind(what)) ? still : null;
    }
}

package nestbox.testkit.differential;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Runs cases under several subjects and compares each with the first, the reference. */
public final class Differential {
    private final Map<Boolean, CaseImage> images = new HashMap<>();

    /**
     * A difference.
     *
     * @param subject who differs from the reference
     * @param guest the case, made as small as could be
     * @param first in words, before that
     * @param what in words
     */
    public record Difference(Subject subject, Case guest, String first, String what) {
        @Override
        public String toString() {
            StringBuilder text = new StringBuilder(subject.name())
                    .append(": ")
                    .append(what)
                    .append(" (at first: ")
                    .append(first)
                    .append(")\n");
            for (int i = 0; i < guest.steps().size(); i++) {
                text.append("  ")
                        .append(i)
                        .append(' ')
                        .append(guest.steps().get(i))
                        .append('\n');
            }
            return text.toString();
        }
    }

    Observation run(Case guest, Subject subject) {
        CaseImage image = images.computeIfAbsent(guest.shape().wide, CaseImage::new);
        return Observation.of(image, guest, subject);
    }

    /** The first difference of one of {@code subjects} from {@code reference}, with its steps minimized. */
    public Optional<Difference> compare(Case guest, Subject reference, List<Subject> subjects) {
        Observation right = run(guest, reference);
        if (!right.outcome().startsWith("ended")) {
            return Optional.of(disobedient(guest, reference));
        }
        for (Subject subject : subjects) {
            String what = right.difference(run(guest, subject), guest);
            if (what != null) {
                return Optional.of(minimized(guest, reference, subject, what));
            }
        }
        return Optional.empty();
    }

    /** Steps that were left out may leave a guest that goes wrong in another way, which is another finding. */
    private static String kind(String what) {
        return what.replaceAll("^step \\d+, ", "").replaceAll(": .*", "").replaceAll("[0-9a-f]{5,}", "");
    }

    /** Without its steps of invalidation a guest may differ as it likes. */
    private boolean obeys(Case guest, Subject reference) {
        return run(guest, reference.checked()).outcome().equals("ended");
    }

    private Difference minimized(Case guest, Subject reference, Subject subject, String what) {
        if (!obeys(guest, reference)) {
            return disobedient(guest, reference.checked());
        }
        Minimizer.Found<Step> small = Minimizer.minimize(new Minimizer.Found<>(guest.steps(), what), steps -> {
            Case smaller = guest.with(steps);
            Observation right = run(smaller, reference);
            boolean ends = right.outcome().startsWith("ended");
            String still = ends ? right.difference(run(smaller, subject), smaller) : null;
            boolean same = still != null && kind(still).equals(kind(what)) && obeys(smaller, reference);
            return same ? still : null;
        });
        return new Difference(subject, guest.with(small.steps()), what, small.what());
    }

    /** The report of {@code --check tlb} without its numbers; an end of another kind as it is: smaller guests may go astray elsewhere. */
    private static String report(String outcome) {
        return outcome.startsWith("ended") ? outcome.replaceAll("\\b[0-9a-f]+\\b", "") : outcome;
    }

    /** A fault of the generator, not of L0: the guest goes astray, or uses a translation that it should have invalidated. */
    private Difference disobedient(Case guest, Subject reference) {
        String what = run(guest, reference).outcome();
        Minimizer.Found<Step> small = Minimizer.minimize(new Minimizer.Found<>(guest.steps(), what), steps -> {
            String still = run(guest.with(steps), reference).outcome();
            return report(still).equals(report(what)) ? still : null;
        });
        return new Difference(
                reference, guest.with(small.steps()), what, "the generator made a guest that " + small.what());
    }
}

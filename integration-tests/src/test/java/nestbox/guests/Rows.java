package nestbox.guests;

import org.assertj.core.api.SoftAssertions;

/** Rows of a table of guests: what each does, the guest, and how it must end. All rows run before any is reported. */
final class Rows {
    private final SoftAssertions all = new SoftAssertions();

    Rows row(String what, Probe probe, String expected) {
        String found;
        try {
            found = probe.run();
        } catch (RuntimeException | AssertionError e) {
            found = e.toString();
        }
        all.assertThat(found).as(what).isEqualTo(expected);
        return this;
    }

    void check() {
        all.assertAll();
    }
}

package nestbox.testkit.scenario;

import com.google.inject.AbstractModule;
import com.google.inject.multibindings.OptionalBinder;
import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import nestbox.machine.Outcome;
import nestbox.machine.load.ImageFile;
import nestbox.modules.Nestbox;
import nestbox.x86.insn.Asm;

/**
 * One cell of the matrix: a scenario under one column.
 *
 * @param observed what was seen
 */
public record ScenarioRun(Scenario scenario, Scenario.Column column, String observed) {
    private static final long LIMIT = 50_000_000;
    private static final long LOAD = 0x100000;

    /** Assembles the scenario's image and runs it. */
    public static ScenarioRun of(Scenario scenario, Scenario.Column column) {
        ByteArrayOutputStream serial = new ByteArrayOutputStream();
        Nestbox lab = Nestbox.create(column.configuration(), new AbstractModule() {
            @Override
            protected void configure() {
                OptionalBinder.newOptionalBinder(binder(), OutputStream.class)
                        .setBinding()
                        .toInstance(serial);
            }
        });
        lab.load(new ImageFile(scenario.id(), Asm.assemble(32, LOAD, scenario.source())), "");
        Outcome outcome = lab.run(LIMIT);
        String printed = serial.toString(StandardCharsets.ISO_8859_1);
        boolean ended = outcome.kind() == Outcome.Kind.DEBUG_EXIT;
        return new ScenarioRun(
                scenario, column, ended ? printed : outcome.kind().name().toLowerCase(Locale.ROOT));
    }

    /** Whether what was seen is what the column expects. */
    public boolean asExpected() {
        return observed.equals(column.observed());
    }

    /** The cell in words. */
    public String text() {
        String seen = observed.chars().allMatch(c -> c > ' ' && c < 0x7f) ? observed : "ones";
        String verdict = observed.equals(scenario.right()) ? "right" : "wrong";
        return verdict + ": " + seen + (asExpected() ? "" : " (NOT AS EXPECTED)");
    }
}

package nestbox.testkit.scenario;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import nestbox.core.NestboxException;

/** The catalogue. Its scenarios are assembly sources beside this class, in the order of the file {@code index}. */
public final class Scenarios {
    private static final String SUFFIX = ".asm";

    private Scenarios() {}

    /** Every scenario: the seed threads, then the bugs of KVM's history. */
    public static List<Scenario> all() {
        return Catalogue.ALL;
    }

    /** Read when it is first asked for. */
    private static final class Catalogue {
        static final List<Scenario> ALL =
                read("index").lines().map(name -> parse(name + SUFFIX)).toList();
    }

    private static Scenario parse(String file) {
        return ScenarioFile.parse(file, read(file), Scenarios::include);
    }

    /**
     * A scenario of the catalogue, or that of a user's own file.
     *
     * @param id its name, in any case, or a path that ends in {@code .asm}
     * @throws NestboxException if there is none, or the file is wrong
     */
    public static Scenario named(String id) {
        if (id.endsWith(SUFFIX)) {
            return ofFile(Path.of(id));
        }
        // A source's name is as a rule its scenario's in small letters: then the others need not be read.
        List<String> likely = read("index").lines().filter(id::equalsIgnoreCase).toList();
        List<Scenario> found = likely.isEmpty() ? all() : List.of(parse(likely.get(0) + SUFFIX));
        return found.stream()
                .filter(scenario -> scenario.id().equalsIgnoreCase(id))
                .findFirst()
                .orElseThrow(() -> new NestboxException("scenario " + id, "is not in the catalogue"));
    }

    private static Scenario ofFile(Path file) {
        try {
            return ScenarioFile.parse(file.toString(), Files.readString(file), Scenarios::include);
        } catch (IOException e) {
            throw new NestboxException(file.toString(), "cannot be read: " + e.getMessage(), e);
        }
    }

    /** The source that {@code ;; include NAME} puts in front, for programs that are no scenarios. */
    public static String include(String name) {
        return read("include/" + name + SUFFIX);
    }

    private static String read(String name) {
        try (InputStream in = Scenarios.class.getResourceAsStream(name)) {
            if (in == null) {
                throw new NestboxException("scenario", "there is no source " + name + " in the catalogue");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Runs every column of a scenario. */
    public static List<ScenarioRun> run(Scenario scenario) {
        return scenario.columns().stream()
                .map(column -> ScenarioRun.of(scenario, column))
                .toList();
    }
}

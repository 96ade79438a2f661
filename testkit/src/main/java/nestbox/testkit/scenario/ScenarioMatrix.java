package nestbox.testkit.scenario;

import java.util.List;
import java.util.stream.Collectors;
import nestbox.testkit.scenario.Scenario.Verdict;

/** The catalogue's outcomes as a table of Markdown: a scenario a row, the ways to run it by what they come to. */
public final class ScenarioMatrix {
    private ScenarioMatrix() {}

    /** @param runs all cells, those of a scenario together */
    public static String markdown(List<ScenarioRun> runs) {
        StringBuilder out = new StringBuilder("| scenario | | right | else |\n|---|---|---|---|\n");
        List<Scenario> scenarios =
                runs.stream().map(ScenarioRun::scenario).distinct().toList();
        for (Scenario scenario : scenarios) {
            List<ScenarioRun> cells =
                    runs.stream().filter(run -> run.scenario() == scenario).toList();
            out.append("| ").append(scenario.id());
            out.append(" | ").append(scenario.title());
            out.append(" | ").append(cells(cells, true));
            out.append(" | ").append(cells(cells, false)).append(" |\n");
        }
        return out.toString();
    }

    private static String cells(List<ScenarioRun> cells, boolean right) {
        return cells.stream()
                .filter(run -> (run.verdict() == Verdict.RIGHT) == right)
                .map(run -> "`" + run.column().text() + "`" + (right ? "" : ": " + run.text()))
                .collect(Collectors.joining("<br>"));
    }
}

package nestbox.testkit.scenario;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import nestbox.core.NestboxException;
import nestbox.modules.L0Mode;
import nestbox.modules.NestboxConfiguration;
import nestbox.testkit.scenario.Scenario.Column;
import nestbox.testkit.scenario.Scenario.Verdict;

/**
 * Reads a scenario from its assembly source. Lines that begin with {@code ;;} say what it is, comments {@code ; step N: text} number
 * what happens, from 0:
 *
 * <pre>
 * ;; scenario ID: title
 * ;; origin   thread, commit or CVE
 * ;; note     a line of explanation (any number)
 * ;; include  NAME (source in front of this one)
 * ;; cpu      MODEL of silicon and guest
 * ;; probe    KIND of what is observed besides the output
 * ;; reenter  (userspace goes on when L0 has given the guest up, once)
 * ;; right    what is seen where all is right
 * ;; cell     bare|tdp|shadow [NAME=VALUE...] -&gt; right|slow|wrong|refused [TEXT]
 * </pre>
 *
 * A cell's settings are {@code cpu}, {@code guestCpu}, {@code tlb}, {@code cpus}, {@code inject} and policies; {@code right} without
 * a text means the scenario's own. What does not print is written {@code \xNN}.
 */
final class ScenarioFile {
    private final String name;
    private final Function<String, String> include;
    private final StringBuilder source = new StringBuilder();
    private final StringBuilder included = new StringBuilder();
    private final Map<Integer, String> steps = new TreeMap<>();
    private final List<String> notes = new ArrayList<>();
    private final List<Probe.Kind> probes = new ArrayList<>();
    private final List<String> cells = new ArrayList<>();
    private String id;
    private String title;
    private String origin = "";
    private String cpu = "max,+vmx";
    private String right;
    private boolean reenters;
    private int line;

    private ScenarioFile(String name, Function<String, String> include) {
        this.name = name;
        this.include = include;
    }

    /**
     * @param name for messages
     * @param include gives the text of an included source
     * @throws NestboxException naming file and line of what is wrong
     */
    static Scenario parse(String name, String text, Function<String, String> include) {
        ScenarioFile file = new ScenarioFile(name, include);
        file.read(text);
        return file.scenario();
    }

    private void read(String text) {
        for (String raw : text.split("\n", -1)) {
            line++;
            if (raw.stripLeading().startsWith(";;")) {
                header(raw.strip().substring(2).trim());
            } else {
                step(raw);
                source.append(raw).append('\n');
            }
        }
    }

    private NestboxException bad(String what) {
        return new NestboxException(name + ":" + line, what);
    }

    private void header(String text) {
        int space = text.indexOf(' ');
        String word = space < 0 ? text : text.substring(0, space);
        String rest = space < 0 ? "" : text.substring(space).trim();
        switch (word) {
            case "scenario" -> {
                int colon = rest.indexOf(": ");
                if (colon < 0) {
                    throw bad("is not 'scenario ID: title'");
                }
                id = rest.substring(0, colon);
                title = rest.substring(colon + 2);
            }
            case "origin" -> origin = rest;
            case "note" -> notes.add(rest);
            case "include" -> include(rest);
            case "cpu" -> cpu = rest;
            case "probe" -> probes.add(probe(rest));
            case "reenter" -> reenters = true;
            case "right" -> right = rest;
            case "cell" -> cells.add(rest);
            default ->
                throw bad(
                        "'" + word + "' is none of scenario, origin, note, include, cpu, probe, reenter, right, cell");
        }
    }

    /** Steps and probes of what is included count; the file itself says the rest. */
    private void include(String other) {
        ScenarioFile file = new ScenarioFile(other + ".asm", include);
        file.read(include.apply(other));
        included.append(file.included).append(file.source);
        steps.putAll(file.steps);
        notes.addAll(file.notes);
        probes.addAll(file.probes);
        origin = origin.isEmpty() ? file.origin : origin;
    }

    private Probe.Kind probe(String word) {
        try {
            return Probe.Kind.valueOf(word.toUpperCase(Locale.ROOT));
        } catch (IllegalArgumentException e) {
            throw bad("'" + word + "' is no probe");
        }
    }

    private void step(String raw) {
        int at = raw.indexOf("; step ");
        if (at < 0) {
            return;
        }
        String text = raw.substring(at + "; step ".length());
        int colon = text.indexOf(": ");
        try {
            if (steps.put(Integer.parseInt(text.substring(0, Math.max(colon, 0))), text.substring(colon + 2)) != null) {
                throw bad("numbers a step for the second time");
            }
        } catch (NumberFormatException e) {
            throw bad("is not 'step N: text'");
        }
    }

    private Scenario scenario() {
        if (id == null || right == null || cells.isEmpty() || steps.isEmpty()) {
            throw new NestboxException(name, "lacks one of scenario, right, cell, steps");
        }
        for (int i = 0; i < steps.size(); i++) {
            if (!steps.containsKey(i)) {
                throw new NestboxException(name, "lacks step " + i);
            }
        }
        List<Column> columns = cells.stream().map(this::column).toList();
        return new Scenario(
                id,
                title,
                origin,
                List.copyOf(notes),
                List.copyOf(steps.values()),
                included.append(source).toString(),
                right,
                List.copyOf(probes),
                reenters,
                columns);
    }

    private Column column(String cell) {
        int arrow = cell.indexOf("->");
        if (arrow < 0) {
            throw new NestboxException(name, "cell '" + cell + "' expects nothing");
        }
        String setting = cell.substring(0, arrow).trim();
        String[] expected = cell.substring(arrow + 2).trim().split(" ", 2);
        Verdict verdict = verdict(expected[0]);
        String text = expected.length > 1 ? expected[1].trim() : "";
        boolean says = verdict == Verdict.RIGHT || !text.isEmpty() && !text.equals(right);
        if (!says) {
            throw new NestboxException(name, "cell '" + cell + "' does not say what else is observed");
        }
        try {
            return new Column(setting, configuration(setting), verdict, text.isEmpty() ? right : text);
        } catch (NestboxException | NumberFormatException e) {
            throw new NestboxException(name, "cell '" + cell + "': " + e.getMessage(), e);
        }
    }

    private Verdict verdict(String word) {
        try {
            return Verdict.valueOf(word.toUpperCase(Locale.ROOT));
        } catch (IllegalArgumentException e) {
            throw new NestboxException(name, "'" + word + "' is none of right, slow, wrong, refused");
        }
    }

    private NestboxConfiguration configuration(String setting) {
        String[] words = setting.split(" +");
        NestboxConfiguration.Builder builder = begin(words[0]);
        for (int i = 1; i < words.length; i++) {
            int equals = words[i].indexOf('=');
            if (equals < 0) {
                throw new NestboxException("setting", "'" + words[i] + "' is not NAME=VALUE");
            }
            String value = words[i].substring(equals + 1);
            switch (words[i].substring(0, equals)) {
                case "cpu" -> builder.cpu(value);
                case "guestCpu" -> builder.guestCpu(value);
                case "tlb" -> builder.tlb(value);
                case "yield" -> builder.yieldAt(value);
                case "inject" -> builder.inject(value);
                case "cpus" -> builder.cpus(Integer.parseInt(value));
                default -> builder.policy(words[i].substring(0, equals), value);
            }
        }
        return builder.build();
    }

    private NestboxConfiguration.Builder begin(String word) {
        if (word.equals("bare")) {
            return NestboxConfiguration.bareSilicon().toBuilder().cpu(cpu);
        }
        L0Mode mode = switch (word) {
            case "tdp" -> L0Mode.TDP;
            case "shadow" -> L0Mode.SHADOW;
            default -> throw new NestboxException("setting", "'" + word + "' is none of bare, tdp, shadow");
        };
        return NestboxConfiguration.nested().toBuilder().l0(mode).cpu(cpu).guestCpu(cpu);
    }
}

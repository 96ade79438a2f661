package nestbox.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import nestbox.core.NestboxException;
import nestbox.x86.model.CpuImport;
import nestbox.x86.model.CpuModel;
import nestbox.x86.model.CpuModelText;
import nestbox.x86.model.CpuModels;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code nestbox cpu}: what models there are, what they show, and models from a user's file. */
@Command(
        name = "cpu",
        description = {
            "Lists, shows, compares and imports CPU models.",
            "MODEL is QEMU's grammar: NAME[,+feature][,-feature][,key=value]..., where NAME is a model, one of its versions"
                    + " (Haswell-v2), or @FILE: a model's data file, a dump of InstLatX64 or of 'cpuid -r', or the text of"
                    + " QEMU's vmxcap. vmxcap=FILE replaces the VMX capabilities of any model."
        },
        mixinStandardHelpOptions = true,
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {"0:done", "2:bad option, CPU model or file"})
final class CpuCommand implements Runnable {
    private static final String MODEL = "MODEL[,+feature...]";

    @Spec
    private CommandSpec spec;

    @Override
    public void run() {
        spec.commandLine().usage(spec.commandLine().getOut());
    }

    /** {@code nestbox cpu list}. */
    @Command(name = "list", description = "Lists the models.", mixinStandardHelpOptions = true)
    int list(
            @Option(names = "--all", description = "Their versions and other names, too.") boolean all,
            @Option(names = "--json", description = "Prints JSON: everything.") boolean json)
            throws JsonProcessingException {
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            List<Map<String, Object>> models =
                    CpuModels.names().stream().map(CpuCommand::describe).toList();
            out.println(new ObjectMapper()
                    .enable(SerializationFeature.INDENT_OUTPUT)
                    .writeValueAsString(models));
        } else {
            for (String name : CpuModels.names()) {
                out.printf("%-20s %s%n", name, CpuModels.description(name));
                if (all) {
                    for (String version : CpuModels.versions(name)) {
                        String alias = CpuModels.alias(version);
                        out.printf("  %-24s %s%n", version, alias.isEmpty() ? "" : "also " + alias);
                    }
                }
            }
        }
        out.flush();
        return 0;
    }

    private static Map<String, Object> describe(String name) {
        CpuModel model = CpuModel.parse(name);
        Map<String, Object> entry = new LinkedHashMap<>();
        entry.put("name", name);
        entry.put("description", CpuModels.description(name));
        entry.put(
                "vendor",
                CpuModels.choosesVendor(name) ? "either" : model.vendor().cpuidName());
        entry.put("family", model.family());
        entry.put("model", model.model());
        entry.put("stepping", model.stepping());
        entry.put("physicalBits", model.physicalBits());
        entry.put("linearBits", model.linearBits());
        List<Map<String, String>> versions = new ArrayList<>();
        for (String version : CpuModels.versions(name)) {
            versions.add(Map.of("name", version, "alias", CpuModels.alias(version)));
        }
        entry.put("versions", versions);
        return entry;
    }

    /** {@code nestbox cpu show}. */
    @Command(
            name = "show",
            description = "Shows a model: identity, features, what of it is hidden, VMX capabilities, CPUID.",
            mixinStandardHelpOptions = true)
    int show(@Parameters(paramLabel = MODEL, description = "See 'nestbox cpu --help'.") String specification) {
        PrintWriter out = spec.commandLine().getOut();
        CpuReport.show(CpuModel.parse(specification), out);
        out.flush();
        return 0;
    }

    /** {@code nestbox cpu diff}. */
    @Command(
            name = "diff",
            description = "Lists what two models differ in; a feature in parentheses is hidden.",
            mixinStandardHelpOptions = true)
    int diff(
            @Parameters(index = "0", paramLabel = "MODEL", description = "One model.") String one,
            @Parameters(index = "1", paramLabel = "MODEL", description = "The other.") String other) {
        PrintWriter out = spec.commandLine().getOut();
        CpuReport.diff(CpuModel.parse(one), CpuModel.parse(other), out);
        out.flush();
        return 0;
    }

    /** {@code nestbox cpu import}. */
    @Command(
            name = "import",
            description = {
                "Makes a model's data file of a dump (InstLatX64, AIDA64, 'cpuid -r') or of vmxcap's text and prints it; what was"
                        + " not understood or not used goes to the error stream."
            },
            mixinStandardHelpOptions = true)
    int importFile(
            @Parameters(paramLabel = "FILE", description = "The file, or FILE,patch...: a patch in QEMU's grammar.")
                    String file,
            @Option(names = "--name", paramLabel = "NAME", description = "The model's name; by default the file's.")
                    String name,
            @Option(
                            names = {"-o", "--output"},
                            paramLabel = "FILE",
                            description = "Writes the data file there.")
                    Path output) {
        String specification = file.startsWith("@") ? file : "@" + file;
        List<String> notes = CpuImport.read(specification.split(",")[0], null).notes();
        CpuModel model = CpuModel.parse(specification);
        CpuModel named = name == null ? model : model.toBuilder().name(name).build();
        List<String> lines = Stream.concat(Stream.of("# Imported from " + file), CpuModelText.lines(named).stream())
                .toList();
        write(lines, output);
        PrintWriter err = spec.commandLine().getErr();
        err.printf(
                "%s: %d features shown, %d hidden because not implemented; %s%n",
                named,
                named.features().size(),
                named.hiddenFeatures().size(),
                notes.isEmpty()
                        ? "everything was understood"
                        : notes.size() + " things were not understood or not used:");
        notes.forEach(note -> err.println("  " + note));
        err.flush();
        return 0;
    }

    private void write(List<String> lines, Path output) {
        if (output == null) {
            PrintWriter out = spec.commandLine().getOut();
            lines.forEach(out::println);
            out.flush();
            return;
        }
        try {
            Files.writeString(output, lines.stream().collect(Collectors.joining("\n", "", "\n")));
        } catch (IOException e) {
            throw new NestboxException(output.toString(), "cannot be written", e);
        }
    }

    /** {@code nestbox cpu table}. */
    @Command(
            name = "table",
            description = "Prints docs/cpu-models.md: what every model has, lacks and hides.",
            mixinStandardHelpOptions = true)
    int table() {
        PrintWriter out = spec.commandLine().getOut();
        out.print(CpuModelTable.text());
        out.flush();
        return 0;
    }
}

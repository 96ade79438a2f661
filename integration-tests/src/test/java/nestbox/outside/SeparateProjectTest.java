package nestbox.outside;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;
import org.apache.maven.shared.invoker.DefaultInvocationRequest;
import org.apache.maven.shared.invoker.DefaultInvoker;
import org.apache.maven.shared.invoker.InvocationRequest;
import org.apache.maven.shared.invoker.InvocationResult;
import org.apache.maven.shared.invoker.MavenInvocationException;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A Maven project of somebody else's, which depends on the test kit alone and plugs in a policy and a mocked CPU feature of its own.
 * Its local repository is made here: Nestbox's modules as they have just been compiled, and everything else from the repository of
 * the build that runs this test, without a network.
 */
class SeparateProjectTest {
    private static final Path ROOT = Path.of(System.getProperty("nestbox.root", ".."));
    private static final List<String> MODULES =
            List.of("core", "mmu-common", "x86", "machine", "hypervisor", "vmx", "svm", "modules", "testkit");
    private static final String VERSION = "0.1.0-SNAPSHOT";
    private static final int MOST_LINES = 60;

    @TempDir
    Path scratch;

    @Test
    void itsTestsRunAndPass() throws IOException, MavenInvocationException {
        String maven = System.getProperty("nestbox.maven.home", "");
        String present = System.getProperty("nestbox.maven.repository", "");
        boolean known = Files.isDirectory(Path.of(maven, "bin")) && Files.isDirectory(Path.of(present));
        Assumptions.assumeTrue(
                known || Boolean.getBoolean("nestbox.required"), "Maven does not say where it and its repository are");
        Path source = ROOT.resolve("integration-tests/src/it/own-policy");
        Path test = source.resolve("src/test/java/example/OwnPolicyTest.java");
        assertThat(Files.readAllLines(test)).hasSizeLessThan(MOST_LINES);
        Path project = scratch.resolve("own-policy");
        copy(source, project);
        Path repository = scratch.resolve("repository");
        stage("nestbox-parent", ROOT.resolve("pom.xml"), repository);
        for (String module : MODULES) {
            Path home = ROOT.resolve(module);
            Path staged = stage("nestbox-" + module, home.resolve("pom.xml"), repository);
            jar(home.resolve("target/classes"), staged.resolve("nestbox-" + module + "-" + VERSION + ".jar"));
        }
        Path settings = scratch.resolve("settings.xml");
        Files.writeString(
                settings,
                "<settings><mirrors><mirror><id>present</id><mirrorOf>*</mirrorOf><url>"
                        + Path.of(present).toUri() + "</url></mirror></mirrors></settings>");

        InvocationRequest request = new DefaultInvocationRequest();
        request.setPomFile(project.resolve("pom.xml").toFile());
        request.setUserSettingsFile(settings.toFile());
        request.setLocalRepositoryDirectory(repository.toFile());
        request.setJavaHome(new File(System.getProperty("java.home")));
        request.setBatchMode(true);
        // The build around this one holds what the user's mavenrc may wait for.
        request.addShellEnvironment("MAVEN_SKIP_RC", "true");
        request.addArg("test");
        StringBuilder output = new StringBuilder();
        request.setOutputHandler(line -> output.append(line).append('\n'));
        DefaultInvoker invoker = new DefaultInvoker();
        invoker.setMavenHome(new File(maven));
        InvocationResult result = invoker.execute(request);

        assertThat(result.getExitCode()).as(output.toString()).isZero();
        assertThat(output.toString()).contains("Tests run: 2, Failures: 0, Errors: 0, Skipped: 0");
    }

    /** The directory in a repository in which an artifact's POM now lies. */
    private static Path stage(String artifact, Path pom, Path repository) throws IOException {
        Path directory = Files.createDirectories(
                repository.resolve("nestbox").resolve(artifact).resolve(VERSION));
        Files.copy(pom, directory.resolve(artifact + "-" + VERSION + ".pom"));
        return directory;
    }

    private static void jar(Path classes, Path file) throws IOException {
        try (JarOutputStream jar = new JarOutputStream(Files.newOutputStream(file));
                Stream<Path> all = Files.walk(classes)) {
            for (Path path : all.filter(Files::isRegularFile).sorted().toList()) {
                jar.putNextEntry(
                        new JarEntry(classes.relativize(path).toString().replace(File.separatorChar, '/')));
                Files.copy(path, jar);
            }
        }
    }

    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> all = Files.walk(from)) {
            for (Path path : all.filter(Files::isRegularFile).toList()) {
                Path target = to.resolve(from.relativize(path).toString());
                Files.createDirectories(target.getParent());
                Files.copy(path, target);
            }
        }
    }
}

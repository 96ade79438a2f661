package nestbox.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import nestbox.cli.Main;
import nestbox.core.Clock;
import nestbox.machine.Machine;
import nestbox.mmu.memory.PhysicalMemory;
import nestbox.x86.Cpu;
import org.junit.jupiter.api.Test;

/** HotSpot compiles no method over 8,000 bytecodes: ours stay far below, so that nobody crosses the line unawares. */
class MethodSizeTest {
    private static final int LIMIT = 6_000;
    private static final int HOTSPOT_LIMIT = 8_000;

    /** Methods that may have up to {@link #HOTSPOT_LIMIT}, each with the reason beside it. */
    private static final Set<String> EXCEPTIONS = Set.of(
            // The table of CPU features; it runs once.
            "Feature.<clinit>()V");

    @Test
    void everyMethodIsSmallEnoughToBeCompiled() throws IOException, URISyntaxException {
        Map<String, Integer> sizes = new TreeMap<>();
        for (Class<?> member : List.of(Clock.class, PhysicalMemory.class, Cpu.class, Machine.class, Main.class)) {
            measure(member, sizes);
        }
        assertThat(sizes.size()).as("methods found").isGreaterThan(1_000);
        List<String> tooLarge = new ArrayList<>();
        sizes.forEach((method, size) -> {
            if (size > (EXCEPTIONS.contains(method) ? HOTSPOT_LIMIT : LIMIT)) {
                tooLarge.add(method + ": " + size);
            }
        });
        assertThat(tooLarge).isEmpty();
        assertThat(sizes.keySet()).containsAll(EXCEPTIONS);
    }

    /** Measures all classes of the jar or directory that {@code member} comes from. */
    private static void measure(Class<?> member, Map<String, Integer> sizes) throws IOException, URISyntaxException {
        Path place = Path.of(
                member.getProtectionDomain().getCodeSource().getLocation().toURI());
        if (Files.isDirectory(place)) {
            measure(place, sizes);
        } else {
            try (FileSystem jar = FileSystems.newFileSystem(URI.create("jar:" + place.toUri()), Map.of())) {
                measure(jar.getPath("/"), sizes);
            }
        }
    }

    private static void measure(Path root, Map<String, Integer> sizes) throws IOException {
        try (Stream<Path> files = Files.walk(root)) {
            files.filter(file -> file.toString().endsWith(".class")).forEach(file -> {
                try {
                    String type = file.getFileName().toString().replace(".class", "");
                    CodeSizes.of(Files.readAllBytes(file))
                            .forEach((method, size) -> sizes.put(type + "." + method, size));
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
        }
    }
}

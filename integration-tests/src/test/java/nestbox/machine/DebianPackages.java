package nestbox.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Files of the Debian packages that {@code .ci/packages} unpacks to the directory that property {@code nestbox.packages} names. A
 * test that asks for one is skipped without it, unless {@code nestbox.required} is set; {@code nestbox.images=skip} leaves out all
 * that run for minutes.
 */
final class DebianPackages {
    private DebianPackages() {}

    private static Path directory() {
        String named = System.getProperty("nestbox.packages", "");
        Path otherwise = Path.of(System.getProperty("nestbox.root", ".."), ".nestbox", "packages");
        return named.isEmpty() ? otherwise : Path.of(named);
    }

    /** The file that matches {@code name} in directory {@code inside} of the package whose name begins so. */
    static Path find(String packageName, String inside, String name) {
        assumeThat(System.getProperty("nestbox.images", ""))
                .as("images are wanted")
                .isNotEqualTo("skip");
        Path found = null;
        try {
            if (Files.isDirectory(directory())) {
                found = search(packageName, inside, name);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        if (Boolean.getBoolean("nestbox.required")) {
            assertThat(found).as("package " + packageName).isNotNull();
        }
        assumeThat(found).as("package " + packageName + " is unpacked").isNotNull();
        return found;
    }

    private static Path search(String packageName, String inside, String name) throws IOException {
        try (DirectoryStream<Path> packages = Files.newDirectoryStream(directory(), packageName + "*")) {
            for (Path one : packages) {
                Path where = one.resolve(inside);
                if (Files.isDirectory(where)) {
                    try (DirectoryStream<Path> files = Files.newDirectoryStream(where, name)) {
                        for (Path file : files) {
                            return file;
                        }
                    }
                }
            }
        }
        return null;
    }
}

package nestbox.benchmarks;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalDouble;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import nestbox.machine.load.ImageFile;
import nestbox.x86.insn.Asm;

/**
 * The same round trips on Debian's {@code bochs} where that is installed. It needs neither its BIOS nor a display: a ROM of ours
 * copies the guest to its place.
 */
final class Bochs {
    private static final int FEW = 100_000;
    private static final int MANY = 600_000;
    private static final int RUNS = 5;
    private static final int ROM_BYTES = 0x20000;
    private static final int IMAGE_BYTES = 0x1e000;
    private static final int CODE = 0x1f000;
    private static final int TABLE = 0x1ff00;
    private static final int TABLE_POINTER = 0x1ff20;
    private static final int RESET = 0x1fff0;
    private static final int ENTRY = 28;
    private static final int VIDEO_BYTES = 0x8000;

    private static final String CONFIGURATION = """
            display_library: rfb, options="timeout=0"
            cpu: model=%s, ignore_bad_msrs=1
            memory: guest=256, host=256
            romimage: file=rom.bin
            vgaromimage: file=video.bin
            vga: extension=none
            speaker: enabled=0
            sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy
            log: bochs.log
            panic: action=fatal
            error: action=ignore
            """;

    private Bochs() {}

    /** Million round trips a second, the median of five; empty without a {@code bochs} in the path. */
    static OptionalDouble roundTrips(Hypervisors.Guest guest, String model) {
        String path = System.getenv().getOrDefault("PATH", "");
        if (Stream.of(path.split(":")).noneMatch(folder -> Files.isExecutable(Path.of(folder, "bochs")))) {
            return OptionalDouble.empty();
        }
        double[] millions = new double[RUNS];
        for (int i = 0; i < RUNS; i++) {
            millions[i] = (MANY - FEW) / 1e6 / (seconds(guest, model, MANY) - seconds(guest, model, FEW));
        }
        Arrays.sort(millions);
        return OptionalDouble.of(millions[RUNS / 2]);
    }

    private static double seconds(Hypervisors.Guest guest, String model, int exits) {
        try {
            Path folder = Files.createTempDirectory("bochs");
            Files.write(folder.resolve("rom.bin"), rom(Hypervisors.ending(guest, exits)));
            Files.write(folder.resolve("video.bin"), video());
            Files.writeString(folder.resolve("configuration"), CONFIGURATION.formatted(model));
            Files.writeString(folder.resolve("commands"), "c\n");
            long start = System.nanoTime();
            Process process = new ProcessBuilder("bochs", "-q", "-f", "configuration", "-rc", "commands")
                    .directory(folder.toFile())
                    .redirectErrorStream(true)
                    .redirectOutput(folder.resolve("output").toFile())
                    .start();
            process.getOutputStream().close();
            boolean ended = process.waitFor(5, TimeUnit.MINUTES);
            double took = (System.nanoTime() - start) / 1e9;
            String log = Files.readString(folder.resolve("bochs.log"));
            if (!ended || !log.contains("shutdown requested")) {
                process.destroyForcibly();
                throw new IllegalStateException("bochs did not run the guest, see " + folder);
            }
            remove(folder);
            return took;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    private static void remove(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : (Iterable<Path>) files.sorted(Comparator.reverseOrder())::iterator) {
                Files.delete(file);
            }
        }
    }

    /** The last 128 KBytes below 1 MByte: the image, the code, its descriptors, and the jump that reset leads to. */
    private static byte[] rom(ImageFile guest) {
        byte[] image = guest.bytes();
        if (image.length > IMAGE_BYTES) {
            throw new IllegalArgumentException("an image of " + image.length + " bytes");
        }
        ByteBuffer rom = ByteBuffer.allocate(ROM_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        rom.put(0, image);
        String entry = "0x" + Integer.toHexString(rom.getInt(ENTRY));
        rom.put(CODE, Asm.assemble(16, CODE & 0xffff, Guests.read("rom.asm").replace("ENTRY", entry)));
        List<Long> descriptors = List.of(0L, 0x00cf9b0f0000ffffL, 0x00cf93000000ffffL, 0x00cf9b000000ffffL);
        for (int i = 0; i < descriptors.size(); i++) {
            rom.putLong(TABLE + 8 * i, descriptors.get(i));
        }
        rom.putShort(TABLE_POINTER, (short) (8 * descriptors.size() - 1));
        rom.putInt(TABLE_POINTER + 2, 0xe0000 + TABLE);
        rom.put(RESET, new byte[] {(byte) 0xea, 0x00, (byte) 0xf0, 0x00, (byte) 0xf0});
        return rom.array();
    }

    /** A video ROM that does nothing; its bytes sum up to 0. */
    private static byte[] video() {
        byte[] rom = new byte[VIDEO_BYTES];
        rom[0] = 0x55;
        rom[1] = (byte) 0xaa;
        rom[2] = VIDEO_BYTES / 512;
        rom[3] = (byte) 0xcb;
        rom[4] = (byte) -(0x55 + 0xaa + VIDEO_BYTES / 512 + 0xcb);
        return rom;
    }
}

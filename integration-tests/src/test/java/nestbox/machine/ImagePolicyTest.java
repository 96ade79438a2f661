package nestbox.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import nestbox.cli.Main;
import nestbox.core.trace.HashSink;
import nestbox.machine.load.ImageFile;
import nestbox.testkit.scenario.Scenarios;
import nestbox.vmx.silicon.VmxProvider;
import nestbox.x86.insn.Asm;
import nestbox.x86.model.CpuModel;
import org.junit.jupiter.api.Test;

/** Whole images that obey the manual's invalidation rules: one trace and one final state under every retention policy. */
class ImagePolicyTest {
    private static final List<String> POLICIES = List.of("none", "lru:16", "lru:2048", "seeded:3", "seeded:4");

    private record Run(String trace, long events, String state) {}

    private static Run run(MachineConfig.Builder config, ImageFile image, String arguments, long instructions) {
        Machine machine = new Machine(config.build());
        HashSink sink = new HashSink();
        machine.trace().addSink(sink);
        machine.load(image, arguments, List.of());
        Outcome outcome = machine.run(instructions);
        assertThat(outcome.kind()).as(outcome.detail()).isIn(Outcome.Kind.LIMIT, Outcome.Kind.DEBUG_EXIT);
        return new Run(sink.hash(), sink.events(), machine.digest());
    }

    private static void isTheSameUnderEveryPolicy(
            MachineConfig.Builder config, ImageFile image, String arguments, long instructions) {
        Run keep = run(config.tlbPolicy("keep"), image, arguments, instructions);
        assertThat(keep.events).isGreaterThan(50);
        for (String policy : POLICIES) {
            assertThat(run(config.tlbPolicy(policy), image, arguments, instructions))
                    .as(policy)
                    .isEqualTo(keep);
        }
        assertThat(run(config.blockSize(1), image, arguments, instructions))
                .as("blocks of 1")
                .isEqualTo(keep);
        assertThat(run(config.engine(MachineConfig.Engine.REFERENCE), image, arguments, instructions))
                .as("reference engine")
                .isEqualTo(keep);
    }

    /** With SMM, which it sets up on AMD processors. */
    @Test
    void seaBios() {
        Path image = Path.of("/usr/share/seabios/bios-256k.bin");
        if (!Boolean.getBoolean("nestbox.required")) {
            assumeThat(Files.isReadable(image))
                    .as("package seabios is installed")
                    .isTrue();
        }
        MachineConfig.Builder config =
                MachineConfig.builder(CpuModel.parse("EPYC")).memoryBytes(64 << 20);
        isTheSameUnderEveryPolicy(config, ImageFile.open(image), "", 1_000_000);
    }

    /** 64-bit paging, PCI, the timers, and the beginning of the first test. */
    @Test
    void memtest() {
        Path image = DebianPackages.find("memtest86+", "boot", "memtest86+x64.bin");
        MachineConfig.Builder config = MachineConfig.builder(CpuModel.parse("qemu64"))
                .memoryBytes(8 << 20)
                .screen(true);
        isTheSameUnderEveryPolicy(config, ImageFile.open(image), "nopause nobench nosm nosmp", 1_000_000);
    }

    /** The demo's hypervisor with two guests: VPIDs, EPT, and page tables of its own. */
    @Test
    void hypervisor() throws IOException {
        ImageFile image;
        try (InputStream in = Main.class.getResourceAsStream("l1.asm")) {
            String source = new String(in.readAllBytes(), StandardCharsets.UTF_8) + Scenarios.include("vmx32");
            image = new ImageFile("l1", Asm.assemble(32, 0x100000, source));
        }
        MachineConfig.Builder config =
                MachineConfig.builder(CpuModel.parse("max,+vmx")).virtualization(new VmxProvider());
        isTheSameUnderEveryPolicy(config, image, "", 50_000_000);
    }
}

package nestbox.machine;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import nestbox.cli.Main;
import nestbox.core.trace.HashSink;
import nestbox.machine.load.ImageFile;
import nestbox.mmu.tlb.RetentionPolicy;
import nestbox.x86.insn.Asm;
import nestbox.x86.mem.SiliconPort;
import nestbox.x86.model.CpuModel;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The demo's guest gives one trace, whatever executes it; .ci/run compares the hashes of two JDKs. */
class TraceHashTest {
    private record Run(String hash, long events, long now, String serial, Outcome outcome) {}

    private static Run run(MachineConfig.Engine engine, int blockSize) throws IOException {
        String source;
        try (InputStream in = Main.class.getResourceAsStream("demo.asm")) {
            source = new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
        ByteArrayOutputStream serial = new ByteArrayOutputStream();
        MachineConfig config = MachineConfig.builder(CpuModel.parse("max"))
                .engine(engine)
                .blockSize(blockSize)
                .tlbPolicy("keep")
                .serial(serial)
                .build();
        Machine machine = new Machine(config, cpu -> new SiliconPort(cpu, cpu.physical, RetentionPolicy.KEEP));
        HashSink sink = new HashSink();
        machine.trace().addSink(sink);
        machine.load(new ImageFile("demo.asm", Asm.assemble(32, 0x100000, source)), "", List.of());
        Outcome outcome = machine.run(10_000_000);
        return new Run(sink.hash(), sink.events(), machine.now(), serial.toString(StandardCharsets.US_ASCII), outcome);
    }

    @ParameterizedTest
    @CsvSource({"BLOCK, 64", "BLOCK, 4", "BLOCK, 1", "REFERENCE, 1"})
    void everyEngineGivesTheSameTrace(MachineConfig.Engine engine, int blockSize) throws IOException {
        assertThat(run(engine, blockSize)).isEqualTo(run(MachineConfig.Engine.BLOCK, 17));
    }

    @Test
    void theGuestGoesWrongUnderKeepAndEndsWell() throws IOException {
        Run run = run(MachineConfig.Engine.BLOCK, 64);
        assertThat(run.outcome().kind()).isEqualTo(Outcome.Kind.DEBUG_EXIT);
        assertThat(run.outcome().code()).isZero();
        assertThat(run.serial())
                .contains("no INVLPG yet. The page says: old\n")
                .endsWith("After INVLPG the page says: new\n");
        assertThat(run.events()).isGreaterThan(400);
    }
}

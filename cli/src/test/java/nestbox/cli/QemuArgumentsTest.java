package nestbox.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import nestbox.core.NestboxException;
import nestbox.machine.MachineConfig;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class QemuArgumentsTest {
    /** What kvm-unit-tests' x86/run puts before a configuration's own options. */
    private static final String RUNNER =
            "--no-reboot -nodefaults -global kvm-pit.lost_tick_policy=discard -device pc-testdev"
                    + " -device isa-debug-exit,iobase=0xf4,iosize=0x4 -display none -serial stdio -machine accel=tcg -kernel";

    private static RunSettings parse(String line, String more) {
        return QemuArguments.parse(line.split(" "), more);
    }

    @Test
    void theRunnersLine() {
        RunSettings settings = parse(
                RUNNER + " x86/apic.flat -initrd /tmp/env -smp 2 -append x -machine pit=off -cpu qemu64,+x2apic -m 2g"
                        + " -overcommit cpu-pm=on",
                null);
        assertThat(settings.image).isEqualTo("x86/apic.flat");
        assertThat(settings.initrd).isEqualTo("/tmp/env");
        assertThat(settings.processors).isEqualTo(2);
        assertThat(settings.append).isEqualTo("x");
        assertThat(settings.cpu).isEqualTo("qemu64,+x2apic");
        assertThat(settings.memory).isEqualTo(2L << 30);
        assertThat(settings.reboot).isFalse();
        assertThat(settings.summary).isFalse();
    }

    @Test
    void defaultsAreQemus() {
        RunSettings settings = parse("-kernel k", null);
        assertThat(settings.cpu).isEqualTo("qemu64");
        assertThat(settings.memory).isEqualTo(128L << 20);
        assertThat(settings.reboot).isTrue();
    }

    @Test
    void theEnvironmentsOptionsComeLast() {
        RunSettings settings =
                parse("-kernel k -cpu qemu64", " --tlb keep  --engine reference --limit 5M --seed 0x10 -cpu max ");
        assertThat(settings.tlb).isEqualTo("keep");
        assertThat(settings.engine).isEqualTo(MachineConfig.Engine.REFERENCE);
        assertThat(settings.limit).isEqualTo(5_000_000);
        assertThat(settings.seed).isEqualTo(16);
        assertThat(settings.cpu).isEqualTo("max");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "-kernel", "-nosuch", "disk.img", "-kernel k -device e1000",
                        "-kernel k -device isa-debug-exit,iobase=0x501",
                "-kernel k -M q35", "-kernel k -machine vmport=on", "-kernel k -smp 17", "-kernel k -smp 0",
                        "-nodefaults",
                "-kernel k -serial file:x", "-kernel k --engine warp"
            })
    void whatIsMissingIsRefused(String line) {
        assertThatThrownBy(() -> parse(line, null)).isInstanceOf(NestboxException.class);
    }

    /** -cpu is the guest's model under L0 alone. */
    @Test
    void theSiliconUnderL0HasAModelOfItsOwn() {
        assertThat(parse("-kernel k", "--l0 tdp").silicon).isEqualTo("max");
        assertThat(parse("-kernel k", "--silicon Haswell --l0 shadow --check tlb").silicon)
                .isEqualTo("Haswell");
        assertThat(parse("-kernel k", "--l0 none").silicon).isNull();
    }

    /** What is about L0 is refused without it, by the names that the user gave. */
    @Test
    void optionsOfL0NeedL0() {
        RunSettings settings = parse("-kernel k", "--silicon max --inject hardware=vmfail --policy kvm --fep");
        assertThatThrownBy(() -> RunConfiguration.of(settings, OutputStream.nullOutputStream(), System.err))
                .isInstanceOf(NestboxException.class)
                .hasMessage("--silicon, --policy, --inject, --fep: about L0: give --l0 tdp or shadow, too");
    }

    private static String errors(String line, int exitCode) {
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        int code = QemuMain.execute(line.split(" "), null, OutputStream.nullOutputStream(), new PrintStream(err, true));
        assertThat(code).isEqualTo(exitCode);
        return err.toString();
    }

    @Test
    void aMissingKernelIsReportedInTheWordsThatTheRunnerLooksFor() {
        assertThat(errors(RUNNER + " _NO_FILE_4Uhere_", 2)).contains("could not open kernel file '_NO_FILE_4Uhere_'");
    }

    @Test
    void aProcessorThatCannotBeIsReportedBeforeTheKernelIsLookedAt() {
        assertThat(errors(RUNNER + " _NO_FILE_4Uhere_ -cpu nosuch", 2))
                .contains("unknown CPU model")
                .doesNotContain("kernel");
    }

    @Test
    void tooManyProcessorsAreReportedInTheWordsThatTheRunnerLooksFor() {
        assertThat(errors(RUNNER + " _NO_FILE_4Uhere_ -smp 64", 2).trim())
                .contains("SMP CPUs")
                .endsWith(" 16");
    }
}

package nestbox.testkit.guest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.inject.AbstractModule;
import com.google.inject.multibindings.OptionalBinder;
import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.stream.Stream;
import nestbox.machine.Outcome;
import nestbox.modules.Nestbox;
import nestbox.modules.NestboxConfiguration;
import nestbox.svm.vmcb.ExitCode;
import nestbox.vmx.capability.VmxFeature;
import nestbox.x86.insn.AssemblyException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The building blocks set up what they say, on bare silicon and under L0. */
class GuestTest {
    private static final NestboxConfiguration AMD = NestboxConfiguration.nested().toBuilder()
            .cpu("max,+svm")
            .guestCpu("max,+svm")
            .build();

    /** What a guest prints, and how it ends unless well. */
    private static String run(NestboxConfiguration configuration, Guest guest) {
        ByteArrayOutputStream serial = new ByteArrayOutputStream();
        Nestbox lab = Nestbox.create(configuration, new AbstractModule() {
            @Override
            protected void configure() {
                OptionalBinder.newOptionalBinder(binder(), OutputStream.class)
                        .setBinding()
                        .toInstance(serial);
            }
        });
        lab.load(guest.image(), "");
        Outcome outcome = lab.run(1_000_000);
        String printed = serial.toString(StandardCharsets.ISO_8859_1);
        return outcome.equals(new Outcome(Outcome.Kind.DEBUG_EXIT, 0, "")) ? printed : printed + outcome;
    }

    static Stream<NestboxConfiguration> laboratories() {
        return Stream.of(
                NestboxConfiguration.bareSilicon(),
                NestboxConfiguration.nested(),
                NestboxConfiguration.nestedOnShadow());
    }

    @ParameterizedTest
    @MethodSource("laboratories")
    void tablesOfEachModeLeadWhereTheySay(NestboxConfiguration lab) {
        Guest[] guests = {Guest.longMode(), Guest.pae(), Guest.twoLevel()};
        for (Guest guest : guests) {
            guest.page("old", 'O')
                    .page("new", 'N')
                    .tables(
                            "a",
                            t -> t.identity(1L << 30)
                                    .map(0x40000000L, "old")
                                    .entry("a_x")
                                    .map(0x300000, "new"))
                    .tables("b", t -> t.identity(1L << 30).map(0x40000000L, "new"))
                    .body("""
                            mov al, [0x40000000]
                            call putc
                            mov al, [0x300000]
                            call putc
                            mov eax, b
                            mov cr3, %s
                            mov al, [0x40000000]
                            call putc
                            mov dword [a_x], new + 3
                            mov eax, a
                            mov cr3, %1$s
                            mov al, [0x40000000]
                            jmp tell
                            """.formatted(guest == guests[0] ? "rax" : "eax"));
            assertThat(run(lab, guest)).isEqualTo("ONNN");
        }
    }

    @ParameterizedTest
    @MethodSource("laboratories")
    void anExceptionIsReported(NestboxConfiguration lab) {
        for (Guest guest : new Guest[] {Guest.longMode(), Guest.pae(), Guest.twoLevel()}) {
            guest.body("here: mov [0x80000000], eax");
            long here = guest.assemble().address("here");
            assertThat(run(lab, guest)).startsWith("exception e error 2 at " + Long.toHexString(here) + "\n");
        }
        Guest plain = Guest.protectedMode().body("ud2");
        assertThat(run(lab, plain)).startsWith("exception 6 error 0").contains("code=" + 0x46);
    }

    @Test
    void aHandlerOfTheGuestsOwn() {
        Guest guest = Guest.longMode()
                .handler(13, "own")
                .body("mov ax, 0x1234\nmov ds, ax")
                .label("own", """
                pop rax
                call hex
                jmp finish
                """);
        assertThat(run(NestboxConfiguration.bareSilicon(), guest)).isEqualTo("1234");
    }

    /** L1 with an L2 behind EPT. */
    private static Guest intel() {
        return Guest.longMode()
                .page("secret", 42)
                .ept("ept", t -> t.identity(16 << 20).map(0x40000000L, "secret"))
                .tables("l1_tables", t -> t.identity(1L << 30))
                .tables("l2_tables", t -> t.identity(16 << 20).map(0x50000000L, 0x40000000L))
                .vmcs("vmcs", v -> v.ept("ept").cr3("l2_tables").vpid(1))
                .body("vmlaunch\njmp vmx_failed")
                .label("l2", "mov eax, [0x50000000]\ncall hex\nvmcall");
    }

    @Test
    void anL2BehindEpt() {
        assertThat(run(NestboxConfiguration.bareSilicon(), intel())).isEqualTo("2aexit 12 0\n");
        assertThat(run(NestboxConfiguration.nested(), intel())).isEqualTo("2aexit 12 0\n");
        // Without EPT there is no field EPT pointer: VMWRITE fails with error 12.
        assertThat(run(NestboxConfiguration.nestedOnShadow(), intel())).startsWith("VMfail c\n");
    }

    @ParameterizedTest
    @MethodSource("laboratories")
    void anL2WithoutEptInEachMode(NestboxConfiguration lab) {
        for (Guest guest : new Guest[] {Guest.longMode(), Guest.pae(), Guest.twoLevel()}) {
            guest.vmcs("vmcs", v -> v.enable(VmxFeature.HLT_EXITING).onExit("left"))
                    .body("vmlaunch\njmp vmx_failed")
                    .label("l2", "mov al, '2'\ncall putc\nhlt")
                    .label("left", "mov al, '1'\ncall putc\njmp vmx_exit");
            assertThat(run(lab, guest)).isEqualTo("21exit c 0\n");
        }
    }

    @Test
    void anL2BehindNestedPaging() {
        Guest guest = Guest.longMode()
                .page("secret", 42)
                .npt("npt", t -> t.identity(16 << 20).map(0x40000000L, "secret"))
                .tables("l1_tables", t -> t.identity(1L << 30))
                .tables("l2_tables", t -> t.identity(16 << 20).map(0x50000000L, 0x40000000L))
                .vmcb("vmcb", v -> v.npt("npt").cr3("l2_tables").intercept(ExitCode.HLT))
                .body("mov eax, vmcb\nvmrun\nmov eax, [vmcb + 0x70]\ncall hex\njmp finish")
                .label("l2", "mov eax, [0x50000000]\ncall hex\nhlt");
        NestboxConfiguration bare =
                NestboxConfiguration.bareSilicon().toBuilder().cpu("max,+svm").build();
        assertThat(run(bare, guest)).isEqualTo("2a78");
        assertThat(run(AMD, guest)).isEqualTo("2a78");
    }

    @Test
    void whatIsWrongIsNamed() {
        assertThatThrownBy(() -> Guest.longMode().vmcs("v", v -> v).image())
                .isInstanceOf(AssemblyException.class)
                .hasMessageContaining("l2");
        assertThatThrownBy(() -> Guest.protectedMode().tables("a", t -> t))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("without paging");
        assertThatThrownBy(() -> Guest.longMode().vmcs("v", v -> v.enable(VmxFeature.INVEPT)))
                .hasMessageContaining("INVEPT is no control");
    }
}

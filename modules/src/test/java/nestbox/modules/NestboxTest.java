package nestbox.modules;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.mockito.ArgumentMatchers.any;
import static org.mockito.ArgumentMatchers.anyInt;
import static org.mockito.ArgumentMatchers.anyLong;
import static org.mockito.ArgumentMatchers.eq;
import static org.mockito.Mockito.atLeastOnce;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.times;
import static org.mockito.Mockito.verify;
import static org.mockito.Mockito.when;

import com.google.inject.Module;
import java.io.ByteArrayOutputStream;
import java.io.StringWriter;
import java.util.function.BooleanSupplier;
import nestbox.core.NestboxException;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.Stateful;
import nestbox.core.trace.TextSink;
import nestbox.core.trace.TraceSink;
import nestbox.l0.NestedPolicies;
import nestbox.l0.NestedPolicy;
import nestbox.machine.Outcome;
import nestbox.machine.bus.PortHandler;
import nestbox.machine.load.ImageFile;
import nestbox.mmu.core.MmioGvaRule;
import nestbox.mmu.core.MmuPolicies;
import nestbox.mmu.core.MmuPolicy;
import nestbox.mmu.core.PolicyValue;
import nestbox.x86.insn.Asm;
import nestbox.x86.model.Feature;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class NestboxTest {
    @Test
    void everyPresetCanBeWired() {
        assertThat(Nestbox.create(NestboxConfiguration.bareSilicon()).hypervisor())
                .isEmpty();
        assertThat(Nestbox.create(NestboxConfiguration.nested()).hypervisor()).isPresent();
        assertThat(Nestbox.create(NestboxConfiguration.nestedOnShadow()).hypervisor())
                .isPresent();
        assertThat(Nestbox.create(NestboxConfiguration.nestedOnAmd()).hypervisor())
                .isPresent();
    }

    @Test
    void impossibleCombinationsAreRefusedWithAllReasons() {
        NestboxConfiguration.Builder builder = NestboxConfiguration.bareSilicon().toBuilder()
                .cpu("EPYC,-svm,-npt")
                .guestCpu("Skylake-Server")
                .l0(L0Mode.TDP)
                .cpus(0)
                .memoryBytes(0)
                .tlb("lru:x")
                .inject("msr-load=msr-load")
                .inject("checks=nonsense@1")
                .machine(m -> m.blockSize(0))
                .policy("vmfail.pdptr", "hope")
                .policy("no.such", "policy")
                .policies("exact best")
                .policy(NestedPolicies.OMIT, "save.dr6")
                .yieldAt("nowhere=1");
        assertThatThrownBy(builder::build)
                .isInstanceOf(NestboxException.class)
                .hasMessageContaining("no virtualization")
                .hasMessageContaining("no nested paging")
                .hasMessageContaining("on silicon of")
                .hasMessageContaining("0 processors")
                .hasMessageContaining("0 bytes of memory")
                .hasMessageContaining("lru:x")
                .hasMessageContaining("inject msr-load=msr-load: step 'msr-load' is none of")
                .hasMessageContaining("inject checks=nonsense@1: ")
                .hasMessageContaining("block of 0")
                .hasMessageContaining("vmfail.pdptr: 'hope' is none of [snapshot, memory, none]")
                .hasMessageContaining("'no.such'")
                .hasMessageContaining("'best'")
                .hasMessageContaining("'nowhere'")
                .hasMessageContaining("check.omit: 'save.dr6'");
        assertThatThrownBy(() -> NestboxConfiguration.bareSilicon().toBuilder()
                        .cpu("Pentium9")
                        .guestCpu("max,+nonsense")
                        .tlb("lru:x")
                        .build())
                .hasMessageContaining("Pentium9")
                .hasMessageContaining("nonsense")
                .hasMessageContaining("lru:x");
    }

    @Test
    void stepsOfEntriesFailOnlyUnderL0() {
        NestboxConfiguration.Builder bare = NestboxConfiguration.builder().inject("hardware=vmfail@2");
        assertThatThrownBy(bare::build).hasMessageContaining("inject without L0");
        NestboxConfiguration nested = bare.l0(L0Mode.TDP).guestCpu("max,+vmx").build();
        assertThat(nested.toBuilder().build().injections()).containsExactly("hardware=vmfail@2");
    }

    @Test
    void theRoomsOwnConfigurationsArePartsOfIt() {
        NestboxConfiguration made = NestboxConfiguration.nested().toBuilder()
                .machine(m -> m.screen(true).quantum(7))
                .hypervisor(l0 -> l0.forcedEmulation(true))
                .seed(9)
                .build();
        assertThat(made.machine().quantum()).isEqualTo(7);
        assertThat(made.hypervisor().forcedEmulation()).isTrue();
        assertThat(made.hypervisor().seed()).isEqualTo(9);
        NestboxConfiguration again = made.toBuilder().l0(L0Mode.SHADOW).build();
        assertThat(again.machine().screen()).isTrue();
        assertThat(again.hypervisor().tdp()).isFalse();
        assertThat(made.hypervisor().tdp()).isTrue();
    }

    @Test
    void aUsersModuleReplacesThePolicies() {
        MmuPolicies own = MmuPolicies.exact().with("mmioCache.clearOnSync", "off");
        Nestbox lab = Nestbox.create(NestboxConfiguration.nested(), new NestboxModule() {
            @Override
            protected void configure() {
                policies(own);
            }
        });
        assertThat(lab.hypervisor().orElseThrow().config().policies()).isSameAs(own);
    }

    @Test
    void aUsersModuleGivesValuesOfItsOwnAtSinglePoints() {
        PolicyValue mine = new PolicyValue("mine", PolicyValue.Verdict.RIGHT, "here", "as I like it", MmioGvaRule.SEAN);
        PolicyValue bad = NestedPolicy.VMFAIL_CR3.choices().get(1);
        Nestbox lab = Nestbox.create(NestboxConfiguration.nested(), new NestboxModule() {
            @Override
            protected void configure() {
                policy(MmuPolicy.MMIO_GVA_ALLOWED, mine);
                policy(NestedPolicy.VMFAIL_CR3, bad);
            }
        });
        assertThat(lab.hypervisor().orElseThrow().config().policies().get(MmuPolicy.MMIO_GVA_ALLOWED))
                .isSameAs(mine);
        assertThat(lab.hypervisor().orElseThrow().config().nested().get(NestedPolicy.VMFAIL_CR3))
                .isSameAs(bad);
    }

    @Test
    void aRuleOfAnotherTypeIsRefused() {
        Module wrong = new NestboxModule() {
            @Override
            protected void configure() {
                policy(
                        NestedPolicy.VMFAIL_CR3,
                        new PolicyValue("x", PolicyValue.Verdict.RIGHT, "here", "no rule", "text"));
            }
        };
        assertThatThrownBy(() -> Nestbox.create(NestboxConfiguration.nested(), wrong))
                .isInstanceOf(NestboxException.class)
                .hasMessageContaining("vmfail.cr3: takes a VmfailCr3");
    }

    @ParameterizedTest
    @EnumSource(L0Mode.class)
    void aMockedFeatureIsReadOnceAtWiring(L0Mode l0) {
        BooleanSupplier umip = mock(BooleanSupplier.class);
        when(umip.getAsBoolean()).thenReturn(false, true);
        NestboxConfiguration configuration =
                NestboxConfiguration.bareSilicon().toBuilder().l0(l0).build();
        assertThat(Nestbox.create(configuration).machine().config().cpu().has(Feature.UMIP))
                .isTrue();
        Nestbox lab = Nestbox.create(configuration, new NestboxModule() {
            @Override
            protected void configure() {
                feature(Feature.UMIP, umip);
            }
        });
        lab.load(image("mov eax, 7\nxor ecx, ecx\ncpuid\nbt ecx, 2\nsetc al\nmovzx eax, al\nout 0xf4, eax"), "");
        assertThat(lab.run(1000)).isEqualTo(new Outcome(Outcome.Kind.DEBUG_EXIT, 0, ""));
        verify(umip, times(1)).getAsBoolean();
    }

    @Test
    void aFeatureThatL0CannotDoWithoutIsRefused() {
        Module without = new NestboxModule() {
            @Override
            protected void configure() {
                feature(Feature.VMX, () -> false);
            }
        };
        assertThatThrownBy(() -> Nestbox.create(NestboxConfiguration.nested(), without))
                .isInstanceOf(NestboxException.class)
                .hasMessageContaining("no virtualization");
    }

    /** A device with one port that keeps what was written, and an observer of the port. */
    private static final class Latch implements Stateful, PortHandler {
        private long value;

        @Override
        public long in(int port, int bytes) {
            return value + 1;
        }

        @Override
        public void out(int port, int bytes, long written) {
            value = written;
        }

        @Override
        public void save(StateWriter out) {
            out.section("latch").writeLong(value);
        }

        @Override
        public void restore(StateReader in) {
            in.section("latch");
            value = in.readLong();
        }
    }

    @ParameterizedTest
    @EnumSource(L0Mode.class)
    void aUsersModuleAddsADeviceAnObserverAndASerialPort(L0Mode l0) {
        TraceSink sink = mock(TraceSink.class);
        ByteArrayOutputStream serial = new ByteArrayOutputStream();
        Latch latch = new Latch();
        Nestbox lab = Nestbox.create(
                NestboxConfiguration.bareSilicon().toBuilder().l0(l0).build(), new NestboxModule() {
                    @Override
                    protected void configure() {
                        device((bus, lines, clock, events) -> {
                            bus.mapPorts(0x123, 1, 1, latch);
                            return latch;
                        });
                        observer(sink);
                        serial(serial);
                    }
                });
        lab.load(
                image("mov dx, 0x123\nmov al, 'A'\nout dx, al\nin al, dx\nmov dx, 0x3f8\nout dx, al\nout 0xf4, eax"),
                "");
        lab.run(1000);
        assertThat(serial.toString()).isEqualTo("B");
        assertThat(latch.value).isEqualTo('A');
        verify(sink, atLeastOnce()).event(any(), anyLong(), eq(0), anyInt(), any());
    }

    private static ImageFile image(String source) {
        String header = "dd 0x1badb002, 0x10000, 0xe4514ffe\ndd 0x100000, 0x100000, 0, 0, start\nstart:\n";
        return new ImageFile("image", Asm.assemble(32, 0x100000, header + source));
    }

    @Test
    void whatTwoModulesGiveIsRefusedWithBothPlaces() {
        Module one = new NestboxModule() {
            @Override
            protected void configure() {
                policies(MmuPolicies.kvm());
                feature(Feature.UMIP, () -> false);
            }
        };
        Module two = new NestboxModule() {
            @Override
            protected void configure() {
                policies(MmuPolicies.exact());
                feature(Feature.UMIP, () -> true);
            }
        };
        assertThatThrownBy(() -> Nestbox.create(NestboxConfiguration.nested(), one, two))
                .isInstanceOf(NestboxException.class)
                .hasMessageContaining("MmuPolicies")
                .hasMessageContaining("Feature");
    }

    /** Plain constructors and Guice wire the same. */
    @ParameterizedTest
    @EnumSource(L0Mode.class)
    void bothWaysOfWiringGiveOneTrace(L0Mode l0) {
        NestboxConfiguration configuration = NestboxConfiguration.builder()
                .l0(l0)
                .policies("kvm")
                .tlb("none")
                .seed(5)
                .build();
        assertThat(trace(Nestbox.create(configuration)))
                .isEqualTo(trace(Nestbox.create(configuration, new Module[0])))
                .contains("port");
    }

    private static String trace(Nestbox lab) {
        StringWriter text = new StringWriter();
        lab.machine().trace().addSink(new TextSink(text));
        lab.load(image("mov eax, 7\nxor ecx, ecx\ncpuid\nrdtsc\nout 0xe0, eax\nout 0xf4, eax"), "");
        lab.run(1000);
        lab.machine().trace().close();
        return text.toString();
    }
}

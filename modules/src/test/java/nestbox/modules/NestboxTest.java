package nestbox.modules;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.inject.AbstractModule;
import com.google.inject.multibindings.OptionalBinder;
import nestbox.core.NestboxException;
import nestbox.mmu.core.MmuPolicies;
import org.junit.jupiter.api.Test;

class NestboxTest {
    @Test
    void everyPresetCanBeWired() {
        assertThat(Nestbox.create(NestboxConfiguration.bareSilicon()).hypervisor())
                .isEmpty();
        assertThat(Nestbox.create(NestboxConfiguration.nested()).hypervisor()).isPresent();
        assertThat(Nestbox.create(NestboxConfiguration.nestedOnShadow()).hypervisor())
                .isPresent();
    }

    @Test
    void impossibleCombinationsAreRefusedWithAllReasons() {
        NestboxConfiguration.Builder builder = NestboxConfiguration.bareSilicon().toBuilder()
                .cpu("EPYC,-svm")
                .guestCpu("Skylake-Server")
                .l0(L0Mode.TDP)
                .cpus(0);
        assertThatThrownBy(builder::build)
                .isInstanceOf(NestboxException.class)
                .hasMessageContaining("no virtualization")
                .hasMessageContaining("on silicon of")
                .hasMessageContaining("cpus 0");
    }

    @Test
    void aUsersModuleReplacesThePolicies() {
        MmuPolicies own = MmuPolicies.exact().with("mmioCache.clearOnSync", "off");
        Nestbox lab = Nestbox.create(NestboxConfiguration.nested(), new AbstractModule() {
            @Override
            protected void configure() {
                OptionalBinder.newOptionalBinder(binder(), MmuPolicies.class)
                        .setBinding()
                        .toInstance(own);
            }
        });
        assertThat(lab.hypervisor().orElseThrow().config().policies()).isSameAs(own);
    }

    @Test
    void anUnknownPolicyIsRefusedByName() {
        assertThatThrownBy(() -> NestboxConfiguration.nested().toBuilder().policy("vmfail.pdptr", "hope"))
                .isInstanceOf(NestboxException.class)
                .hasMessageContaining("snapshot, memory, none");
    }
}

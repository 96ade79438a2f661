package nestbox.l0;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import nestbox.core.NestboxException;
import nestbox.mmu.core.MmuPolicy;
import nestbox.mmu.core.PolicyValue;
import nestbox.mmu.core.PolicyValue.Verdict;
import org.junit.jupiter.api.Test;

/** The table of policies of nesting, and its presets. */
class NestedPoliciesTest {
    @Test
    void namesAreUniqueAlsoAmongTheMmusAndEveryValueIsExplained() {
        Set<String> names = new HashSet<>();
        for (MmuPolicy policy : MmuPolicy.values()) {
            names.add(policy.text());
        }
        for (NestedPolicy policy : NestedPolicy.values()) {
            assertThat(names.add(policy.text())).as(policy.text()).isTrue();
            assertThat(policy.choices()).hasSizeGreaterThan(1);
            assertThat(policy.choices().stream().map(PolicyValue::name)).doesNotHaveDuplicates();
            assertThat(policy.choices()).allSatisfy(value -> {
                assertThat(value.origin()).isNotBlank();
                assertThat(value.explanation()).isNotBlank();
            });
        }
    }

    @Test
    void exactIsRightEverywhere() {
        for (NestedPolicy policy : NestedPolicy.values()) {
            assertThat(NestedPolicies.exact().get(policy).verdict())
                    .as(policy.text())
                    .isEqualTo(Verdict.RIGHT);
            assertThat(policy.choices()).contains(NestedPolicies.kvm().get(policy));
        }
    }

    /** The rest of KVM's choices are right or slow, and change nothing that a guest is promised. */
    @Test
    void kvmDeviatesInTheseRowsAlone() {
        assertThat(Arrays.stream(NestedPolicy.values())
                        .filter(policy -> policy.kvm().verdict() == Verdict.WRONG
                                || policy.kvm().verdict() == Verdict.DEVIATES)
                        .map(policy -> policy.text() + "=" + policy.kvm().name()))
                .containsExactlyInAnyOrder(
                        "vmfail.pdptr=none",
                        "vmfail.msr=exitList",
                        "vmwrite.accessRights=drop",
                        "svm.invalidExit=kvm",
                        "svm.interruptInShadow=exit",
                        "vmx.interruptInShadow=exit",
                        "hypercall.patch=on",
                        "vpid.newVpid12=last",
                        "vmx.operandInDevice=fail");
    }

    @Test
    void valuesAreChosenByName() {
        NestedPolicies chosen = NestedPolicies.exact().with("svm.vmcb12Reads", "twice");
        assertThat(chosen.applies(NestedPolicy.SVM_VMCB12_READS)).isFalse();
        assertThat(NestedPolicies.exact().applies(NestedPolicy.SVM_VMCB12_READS))
                .isTrue();
        assertThat(NestedPolicies.knows("svm.vmcb12Reads=twice")).isTrue();
        assertThat(NestedPolicies.knows("mmioCache.gvaAllowed=sean")).isFalse();
    }

    @Test
    void unknownNamesAreRefused() {
        assertThatThrownBy(() -> NestedPolicies.exact().with("vmfail.cash", "on"))
                .isInstanceOf(NestboxException.class)
                .hasMessageContaining("vmfail.cash");
        assertThatThrownBy(() -> NestedPolicies.exact().with("vmfail.cr3", "paolo"))
                .hasMessageContaining("snapshot")
                .hasMessageContaining("stash");
    }
}

package nestbox.mmu.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashSet;
import java.util.Set;
import nestbox.core.NestboxException;
import nestbox.mmu.core.PolicyValue.Verdict;
import nestbox.mmu.core.Rig.End;
import nestbox.mmu.core.Rig.Vcpu;
import nestbox.mmu.paging.Access;
import org.junit.jupiter.api.Test;

/** The table of policies, its presets, and policies of a user's own. */
class MmuPoliciesTest {
    @Test
    void namesAreUniqueAndEveryValueIsExplained() {
        Set<String> names = new HashSet<>();
        for (MmuPolicy policy : MmuPolicy.values()) {
            assertThat(names.add(policy.text())).as(policy.text()).isTrue();
            assertThat(policy.choices()).hasSizeGreaterThan(1);
            Set<String> values = new HashSet<>();
            for (PolicyValue value : policy.choices()) {
                assertThat(values.add(value.name())).isTrue();
                assertThat(value.origin()).isNotBlank();
                assertThat(value.explanation()).isNotBlank();
            }
        }
    }

    @Test
    void exactIsRightEverywhereAndKvmIsNeverWrongWithoutSayingSo() {
        for (MmuPolicy policy : MmuPolicy.values()) {
            assertThat(MmuPolicies.exact().get(policy).verdict())
                    .as(policy.text())
                    .isEqualTo(Verdict.RIGHT);
            assertThat(MmuPolicies.kvm().get(policy).verdict())
                    .as(policy.text())
                    .isIn(Verdict.RIGHT, Verdict.DEVIATES);
        }
    }

    @Test
    void unknownNamesAreRefused() {
        assertThatThrownBy(() -> MmuPolicies.exact().with("mmio.cash", "on"))
                .isInstanceOf(NestboxException.class)
                .hasMessageContaining("mmio.cash");
        assertThatThrownBy(() -> MmuPolicies.exact().with("mmioCache.gvaAllowed", "paolo"))
                .hasMessageContaining("sean")
                .hasMessageContaining("legacy");
    }

    @Test
    void aUserMayAddAPolicy() {
        Rule outsideSmm = context -> !context.smm();
        PolicyValue mine = new PolicyValue("outsideSmm", Verdict.SLOW, "a test", "only outside SMM", outsideSmm);
        MmuPolicies policies = MmuPolicies.exact().toBuilder()
                .set(MmuPolicy.ROOTS_FORCE_SYNC_ON_REUSE, mine)
                .build();
        assertThat(policies.get(MmuPolicy.ROOTS_FORCE_SYNC_ON_REUSE)).isSameAs(mine);
        PolicyValue wrongKind = new PolicyValue("x", Verdict.SLOW, "a test", "no rule", "text");
        assertThatThrownBy(() -> policies.toBuilder().set(MmuPolicy.MMIO_CLEAR_ON_SYNC, wrongKind))
                .hasMessageContaining("Rule");
    }

    @Test
    void impossibleConfigurationsAreRefusedWithAllReasons() {
        assertThatThrownBy(() -> MmuConfig.ept(46).toBuilder()
                        .tdp(false)
                        .largePages(false)
                        .physBits(60)
                        .build())
                .hasMessageContaining("EPT format")
                .hasMessageContaining("2-MiB")
                .hasMessageContaining("physBits");
    }

    /** The entry for MMIO keeps gfn, rights and generation, whatever the host's address width. */
    @Test
    void mmioEntriesKeepWhatTheyAreGiven() {
        for (int bits = 36; bits <= 51; bits++) {
            for (MmuConfig config : new MmuConfig[] {MmuConfig.ept(bits), MmuConfig.shadow(bits)}) {
                SpteFormat format = new SpteFormat(config);
                for (long gfn : new long[] {1, 0xfee00, (1L << bits - 12) - 1, 1L << bits - 13}) {
                    long spte = format.mmio(gfn, Access.WRITE, 0x5a5a6);
                    assertThat(format.mmio(spte)).isTrue();
                    assertThat(format.present(spte)).isFalse();
                    assertThat(format.mmioGfn(spte)).isEqualTo(gfn);
                    assertThat(format.mmioAccess(spte))
                            .isEqualTo(config.format().ept() ? 0 : Access.WRITE);
                    assertThat(format.mmioCurrent(spte, 0x5a5a6)).isTrue();
                    assertThat(format.mmioCurrent(spte, 0x5a5a6 | 1L << 19)).isTrue();
                    assertThat(format.mmioCurrent(spte, 0x5a5a8)).isFalse();
                    assertThat(format.mmioCurrent(spte, 0x5a5a6 | MemorySlots.UPDATE_IN_PROGRESS))
                            .isFalse();
                }
            }
        }
        assertThat(new SpteFormat(MmuConfig.shadow(52)).mmioCaching()).isFalse();
        assertThat(new SpteFormat(MmuConfig.ept(52)).mmioCaching()).isTrue();
    }

    /** SMAP looks at EFLAGS.AC for explicit accesses alone, and hardware does not say which kind faulted. */
    @Test
    void anImplicitAccessThatSmapForbidsIsNotTriedForEver() {
        Rig rig = new Rig(MmuConfig.shadow(Rig.HOST_BITS));
        long root = 0x10_0000;
        rig.write(root, 8, root + 0x1000 | 7);
        rig.write(root + 0x1000, 8, root + 0x2000 | 7);
        rig.write(root + 0x2000, 8, root + 0x3000 | 7);
        rig.write(root + 0x3000, 8, 0x67);
        Vcpu cpu = rig.vcpu(GuestModel.intel(40));
        cpu.mode(nestbox.mmu.paging.PagingFormat.FOUR_LEVEL, true, true);
        cpu.cr4 |= GuestWalk.CR4_SMAP;
        cpu.cr3 = root;
        cpu.ac = true;
        cpu.start();
        assertThat(cpu.access(0, Access.READ)).isEqualTo(End.at(Rig.BACKING));
        FaultResult first = cpu.mmu.pageFault(new Gva(0), PfError.PRESENT);
        assertThat(first).isEqualTo(FaultResult.Resume.SPURIOUS);
        assertThat(cpu.mmu.pageFault(new Gva(0), PfError.PRESENT))
                .isEqualTo(new FaultResult.GuestPageFault(new Gva(0), 1));
    }
}

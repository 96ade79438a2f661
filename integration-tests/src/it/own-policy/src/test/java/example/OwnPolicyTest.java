package example;

import static nestbox.testkit.NestboxAssertions.assertThat;
import static org.mockito.Mockito.*;

import java.util.function.BooleanSupplier;
import nestbox.mmu.core.*;
import nestbox.modules.*;
import nestbox.testkit.*;
import nestbox.testkit.guest.Guest;
import nestbox.x86.model.Feature;

class OwnPolicyTest {
    static final long X = 0x40000000L;
    /** X leads to a device in address space a, to memory in b; b's root is cached when MOV CR3 without a flush goes back to it. */
    static final Guest GUEST = Guest.longMode()
            .page("memory", 'N')
            .tables("a", t -> t.identity(1 << 30).map(X, Guest.NO_MEMORY))
            .tables("b", t -> t.identity(1 << 30).map(X, "memory"))
            .body("mov rax, cr4 \n bts rax, 17 \n mov cr4, rax \n mov eax, b + 2 \n mov cr3, rax \n mov al, [0x40000000] \n"
                    + "mov eax, a + 1 \n mov cr3, rax \n mov al, [0x40000000] \n mov rax, b + 2 + (1 << 63) \n mov cr3, rax \n"
                    + "mov esi, 0x40000000 \n mov edx, 0x3f8 \n outsb \n jmp finish");

    /** Remembers no linear address at all: slow, and right whatever is cleared. */
    static class NoAddresses implements MmioGvaRule {
        public long toStore(PolicyContext context, FaultAddress address, boolean tdpFault, boolean fromSpte) {
            return 0;
        }
        public boolean mayMatch(PolicyContext context) {
            return false;
        }
        public boolean lookupByGva(PolicyContext context) {
            return context.paging() && !context.tdp();
        }
    }

    @NestedTest(l0 = L0Mode.SHADOW, policy = "mmioCache.clearOnNewPgdHit=off", checkTlb = false)
    void aMissingClearGoesWrong(NestedLab lab) {
        assertThat(lab.run(GUEST)).endedWell().printed("\u00ff").usedMmioCache(X);
    }

    @NestedTest(l0 = L0Mode.SHADOW, policy = "mmioCache.clearOnNewPgdHit=off")
    void notWithAPolicyAndAProcessorOfMyOwn(NestedLab lab) {
        BooleanSupplier umip = mock(BooleanSupplier.class);
        lab.with(new NestboxModule() {
            protected void configure() {
                policy(MmuPolicy.MMIO_GVA_ALLOWED,
                        new PolicyValue("none", PolicyValue.Verdict.SLOW, "here", "no address", new NoAddresses()));
                feature(Feature.UMIP, umip);
            }
        });
        assertThat(lab.run(GUEST)).endedWell().printed("N").didNotUseMmioCache(X);
        verify(umip, times(1)).getAsBoolean();
    }
}

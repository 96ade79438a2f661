package nestbox.mmu.core;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.mmu.core.Rig.End;
import nestbox.mmu.core.Rig.Vcpu;
import nestbox.mmu.paging.Access;
import nestbox.mmu.paging.PagingFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The step sequences S-MMIO-1 to 6 of the facts, under every policy that bears on them. */
class MmioPolicyTest {
    private static final long DEVICE = 0xc000_0000L;
    private static final long X = 0x40_0000L;
    private static final long RAM = 0x30_0000L;
    private static final long A = 0x10_0000L;
    private static final long B = 0x10_8000L;

    private static MmuPolicies policies(String... changes) {
        MmuPolicies.Builder builder = MmuPolicies.kvm().toBuilder();
        for (String change : changes) {
            int equals = change.indexOf('=');
            builder.set(change.substring(0, equals), change.substring(equals + 1));
        }
        return builder.build();
    }

    private static Rig rig(MmuPolicies policies) {
        return new Rig(
                MmuConfig.shadow(Rig.HOST_BITS).toBuilder().policies(policies).build());
    }

    /** Four-level tables at {@code root} that map {@link #X} to {@code target}. */
    private static void tables(Rig rig, long root, long target) {
        rig.write(root, 8, root + 0x1000 | 7);
        rig.write(root + 0x1000, 8, root + 0x2000 | 7);
        rig.write(root + 0x2000 + 8 * (X >>> 21), 8, root + 0x3000 | 7);
        rig.write(root + 0x3000 + 8 * (X >>> 12 & 511), 8, target | 0x67);
    }

    private static Vcpu paging(Rig rig, long cr3) {
        Vcpu cpu = rig.vcpu(GuestModel.intel(40));
        cpu.mode(PagingFormat.FOUR_LEVEL, true, true);
        cpu.cr3 = cr3;
        cpu.start();
        return cpu;
    }

    /** What the emulator comes to if it runs next, for whatever reason. */
    private static End emulated(Vcpu cpu, long linear) {
        cpu.enter();
        Translation.Mapped mapped = (Translation.Mapped) cpu.mmu.gvaToGpa(new Gva(linear), Access.READ);
        return mapped.mmio()
                ? End.mmio(mapped.gpa().value())
                : End.at(Rig.BACKING + mapped.gpa().value());
    }

    private static End switchTest(MmuPolicies policies, boolean cached) {
        Rig rig = rig(policies);
        tables(rig, A, DEVICE);
        tables(rig, B, RAM);
        Vcpu cpu = paging(rig, cached ? B : A);
        if (cached) {
            cpu.access(X, Access.READ);
            cpu.movCr3(A);
        }
        assertThat(cpu.access(X, Access.READ)).isEqualTo(End.mmio(DEVICE));
        cpu.movCr3(B);
        // The flush that MOV CR3 requires would clear as well; what is tested here is the switch itself.
        cpu.requests.remove(Request.MMU_SYNC);
        return emulated(cpu, X);
    }

    @ParameterizedTest
    @CsvSource({
        "mmioCache.gvaAllowed=legacy, mmioCache.clearOnNewPgdHit=on, true",
        "mmioCache.gvaAllowed=sean, mmioCache.clearOnNewPgdHit=on, true",
        "mmioCache.gvaAllowed=legacy, mmioCache.clearOnNewPgdHit=off, false",
        "mmioCache.gvaAllowed=sean, mmioCache.clearOnNewPgdHit=off, false"
    })
    void sMmio1AFastSwitchMustClear(String first, String second, boolean right) {
        End end = switchTest(policies(first, second), true);
        assertThat(end).isEqualTo(right ? End.at(Rig.BACKING + RAM) : End.mmio(DEVICE));
    }

    @ParameterizedTest
    @CsvSource({"on, off, true", "off, off, false", "off, paolo, true"})
    void sMmio2AMissMustClearWhenTheRootIsBuilt(String onSync, String onLoad, boolean right) {
        MmuPolicies policies = policies("mmioCache.clearOnSync=" + onSync, "mmioCache.clearOnLoad=" + onLoad);
        assertThat(switchTest(policies, false)).isEqualTo(right ? End.at(Rig.BACKING + RAM) : End.mmio(DEVICE));
    }

    /**
     * CR0.PG=0 stores a "linear" address under the legacy rule. The slot generation cannot save the day: G is mapped by tables,
     * no slot changes. Turning paging on drops all roots, which clears, unless a policy removes that.
     */
    @ParameterizedTest
    @CsvSource({"legacy, off, on, true", "legacy, off, off, false", "sean, off, off, true", "legacy, paolo, off, true"})
    void sMmio3NoPagingThenPaging(String allowed, String onLoad, String onUnload, boolean right) {
        long g = DEVICE;
        Rig rig = rig(policies(
                "mmioCache.gvaAllowed=" + allowed,
                "mmioCache.clearOnLoad=" + onLoad,
                "mmioCache.clearOnUnload=" + onUnload,
                "mmioCache.clearOnSync=off"));
        rig.write(A, 8, A + 0x1000 | 7);
        rig.write(A + 0x1000 + 8 * (g >>> 30), 8, A + 0x2000 | 7);
        rig.write(A + 0x2000, 8, A + 0x3000 | 7);
        rig.write(A + 0x3000, 8, RAM | 0x67);
        Vcpu cpu = paging(rig, A);
        cpu.cr0 = 1;
        cpu.start();
        assertThat(cpu.access(g, Access.READ)).isEqualTo(End.mmio(g));
        cpu.movCr0(0x8001_0001L);
        assertThat(emulated(cpu, g)).isEqualTo(right ? End.at(Rig.BACKING + RAM) : End.mmio(g));
    }

    @ParameterizedTest
    @CsvSource({"legacy, on, true", "sean, on, true", "legacy, off, false", "sean, off, false"})
    void sMmio6PagingOffAndOnAgain(String allowed, String onUnload, boolean right) {
        Rig rig = rig(policies(
                "mmioCache.gvaAllowed=" + allowed, "mmioCache.clearOnUnload=" + onUnload, "mmioCache.clearOnSync=off"));
        tables(rig, A, DEVICE);
        tables(rig, B, RAM);
        Vcpu cpu = paging(rig, A);
        assertThat(cpu.access(X, Access.READ)).isEqualTo(End.mmio(DEVICE));
        cpu.movCr0(1);
        cpu.enter();
        cpu.cr3 = B;
        cpu.movCr0(0x8001_0001L);
        assertThat(emulated(cpu, X)).isEqualTo(right ? End.at(Rig.BACKING + RAM) : End.mmio(DEVICE));
    }

    @ParameterizedTest
    @CsvSource({"legacy, refuse, true", "sean, refuse, true", "legacy, allow, false"})
    void sMmio4AnNgpaIsNoGpa(String allowed, String lookup, boolean right) {
        MmuPolicies policies = policies("mmioCache.gvaAllowed=" + allowed, "mmioCache.nestedLookup=" + lookup);
        Rig rig = new Rig(
                MmuConfig.ept(Rig.HOST_BITS).toBuilder().policies(policies).build());
        Vcpu cpu = rig.vcpu(GuestModel.intel(40));
        cpu.start();
        long other = DEVICE + 0x5000;
        long ngpa = 0x7000;
        rig.write(A, 8, A + 0x1000 | 7);
        rig.write(A + 0x1000, 8, A + 0x2000 | 7);
        rig.write(A + 0x1000 + 8 * 3, 8, A + 0x2000 | 7);
        rig.write(A + 0x2000, 8, A + 0x3000 | 7);
        rig.write(A + 0x3000 + 8 * 7, 8, DEVICE | 0x37);
        rig.write(A + 0x3000, 8, other | 0x37);
        cpu.guestMode = true;
        cpu.nestedTdp = true;
        cpu.nestedRoot = A | 6 | 3 << 3;
        cpu.mmu.nestedEntered();
        // nGPA DEVICE is L1's device "other"; nGPA 7000 is L1's DEVICE, which the cache remembers as gfn.
        assertThat(cpu.access(DEVICE, Access.READ)).isEqualTo(End.mmio(other));
        assertThat(cpu.access(ngpa, Access.READ)).isEqualTo(End.mmio(DEVICE));
        assertThat(cpu.mmu.isMmio(new Gpa(DEVICE))).isTrue();
        long before = rig.vm.counters().mmioCacheHits;
        assertThat(cpu.access(DEVICE, Access.READ)).isEqualTo(End.mmio(other));
        assertThat(rig.vm.counters().mmioCacheHits - before).isEqualTo(right ? 0 : 1);
    }

    @ParameterizedTest
    @CsvSource({"on, true", "off, false"})
    void sMmio5NestedTransitionsWithoutTdpMustClear(String onHit, boolean right) {
        Rig rig = rig(policies("mmioCache.clearOnNewPgdHit=" + onHit));
        tables(rig, A, RAM);
        tables(rig, B, DEVICE);
        Vcpu cpu = paging(rig, A);
        cpu.access(X, Access.READ);
        cpu.guestMode = true;
        cpu.cr3 = B;
        cpu.mmu.nestedEntered();
        assertThat(cpu.access(X, Access.READ)).isEqualTo(End.mmio(DEVICE));
        cpu.guestMode = false;
        cpu.cr3 = A;
        cpu.mmu.nestedExited();
        assertThat(emulated(cpu, X)).isEqualTo(right ? End.at(Rig.BACKING + RAM) : End.mmio(DEVICE));
    }

    @ParameterizedTest
    @CsvSource({"on, true", "off, false"})
    void invlpgForgetsThePage(String policy, boolean right) {
        Rig rig = rig(policies("mmioCache.clearOnInvlpg=" + policy));
        tables(rig, A, DEVICE);
        Vcpu cpu = paging(rig, A);
        cpu.access(X, Access.READ);
        rig.write(A + 0x3000 + 8 * (X >>> 12 & 511), 8, RAM | 0x67);
        cpu.mmu.trackWrite(new Gpa(A + 0x3000 + 8 * (X >>> 12 & 511)), 8);
        cpu.invlpg(X + 0x1000);
        assertThat(emulated(cpu, X)).isEqualTo(End.mmio(DEVICE));
        cpu.invlpg(X);
        assertThat(emulated(cpu, X)).isEqualTo(right ? End.at(Rig.BACKING + RAM) : End.mmio(DEVICE));
    }

    @Test
    void withoutPagingTheRulesDifferInHitsOnly() {
        long[] hits = new long[2];
        for (int i = 0; i < 2; i++) {
            Rig rig = rig(policies("mmioCache.gvaAllowed=" + (i == 0 ? "legacy" : "sean")));
            Vcpu cpu = rig.vcpu(GuestModel.intel(40));
            cpu.cr0 = 1;
            cpu.start();
            for (int k = 0; k < 10; k++) {
                assertThat(cpu.access(DEVICE + 8 * k, Access.READ)).isEqualTo(End.mmio(DEVICE + 8 * k));
            }
            hits[i] = rig.vm.counters().mmioCacheHits;
        }
        assertThat(hits[0]).isGreaterThan(hits[1]);
    }

    /** G22: an access while a slot is being added must not be remembered as a device's. */
    @ParameterizedTest
    @CsvSource({"on, true", "off, false"})
    void nothingIsCachedWhileSlotsChange(String policy, boolean right) {
        Rig rig = new Rig(MmuConfig.npt(Rig.HOST_BITS).toBuilder()
                .policies(policies("mmioCache.refuseInFlux=" + policy))
                .build());
        rig.memory.mapRam(0x2_0000_0000L, 1 << 12);
        Vcpu cpu = rig.vcpu(GuestModel.intel(40));
        cpu.start();
        boolean[] device = new boolean[1];
        rig.vm.setYieldPoints(point -> {
            if (point == YieldPoint.SLOTS_IN_PROGRESS) {
                cpu.access(DEVICE, Access.READ);
            } else if (point == YieldPoint.SLOTS_INSTALLED) {
                device[0] = cpu.mmu.isMmio(new Gpa(DEVICE));
            }
        });
        rig.vm.slots().set(0, Slot.ram(1, DEVICE, 1 << 12, 0x2_0000_0000L)).request();
        assertThat(device[0]).isEqualTo(!right);
        assertThat(cpu.access(DEVICE, Access.READ)).isEqualTo(End.at(0x2_0000_0000L));
    }
}

package nestbox.x86.system;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Set;
import nestbox.core.UnsupportedFeatureException;
import nestbox.mmu.memory.PhysicalMemory;
import nestbox.mmu.tlb.RetentionPolicy;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Reg;
import nestbox.x86.Vector;
import nestbox.x86.engine.ReferenceEngine;
import nestbox.x86.insn.Decoder;
import nestbox.x86.model.Feature;
import nestbox.x86.model.Vendor;
import nestbox.x86.testing.Snippet;
import nestbox.x86.testing.TestCpu;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** SDM Vol. 3, "System Management Mode"; APM Vol. 2, "System-Management Mode". */
class ManagementModeTest {
    private static final long AREA = 0x38000;
    private static final String RSM = "0f aa";

    private enum Map {
        AMD64(Vendor.AMD, Set.of()),
        INTEL64(Vendor.INTEL, Set.of()),
        LEGACY(Vendor.INTEL, Set.of(Feature.LM));

        private final Vendor vendor;
        private final Set<Feature> absent;

        Map(Vendor vendor, Set<Feature> absent) {
            this.vendor = vendor;
            this.absent = absent;
        }

        private Cpu cpu() {
            PhysicalMemory memory = new PhysicalMemory(36);
            memory.mapRam(0, TestCpu.MEMORY);
            return TestCpu.silicon(vendor, memory, RetentionPolicy.parse("test", "keep"), 36, absent);
        }
    }

    /** Protected mode with values that differ everywhere; the last one in EAX says who it is. */
    private static Cpu busy(Map map) {
        Cpu cpu = map.cpu();
        cpu.cr0 = Cpu.CR0_PE | Cpu.CR0_ET | Cpu.CR0_TS | Cpu.CR0_MP | Cpu.CR0_WP;
        cpu.cr3 = 0x5000;
        cpu.cr4 = Cpu.CR4_PSE | Cpu.CR4_DE;
        for (int i = 0; i < 8; i++) {
            cpu.r[i] = 0x1111_1111L * (i + 1);
        }
        for (int i = 8; i < 16 && map != Map.LEGACY; i++) {
            cpu.r[i] = 0x0101_0101_0101_0101L * i;
        }
        for (int seg = 0; seg < 8; seg++) {
            cpu.selector[seg] = 8 * (seg + 1);
            cpu.base[seg] = 0x1000L * (seg + 1);
            cpu.limit[seg] = 0xfffffL + 0x1000 * seg;
            cpu.rights[seg] = seg == Reg.CS ? 0x9b | Cpu.RIGHTS_DB : 0x93 | Cpu.RIGHTS_DB;
        }
        cpu.rights[Reg.FS] = Cpu.RIGHTS_UNUSABLE;
        cpu.gdtBase = 0x12345678;
        cpu.gdtLimit = 0x123;
        cpu.idtBase = 0x23456789;
        cpu.idtLimit = 0x7ff;
        cpu.dr[7] = 0x401;
        cpu.rip = 0x1234;
        cpu.setRflags(Flags.FIXED | Flags.IF | Flags.CF | Flags.ZF);
        cpu.updateMode();
        return cpu;
    }

    private static void smi(Cpu cpu) {
        cpu.pend(Cpu.PENDING_SMI);
        service(cpu);
    }

    private static void service(Cpu cpu) {
        Boundary.service(cpu, new ReferenceEngine(cpu, new Decoder(cpu.features)));
    }

    /** Executes RSM where SMM starts. */
    private static int resume(Cpu cpu) {
        cpu.physical.write(0x38000, 2, 0xaa0f);
        service(cpu);
        return cpu.smm ? 1 : 0;
    }

    @ParameterizedTest
    @EnumSource(Map.class)
    void entryStateIsTheManuals(Map map) {
        Cpu cpu = busy(map);
        smi(cpu);
        assertThat(cpu.smm).isTrue();
        assertThat(cpu.selector[Reg.CS]).isEqualTo(0x3000);
        assertThat(cpu.base[Reg.CS]).isEqualTo(0x30000);
        assertThat(cpu.rip).isEqualTo(0x8000);
        assertThat(cpu.cr0 & (Cpu.CR0_PE | Cpu.CR0_EM | Cpu.CR0_TS | Cpu.CR0_PG))
                .isZero();
        assertThat(cpu.cr0 & (Cpu.CR0_MP | Cpu.CR0_WP))
                .as("the other bits stay")
                .isEqualTo(Cpu.CR0_MP | Cpu.CR0_WP);
        assertThat(cpu.cr4).isZero();
        assertThat(cpu.rflags()).isEqualTo(Flags.FIXED);
        assertThat(cpu.dr[7]).isEqualTo(0x400);
        assertThat(cpu.codeSize).isEqualTo(16);
        for (int seg : new int[] {Reg.ES, Reg.SS, Reg.DS, Reg.FS, Reg.GS}) {
            assertThat(cpu.selector[seg]).isZero();
            assertThat(cpu.base[seg]).isZero();
            assertThat(cpu.limit[seg]).isEqualTo(0xffffffffL);
        }
    }

    /** APM Vol. 2, "SMM Resources": SMM_BASE is where the next SMI goes. */
    @Test
    void theBaseIsAnMsrOfAmdProcessors() {
        Cpu cpu = busy(Map.AMD64);
        assertThat(cpu.msrs.read(0xc0010111)).isEqualTo(0x30000);
        cpu.msrs.write(0xc0010111, 0x24000);
        smi(cpu);
        assertThat(cpu.base[Reg.CS]).isEqualTo(0x24000);
        assertThat(cpu.selector[Reg.CS]).isEqualTo(0x2400);
        assertThat(cpu.physical.read(0x24000 + 0xff00, 4)).isEqualTo(0x24000);
        Cpu intel = busy(Map.INTEL64);
        assertThatThrownBy(() -> intel.msrs.read(0xc0010111)).isSameAs(intel.fault);
    }

    /** APM Vol. 2, "Protecting SMM": HWCR.SMMLOCK makes SMMADDR and SMMMASK read-only until RESET. */
    @Test
    void theLockProtectsAddressAndMask() {
        Cpu cpu = busy(Map.AMD64);
        cpu.msrs.write(0xc0010112, 0x7f0000000L);
        cpu.msrs.write(0xc0010113, 0xfffe06600L | 0x30);
        assertThat(cpu.msrs.read(0xc0010112)).isEqualTo(0x7f0000000L);
        assertThatThrownBy(() -> cpu.msrs.write(0xc0010112, 0x1000))
                .as("128 KiB")
                .isSameAs(cpu.fault);
        cpu.msrs.write(0xc0010015, 1);
        cpu.msrs.write(0xc0010015, 0);
        assertThat(cpu.msrs.read(0xc0010015) & 1).as("sticky").isEqualTo(1);
        assertThatThrownBy(() -> cpu.msrs.write(0xc0010112, 0)).isSameAs(cpu.fault);
        assertThatThrownBy(() -> cpu.msrs.write(0xc0010113, 0)).isSameAs(cpu.fault);
        Reset.power(cpu);
        cpu.msrs.write(0xc0010112, 0);
        assertThat(cpu.msrs.read(0xc0010111)).isEqualTo(0x30000);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 4, 8})
    void protectionByTheProcessorIsRefusedByName(int control) {
        Cpu cpu = busy(Map.AMD64);
        assertThatThrownBy(() -> cpu.msrs.write(0xc0010113, control))
                .isInstanceOf(UnsupportedFeatureException.class)
                .hasMessageContaining("SMMMASK");
    }

    @ParameterizedTest
    @CsvSource({
        "AMD64, 7ff8, 8, 11111111",
        "AMD64, 7f80, 8, 0f0f0f0f0f0f0f0f",
        "AMD64, 7f78, 8, 1234",
        "AMD64, 7f58, 8, 1001b",
        "AMD64, 7f50, 8, 5000",
        "AMD64, 7f00, 4, 30000",
        "AMD64, 7efc, 4, 20064",
        "AMD64, 7e10, 2, 10",
        "AMD64, 7e18, 8, 2000",
        "AMD64, 7e68, 8, 12345678",
        "AMD64, 7e84, 2, 7ff",
        "AMD64, 7f70, 8, 243",
        "INTEL64, 7ff8, 8, 1001b",
        "INTEL64, 7ff0, 8, 5000",
        "INTEL64, 7fe8, 8, 243",
        "INTEL64, 7fd8, 8, 1234",
        "INTEL64, 7f5c, 8, 11111111",
        "INTEL64, 7f1c, 8, 0f0f0f0f0f0f0f0f",
        "INTEL64, 7fac, 4, 10",
        "INTEL64, 7ef8, 4, 30000",
        "INTEL64, 7e8c, 4, 12345678",
        "INTEL64, 7e94, 4, 23456789",
        "INTEL64, 7e40, 8, 18",
        "LEGACY, 7ffc, 4, 1001b",
        "LEGACY, 7ff8, 4, 5000",
        "LEGACY, 7ff4, 4, 243",
        "LEGACY, 7ff0, 4, 1234",
        "LEGACY, 7fd0, 4, 11111111",
        "LEGACY, 7fec, 4, 88888888",
        "LEGACY, 7fac, 4, 10",
        "LEGACY, 7efc, 4, 20000",
        "LEGACY, 7ef8, 4, 30000"
    })
    void saveAreaHasTheManualsLayout(Map map, String offset, int bytes, String value) {
        Cpu cpu = busy(map);
        smi(cpu);
        assertThat(cpu.physical.read(AREA + Long.parseLong(offset, 16), bytes))
                .isEqualTo(Long.parseUnsignedLong(value, 16));
    }

    @ParameterizedTest
    @EnumSource(Map.class)
    void rsmBringsEverythingBack(Map map) {
        Cpu cpu = busy(map);
        Cpu before = busy(map);
        smi(cpu);
        java.util.Arrays.fill(cpu.r, 0, 16, -1);
        assertThat(resume(cpu)).isZero();
        assertThat(java.util.Arrays.copyOf(cpu.r, 16)).containsExactly(java.util.Arrays.copyOf(before.r, 16));
        assertThat(cpu.rip).isEqualTo(0x1234);
        assertThat(cpu.rflags()).isEqualTo(before.rflags());
        assertThat(new long[] {cpu.cr0, cpu.cr3, cpu.cr4, cpu.efer, cpu.dr[7]})
                .containsExactly(before.cr0, before.cr3, before.cr4, before.efer, before.dr[7]);
        assertThat(cpu.selector).containsExactly(before.selector);
        assertThat(cpu.base).containsExactly(before.base);
        assertThat(cpu.limit).containsExactly(before.limit);
        assertThat(cpu.rights).containsExactly(before.rights);
        assertThat(new long[] {cpu.gdtBase, cpu.gdtLimit, cpu.idtBase, cpu.idtLimit})
                .containsExactly(before.gdtBase, before.gdtLimit, before.idtBase, before.idtLimit);
        assertThat(cpu.codeSize).isEqualTo(32);
    }

    @Test
    void rsmOutsideManagementModeIsUndefined() {
        assertThat(new Snippet(TestCpu.mode64()).run(RSM)).isEqualTo(Vector.UD);
    }

    @Test
    void smbaseMovesWithRsm() {
        Cpu cpu = busy(Map.AMD64);
        smi(cpu);
        cpu.physical.write(AREA + 0x7f00, 4, 0x50000);
        resume(cpu);
        smi(cpu);
        assertThat(cpu.base[Reg.CS]).isEqualTo(0x50000);
        assertThat(cpu.selector[Reg.CS]).isEqualTo(0x5000);
        assertThat(cpu.physical.read(0x58000 + 0x7f78, 8)).isEqualTo(0x1234);
    }

    @ParameterizedTest
    @CsvSource({
        "PG without PE, 7f58, 80000010", "NW without CD, 7f58, 20000011", "upper half of CR0, 7f58, 100000011",
        "reserved bit of CR4, 7f48, 80000000", "reserved bit of EFER, 7ed0, 2", "LMA without LME, 7ed0, 400",
        "LME and PG without LMA, 7ed0, 0100", "CR3 too wide, 7f50, 1000000000", "upper half of DR7, 7f60, 100000400"
    })
    void impossibleStateShutsDown(String what, String offset, String value) {
        Cpu cpu = busy(Map.AMD64);
        smi(cpu);
        if (what.startsWith("LME and PG")) {
            cpu.physical.write(AREA + 0x7f58, 8, 0x80000011L);
        }
        cpu.physical.write(AREA + Long.parseLong(offset, 16), 8, Long.parseLong(value, 16));
        assertThatThrownBy(() -> resume(cpu))
                .as(what)
                .isInstanceOf(AssertionError.class)
                .hasMessage("shutdown");
        assertThat(cpu.activity).isEqualTo(Cpu.SHUTDOWN);
    }

    @Test
    void initNmiAndSmiWaitForRsm() {
        Cpu cpu = busy(Map.INTEL64);
        smi(cpu);
        cpu.physical.write(0x38000, 4, 0xaa0f9090L);
        cpu.pend(Cpu.PENDING_INIT | Cpu.PENDING_NMI | Cpu.PENDING_SMI);
        service(cpu);
        service(cpu);
        assertThat(cpu.smm).isTrue();
        assertThat(cpu.rip).isEqualTo(0x8002);
        service(cpu);
        assertThat(cpu.smm).isFalse();
        assertThat(cpu.pending & (Cpu.PENDING_INIT | Cpu.PENDING_NMI | Cpu.PENDING_SMI))
                .isEqualTo(Cpu.PENDING_INIT | Cpu.PENDING_NMI | Cpu.PENDING_SMI);
        service(cpu);
        assertThat(cpu.smm).as("the SMI comes before INIT").isTrue();
    }

    @Test
    void nmiStaysBlockedIfItWasBefore() {
        Cpu cpu = busy(Map.AMD64);
        cpu.nmiBlocked = true;
        smi(cpu);
        resume(cpu);
        assertThat(cpu.nmiBlocked).isTrue();
    }

    @Test
    void haltIsResumedUnlessTheHandlerSaysOtherwise() {
        for (boolean again : new boolean[] {true, false}) {
            Cpu cpu = busy(Map.AMD64);
            cpu.activity = Cpu.HALTED;
            cpu.pend(Cpu.PENDING_INACTIVE);
            smi(cpu);
            assertThat(cpu.activity).isEqualTo(Cpu.ACTIVE);
            assertThat(cpu.physical.read(AREA + 0x7ec9, 1)).isEqualTo(1);
            cpu.physical.write(AREA + 0x7ec9, 1, again ? 1 : 0);
            resume(cpu);
            assertThat(cpu.activity).isEqualTo(again ? Cpu.HALTED : Cpu.ACTIVE);
        }
    }
}

package nestbox.x86.system;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Set;
import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import nestbox.x86.model.Feature;
import nestbox.x86.model.Vendor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** SDM Vol. 2, "MOV - Move to/from Control Registers", exceptions; Vol. 3, "Control Registers", "Debug Registers". */
class ControlRegisterTest {
    private static String write(SystemBench b, String register, long value) {
        b.cpu.r[Reg.RAX] = value;
        return b.step("mov " + register + ", " + (b.cpu.mode64() ? "rax" : "eax"));
    }

    @ParameterizedTest
    @CsvSource({
        "0x00000011, ok",
        "0x80000010, 13(0)",
        "0x80000011, ok",
        "0x20000011, 13(0)",
        "0x40000011, ok",
        "0x60000011, ok",
        "0x1ff80011, ok",
    })
    void cr0InProtectedMode(String value, String expected) {
        SystemBench b = SystemBench.protectedMode(0);
        b.cpu.cr3 = 0x20000;
        assertThat(write(b, "cr0", Long.decode(value))).isEqualTo(expected);
        if (expected.equals("ok")) {
            assertThat(b.cpu.cr0).isEqualTo(Long.decode(value) & 0xe005003fL);
        }
    }

    @ParameterizedTest
    @CsvSource({"0x80010031, ok", "0x180010031, 13(0)", "0x00010031, 13(0)"})
    void cr0In64BitMode(String value, String expected) {
        SystemBench b = SystemBench.longMode(Vendor.INTEL, 0);
        assertThat(write(b, "cr0", Long.decode(value))).isEqualTo(expected);
    }

    @Test
    void pagingWithLmeNeedsPaeAndATaskOf32Bits() {
        SystemBench b = SystemBench.protectedMode(0);
        b.cpu.efer = Cpu.EFER_LME;
        assertThat(write(b, "cr0", 0x80000011L)).isEqualTo("13(0)");
        b.cpu.cr4 = Cpu.CR4_PAE;
        b.cpu.rights[Reg.TR] = 0x83;
        assertThat(write(b, "cr0", 0x80000011L)).isEqualTo("13(0)");
        b.cpu.rights[Reg.TR] = 0x8b;
        assertThat(write(b, "cr0", 0x80000011L)).isEqualTo("ok");
        assertThat(b.cpu.efer).isEqualTo(Cpu.EFER_LME | Cpu.EFER_LMA);
    }

    @ParameterizedTest
    @CsvSource({"cr0, 3", "cr3, 3", "cr4, 3", "dr0, 3", "dr7, 3"})
    void userCodeFaults(String register, int cpl) {
        SystemBench b = SystemBench.protectedMode(cpl);
        assertThat(write(b, register, 0)).isEqualTo("13(0)");
        assertThat(b.step("mov eax, " + register)).isEqualTo("13(0)");
    }

    @ParameterizedTest
    @CsvSource({"0x1000, ok", "0x1000000000, 13(0)", "0x8000000000001000, 13(0)", "0x0000000fffffffff, ok"})
    void cr3ReservedBitsOf36BitPhysicalAddresses(String value, String expected) {
        SystemBench b = SystemBench.longMode(Vendor.INTEL, 0);
        assertThat(write(b, "cr3", Long.parseUnsignedLong(value.substring(2), 16)))
                .isEqualTo(expected);
    }

    @Test
    void noFlushBitIsNotStored() {
        SystemBench b = SystemBench.longMode(Vendor.INTEL, 0);
        assertThat(write(b, "cr4", Cpu.CR4_PAE | Cpu.CR4_PCIDE)).isEqualTo("ok");
        assertThat(write(b, "cr3", 1L << 63 | SystemBench.TABLES | 5)).isEqualTo("ok");
        assertThat(b.cpu.cr3).isEqualTo(SystemBench.TABLES | 5);
        assertThat(write(b, "cr0", 0x80010031L & ~(1L << 31))).isEqualTo("13(0)");
    }

    @ParameterizedTest
    @CsvSource({
        // bit, its feature
        "0, VME",
        "1, VME",
        "2, TSC",
        "3, DE",
        "4, PSE",
        "5, PAE",
        "6, MCE",
        "7, PGE",
        "9, FXSR",
        "10, SSE",
        "11, UMIP",
        "16, FSGSBASE",
        "18, XSAVE",
        "20, SMEP",
        "21, SMAP",
        "22, PKU",
        "12, LA57",
        "13, VMX",
    })
    void cr4BitsNeedTheirFeature(int bit, Feature feature) {
        SystemBench with = SystemBench.real();
        assertThat(write(with, "cr4", 1L << bit)).isEqualTo("ok");
        assertThat(with.cpu.cr4).isEqualTo(1L << bit);
        SystemBench without = SystemBench.real(Vendor.INTEL, Set.of(feature));
        assertThat(write(without, "cr4", 1L << bit)).isEqualTo("13(0)");
    }

    @ParameterizedTest
    @CsvSource({"15", "19", "25", "31"})
    void reservedCr4Bits(int bit) {
        assertThat(write(SystemBench.real(), "cr4", 1L << bit)).isEqualTo("13(0)");
    }

    @ParameterizedTest
    @CsvSource({"0, 13(0)", "0x20, ok", "0x1020, 13(0)", "0x20020, ok"})
    void cr4InLongMode(String value, String expected) {
        SystemBench b = SystemBench.longMode(Vendor.INTEL, 0);
        assertThat(write(b, "cr4", Long.decode(value))).isEqualTo(expected);
    }

    @Test
    void pcidesConditions() {
        assertThat(write(SystemBench.real(), "cr4", Cpu.CR4_PCIDE)).isEqualTo("13(0)");
        SystemBench b = SystemBench.longMode(Vendor.INTEL, 0);
        b.cpu.cr3 |= 0x18;
        assertThat(write(b, "cr4", Cpu.CR4_PAE | Cpu.CR4_PCIDE)).isEqualTo("13(0)");
    }

    /** Bits 2:1 and 8:5 of a present PDPTE are reserved (SDM Vol. 3, "PDPTE Registers"). */
    @ParameterizedTest
    @CsvSource({"0x30001, ok", "0x30003, 13(0)", "0x30021, 13(0)", "0x2, ok"})
    void pdptesAreCheckedAtTheLoad(String entry, String expected) {
        SystemBench b = SystemBench.protectedMode(0);
        b.cpu.cr4 = Cpu.CR4_PAE;
        b.cpu.cr3 = 0x20000;
        b.write(0x20008, 8, Long.decode(entry));
        long before = b.cpu.cr0;
        assertThat(write(b, "cr0", 0x80000011L)).isEqualTo(expected);
        if (expected.equals("ok")) {
            assertThat(b.cpu.pdpte[1]).isEqualTo(Long.decode(entry));
        } else {
            assertThat(b.cpu.cr0).isEqualTo(before);
            assertThat(b.cpu.pdpte[1]).isZero();
        }
    }

    @ParameterizedTest
    @CsvSource({"0, 11", "1, 11", "0xe, 1f", "0xf, 1f", "0xfff0, 11"})
    void lmswSetsButNeverClearsProtection(String source, String expected) {
        SystemBench b = SystemBench.protectedMode(0);
        b.cpu.cr0 = Cpu.CR0_PE | Cpu.CR0_ET;
        b.cpu.r[Reg.RAX] = Integer.decode(source);
        assertThat(b.step("lmsw ax")).isEqualTo("ok");
        assertThat(b.cpu.cr0).isEqualTo(Long.parseLong(expected, 16));
    }

    @ParameterizedTest
    @CsvSource({"6, 0, ffff0ff0", "6, ffffffff, ffffefff", "7, 0, 400", "7, ffffffff, ffff27ff"})
    void fixedBitsOfTheDebugRegisters(int n, String value, String expected) {
        SystemBench b = SystemBench.protectedMode(0);
        assertThat(write(b, "dr" + n, Long.parseLong(value, 16))).isEqualTo("ok");
        assertThat(b.cpu.dr[n]).isEqualTo(Long.parseLong(expected, 16));
    }

    @ParameterizedTest
    @CsvSource({"dr6, 13(0)", "dr7, 13(0)", "dr0, ok"})
    void upperHalvesOfDr6AndDr7(String register, String expected) {
        SystemBench b = SystemBench.longMode(Vendor.INTEL, 0);
        assertThat(write(b, register, 1L << 32)).isEqualTo(expected);
    }

    @Test
    void debugExtensionsTakeDr4Away() {
        SystemBench b = SystemBench.protectedMode(0);
        assertThat(write(b, "dr4", 0)).isEqualTo("ok");
        b.cpu.cr4 = Cpu.CR4_DE;
        assertThat(write(b, "dr4", 0)).isEqualTo("6");
    }

    @Test
    void generalDetectFaultsAndIsClearedByItsDelivery() {
        SystemBench b = SystemBench.protectedMode(0);
        b.idt(1, SystemBench.gate(0x8e, SystemBench.CODE0, 0x5000));
        b.cpu.dr[7] |= 1 << 13;
        assertThat(b.step("mov eax, dr0")).isEqualTo("1");
        Exceptions.deliverFault(b.cpu);
        assertThat(b.cpu.dr[6] & 0xf00f).isEqualTo(0x2000);
        assertThat(b.cpu.dr[7]).isEqualTo(0x400);
    }

    @ParameterizedTest
    @CsvSource({"sgdt [0x6000], 13(0)", "sidt [0x6000], 13(0)", "sldt ax, 13(0)", "str ax, 13(0)", "smsw ax, 13(0)"})
    void umip(String instruction, String expected) {
        SystemBench b = SystemBench.protectedMode(3);
        assertThat(b.step(instruction)).isEqualTo("ok");
        b.cpu.cr4 = Cpu.CR4_UMIP;
        assertThat(b.step(instruction)).isEqualTo(expected);
    }

    @ParameterizedTest
    @CsvSource({
        "0x0101, ok",
        "0x0501, ok",
        "0x0900, ok",
        "0x1, 13(0)",
        "0x20101, 13(0)",
        "0x2101, 13(0)",
        "0x1101, 13(0)",
    })
    void eferWithPaging(String value, String expected) {
        SystemBench b = SystemBench.longMode(Vendor.INTEL, 0);
        b.cpu.r[Reg.RCX] = 0xc0000080L;
        b.cpu.r[Reg.RDX] = 0;
        b.cpu.r[Reg.RAX] = Long.decode(value);
        assertThat(b.step("wrmsr")).isEqualTo(expected);
        assertThat(b.cpu.efer & Cpu.EFER_LMA).isNotZero();
    }
}

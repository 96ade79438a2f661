package nestbox.x86.system;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Reg;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Instructions that look at CPL, IOPL, descriptors and the TSS (SDM Vol. 2; Vol. 3, "Protection"). */
class PrivilegeTest {
    private static final int MAP = 0x68;

    @ParameterizedTest
    @CsvSource({
        // CPL, IOPL, CR4, outcome of CLI, outcome of STI
        "0, 0, 0, ok, ok",
        "3, 3, 0, ok, ok",
        "3, 0, 0, 13(0), 13(0)",
        "3, 0, 2, ok, ok",
        "3, 0, 1, 13(0), 13(0)",
    })
    void interruptFlag(int cpl, int iopl, int cr4, String cli, String sti) {
        SystemBench b = SystemBench.protectedMode(cpl);
        b.cpu.cr4 = cr4;
        b.cpu.setRflags(Flags.FIXED | (long) iopl << 12);
        assertThat(b.step("sti")).isEqualTo(sti);
        if (sti.equals("ok")) {
            assertThat(b.cpu.rflags() & (Flags.IF | Flags.VIF)).isEqualTo(cr4 == 2 ? Flags.VIF : Flags.IF);
        }
        assertThat(b.step("cli")).isEqualTo(cli);
        assertThat(b.cpu.rflags() & (Flags.IF | Flags.VIF)).isZero();
    }

    @Test
    void pendingVirtualInterruptMakesStiFault() {
        SystemBench b = SystemBench.virtual8086(0);
        b.cpu.cr4 = Cpu.CR4_VME;
        assertThat(b.step("sti")).isEqualTo("ok");
        assertThat(b.cpu.rflags() & Flags.VIF).isNotZero();
        b.cpu.setRflags(b.cpu.rflags() | Flags.VIP);
        assertThat(b.step("sti")).isEqualTo("13(0)");
    }

    /** SDM Vol. 3, "Interrupt and Exception Handling in Virtual-8086 Mode", methods by VME, IOPL and the redirection map. */
    @ParameterizedTest
    @CsvSource({"0, 0, 1, 13(0)", "0, 3, 0, gate", "1, 0, 0, table", "1, 3, 0, table", "1, 3, 1, gate", "1, 0, 1, 13(0)"
    })
    void softwareInterruptInVirtual8086Mode(int vme, int iopl, int bit, String expected) {
        SystemBench b = SystemBench.virtual8086(iopl);
        b.cpu.cr4 = vme;
        b.cpu.limit[Reg.TR] = 0xff;
        b.write(SystemBench.TSS + 0x66, 2, 0x88);
        b.write(SystemBench.TSS + 0x68 + 8, 1, bit);
        b.idt(0x40, SystemBench.gate(0xee, SystemBench.CODE0, 0x5000));
        b.write(0x40 * 4, 4, 0x02000030);
        String result = b.step("int 0x40");
        if (result.equals("ok")) {
            result = b.cpu.virtual8086() ? "table" : "gate";
        }
        assertThat(result).isEqualTo(expected);
        if (expected.equals("table")) {
            assertThat(b.cpu.base[Reg.CS] + b.cpu.rip).isEqualTo(0x2030);
        }
    }

    @ParameterizedTest
    @CsvSource({
        // CPL, IOPL, TSS limit, bits of the map from port 10h on, expected of IN EAX, 10h
        "0, 0, 67, ff, ok",
        "3, 3, 67, ff, ok",
        "3, 0, 67, 0, 13(0)",
        "3, 0, 6b, 0, ok",
        "3, 0, 6a, 0, 13(0)",
        "3, 0, 6b, 1, 13(0)",
        "3, 0, 6b, 8, 13(0)",
        "3, 0, 6b, 10, ok",
    })
    void ioPermissionMap(int cpl, int iopl, String limit, String bits, String expected) {
        SystemBench b = SystemBench.protectedMode(cpl);
        b.cpu.setRflags(Flags.FIXED | (long) iopl << 12);
        b.cpu.limit[Reg.TR] = Integer.parseInt(limit, 16);
        b.write(SystemBench.TSS + 0x66, 2, MAP);
        b.write(SystemBench.TSS + MAP + 2, 2, Integer.parseInt(bits, 16));
        assertThat(b.step("in eax, 0x10")).isEqualTo(expected);
    }

    @ParameterizedTest
    @CsvSource({
        // access byte, CPL, RPL, ZF of LAR, LSL, VERR, VERW
        "92, 0, 0, 1111", "90, 0, 0, 1110", "9a, 0, 0, 1110", "98, 0, 0, 1100", "92, 3, 3, 0000", "f2, 3, 3, 1111",
        "f2, 0, 3, 1111", "92, 0, 3, 0000", "9e, 3, 3, 1110", "89, 0, 0, 1100", "8c, 0, 0, 1000", "85, 0, 0, 1000",
        "82, 0, 0, 1100", "8e, 0, 0, 0000", "80, 0, 0, 0000",
    })
    void looksAtDescriptors(String access, int cpl, int rpl, String expected) {
        SystemBench b = SystemBench.protectedMode(cpl);
        b.gdt(SystemBench.SPARE, SystemBench.descriptor(Integer.parseInt(access, 16), 0, 0, 0x123));
        StringBuilder seen = new StringBuilder();
        for (String instruction : new String[] {"lar eax, bx", "lsl eax, bx", "verr bx", "verw bx"}) {
            b.cpu.r[Reg.RBX] = SystemBench.SPARE | rpl;
            assertThat(b.step(instruction)).isEqualTo("ok");
            seen.append(Flags.zf(b.cpu) ? 1 : 0);
        }
        assertThat(seen).hasToString(expected);
    }

    @ParameterizedTest
    @CsvSource({
        "hlt",
        "clts",
        "invd",
        "wbinvd",
        "rdmsr",
        "wrmsr",
        "lmsw ax",
        "lgdt [0x6000]",
        "lidt [0x6000]",
        "lldt ax",
        "ltr ax",
        "invlpg [0]"
    })
    void privileged(String instruction) {
        assertThat(SystemBench.protectedMode(3).step(instruction)).isEqualTo("13(0)");
    }

    @ParameterizedTest
    @CsvSource({"89, ok", "8b, 13(38)", "81, ok", "82, 13(38)", "09, 11(38)"})
    void ltr(String access, String expected) {
        SystemBench b = SystemBench.protectedMode(0);
        b.task(SystemBench.SPARE, 0x6000, Integer.parseInt(access, 16), 0x67);
        b.cpu.r[Reg.RAX] = SystemBench.SPARE;
        assertThat(b.step("ltr ax")).isEqualTo(expected);
        int after = (int) b.read(SystemBench.GDT + SystemBench.SPARE + 5, 1);
        assertThat(after).isEqualTo(Integer.parseInt(access, 16) | (expected.equals("ok") ? 2 : 0));
    }

    @Test
    void timeStampDisable() {
        SystemBench b = SystemBench.protectedMode(3);
        assertThat(b.step("rdtsc")).isEqualTo("ok");
        b.cpu.cr4 = Cpu.CR4_TSD;
        assertThat(b.step("rdtsc")).isEqualTo("13(0)");
        assertThat(b.step("rdtscp")).isEqualTo("13(0)");
    }
}

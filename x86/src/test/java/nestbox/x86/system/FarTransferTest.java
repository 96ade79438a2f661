package nestbox.x86.system;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import nestbox.x86.model.Vendor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** SDM Vol. 2, "JMP", "CALL", "RET", "IRET"; Vol. 3, "Privilege Level Checking When Transferring Program Control". */
class FarTransferTest {
    private static final int S = SystemBench.SPARE;

    @ParameterizedTest
    @CsvSource({
        // nonconforming: CPL = DPL, RPL <= CPL
        "0, 9a, 0, ok",
        "0, 9a, 3, 13(38)",
        "0, fa, 3, 13(38)",
        "3, fa, 3, ok",
        "3, fa, 0, ok",
        "3, 9a, 3, 13(38)",
        // conforming: DPL <= CPL
        "3, 9e, 3, ok",
        "0, fe, 0, 13(38)",
        // not code, not present, not a gate
        "0, 92, 0, 13(38)",
        "0, 1a, 0, 11(38)",
        "0, 82, 0, 13(38)",
        "0, 8b, 0, 13(38)",
    })
    void directJump(int cpl, String access, int rpl, String expected) {
        SystemBench b = SystemBench.protectedMode(cpl);
        b.gdt(S, SystemBench.descriptor(Integer.parseInt(access, 16), 0xc, 0, 0xfffff));
        assertThat(b.step("jmp far 0x" + Integer.toHexString(S | rpl) + ":0x5000"))
                .isEqualTo(expected);
        if (expected.equals("ok")) {
            assertThat(b.cpu.rip).isEqualTo(0x5000);
            assertThat(b.cpu.selector[Reg.CS]).isEqualTo(S | cpl);
        }
    }

    @Test
    void targetBeyondTheLimit() {
        SystemBench b = SystemBench.protectedMode(0);
        b.gdt(S, SystemBench.descriptor(0x9a, 0x4, 0, 0x4fff));
        assertThat(b.step("jmp far 0x38:0x5000")).isEqualTo("13(0)");
        assertThat(b.step("jmp far 0x38:0x4fff")).isEqualTo("ok");
    }

    @ParameterizedTest
    @CsvSource({
        // gate DPL, RPL, gate present, code DPL, code access low, expected
        "3, 3, ec, 9a, ok",
        "3, 3, 8c, 9a, 13(38)",
        "3, 3, 6c, 9a, 11(38)",
        "3, 3, ec, 92, 13(48)",
        "3, 3, ec, 1a, 11(48)",
        "0, 0, 8c, fa, 13(48)",
        "0, 3, 8c, 9a, 13(38)",
        "0, 0, 8c, 9a, ok",
    })
    void callGate(int cpl, int rpl, String gate, String code, String expected) {
        SystemBench b = SystemBench.protectedMode(cpl);
        b.gdt(S, SystemBench.gate(Integer.parseInt(gate, 16), SystemBench.SPARE2, 0x5000));
        b.gdt(SystemBench.SPARE2, SystemBench.descriptor(Integer.parseInt(code, 16), 0xc, 0, 0xfffff));
        assertThat(b.step("call far 0x" + Integer.toHexString(S | rpl) + ":0")).isEqualTo(expected);
    }

    @Test
    void callGateSwitchesStacksAndCopiesParameters() {
        SystemBench b = SystemBench.protectedMode(3);
        b.gdt(S, SystemBench.gate(0xec, SystemBench.CODE0, 0x5000) | 2L << 32);
        b.write(SystemBench.STACK3, 4, 0x11111111);
        b.write(SystemBench.STACK3 + 4, 4, 0x22222222);
        assertThat(b.step("call far 0x3b:0")).isEqualTo("ok");
        assertThat(b.cpu.cpl).isZero();
        assertThat(b.cpu.selector[Reg.SS]).isEqualTo(SystemBench.DATA0);
        long[] expected = {
            SystemBench.CODE_AT + 7,
            SystemBench.CODE3 | 3,
            0x11111111,
            0x22222222,
            SystemBench.STACK3,
            SystemBench.DATA3 | 3
        };
        for (int i = 0; i < expected.length; i++) {
            assertThat(b.stack(i, 4)).as("slot %d", i).isEqualTo(expected[i]);
        }
    }

    /** Field 8 of the TSS is SS0 (SDM Vol. 3, "Stack Switching"). */
    @ParameterizedTest
    @CsvSource({
        "0, 67, 10(0)",
        "0x13, 67, 10(10)",
        "0x20, 67, 10(20)",
        "0x08, 67, 10(8)",
        "0x78, 67, 10(78)",
        "0x10, 8, 10(28)",
        "0x50, 67, 12(50)",
        "0x10, 67, ok"
    })
    void innerStackMustBeGood(String ss0, String limit, String expected) {
        SystemBench b = SystemBench.protectedMode(3);
        b.gdt(S, SystemBench.gate(0xec, SystemBench.CODE0, 0x5000));
        b.gdt(0x50, SystemBench.descriptor(0x12, 0xc, 0, 0xfffff));
        b.write(SystemBench.TSS + 8, 2, Integer.decode(ss0));
        b.cpu.limit[Reg.TR] = Integer.parseInt(limit, 16);
        assertThat(b.step("call far 0x3b:0")).isEqualTo(expected);
        assertThat(b.cpu.r[Reg.RSP]).isEqualTo(expected.equals("ok") ? SystemBench.STACK0 - 16 : SystemBench.STACK3);
    }

    @ParameterizedTest
    @CsvSource({
        // CS and SS on the stack
        "0x1b, 0x23, ok",
        "0x18, 0x23, 13(18)",
        "0x08, 0x10, ok",
        "0x0b, 0x23, 13(8)",
        "0x1b, 0x20, 13(20)",
        "0x1b, 0x10, 13(10)",
        "0x1b, 0, 13(0)",
        "0, 0x23, 13(0)",
        "0x10, 0x23, 13(10)",
    })
    void returns(String cs, String ss, String expected) {
        SystemBench b = SystemBench.protectedMode(0);
        b.write(SystemBench.STACK0, 4, 0x5000);
        b.write(SystemBench.STACK0 + 4, 4, Integer.decode(cs));
        b.write(SystemBench.STACK0 + 8, 4, 0x7000);
        b.write(SystemBench.STACK0 + 12, 4, Integer.decode(ss));
        assertThat(b.step("retf")).isEqualTo(expected);
        if (expected.equals("ok")) {
            boolean outer = cs.equals("0x1b");
            assertThat(b.cpu.cpl).isEqualTo(outer ? 3 : 0);
            assertThat(b.cpu.r[Reg.RSP]).isEqualTo(outer ? 0x7000 : SystemBench.STACK0 + 8);
            // Ring-0 data segments do not survive a return to ring 3.
            assertThat(b.cpu.selector[Reg.DS]).isEqualTo(outer ? 0 : SystemBench.DATA0);
        } else {
            assertThat(b.cpu.r[Reg.RSP]).isEqualTo(SystemBench.STACK0);
        }
    }

    @ParameterizedTest
    @CsvSource({
        // CPL, IOPL, popped flags, flags afterwards among IF, IOPL, NT, AC, ID, VIF
        "0, 0, 247200, 247202",
        "3, 0, 247200, 244002",
        "3, 3, 247200, 247202",
        "0, 0, 2b7202, 2b7202",
    })
    void iretLoadsWhatThePrivilegePermits(int cpl, int iopl, String popped, String expected) {
        SystemBench b = SystemBench.protectedMode(cpl);
        b.cpu.setRflags(2 | (long) iopl << 12);
        long sp = b.cpu.r[Reg.RSP];
        b.write(sp, 4, 0x5000);
        b.write(sp + 4, 4, cpl == 0 ? SystemBench.CODE0 : SystemBench.CODE3 | 3);
        b.write(sp + 8, 4, Long.parseLong(popped, 16) & ~0x20000L);
        assertThat(b.step("iretd")).isEqualTo("ok");
        assertThat(b.cpu.rflags()).isEqualTo(Long.parseLong(expected, 16) & ~0x20000L);
    }

    @Test
    void iretToVirtual8086Mode() {
        SystemBench b = SystemBench.protectedMode(0);
        int[] frame = {0x100, 0x1000, 0x23202, 0x7ff0, 0x2000, 0x3000, 0x4000, 0x5000, 0x6000};
        for (int i = 0; i < frame.length; i++) {
            b.write(SystemBench.STACK0 + 4 * i, 4, frame[i]);
        }
        assertThat(b.step("iretd")).isEqualTo("ok");
        assertThat(b.cpu.virtual8086()).isTrue();
        assertThat(b.cpu.cpl).isEqualTo(3);
        assertThat(b.cpu.codeSize).isEqualTo(16);
        assertThat(b.cpu.base[Reg.CS]).isEqualTo(0x10000);
        assertThat(b.cpu.base[Reg.GS]).isEqualTo(0x60000);
        assertThat(b.cpu.r[Reg.RSP]).isEqualTo(0x7ff0);
    }

    @Test
    void iretIn64BitModeAlwaysPopsTheStack() {
        SystemBench b = SystemBench.longMode(Vendor.INTEL, 0);
        long[] frame = {0x5000, SystemBench.LONG_CODE0, 2, 0x7000, 0};
        for (int i = 0; i < frame.length; i++) {
            b.write(SystemBench.STACK0 + 8 * i, 8, frame[i]);
        }
        assertThat(b.step("iretq")).isEqualTo("ok");
        assertThat(b.cpu.r[Reg.RSP]).isEqualTo(0x7000);
        assertThat(b.cpu.rights[Reg.SS] & Cpu.RIGHTS_UNUSABLE).isNotZero();
    }

    @ParameterizedTest
    @CsvSource({"0x63, 0, 13(0)", "0x63, 0x23, ok", "0x58, 3, 13(0)", "0x1b, 0x23, ok", "0x1b, 0, 13(0)"})
    void nullStackOnReturnFrom64BitMode(String cs, String ss, String expected) {
        SystemBench b = SystemBench.longMode(Vendor.INTEL, 0);
        long[] frame = {0x5000, Integer.decode(cs), 2, 0x7000, Integer.decode(ss)};
        for (int i = 0; i < frame.length; i++) {
            b.write(SystemBench.STACK0 + 8 * i, 8, frame[i]);
        }
        assertThat(b.step("iretq")).isEqualTo(expected);
    }

    @Test
    void nestedTaskFlagIn64BitMode() {
        SystemBench b = SystemBench.longMode(Vendor.INTEL, 0);
        b.cpu.setRflags(0x4002);
        assertThat(b.step("iretq")).isEqualTo("13(0)");
    }
}

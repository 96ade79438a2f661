package nestbox.x86.system;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.mmu.paging.Access;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.GuestFault;
import nestbox.x86.Reg;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** SDM Vol. 1, "Shadow Stacks"; Vol. 3, "Shadow-Stack Accesses" and "Page-Fault Exceptions"; Vol. 2, operation sections. */
class ShadowStackTest {
    private static final int NEXT = SystemBench.CODE_AT;
    private static final long BUSY = 1;

    @ParameterizedTest
    @CsvSource({
        // page, shadow-stack access?, user?, write?, expected
        "user, true, true, false, ok",
        "user, true, true, true, ok",
        "user, true, false, false, 14(41)",
        "user, true, false, true, 14(43)",
        "user, false, true, false, ok",
        "user, false, true, true, 14(7)",
        "user, false, false, true, 14(3)",
        "supervisor, true, false, true, ok",
        "supervisor, true, true, true, 14(47)",
        "supervisor, false, false, true, 14(3)",
        "read-only, true, true, false, 14(45)",
        "data, true, false, true, 14(43)",
        "data, false, false, true, ok",
        "below-read-only, true, true, true, 14(47)",
        "absent, true, true, true, 14(46)",
    })
    void pages(String page, boolean shadow, boolean user, boolean write, String expected) {
        CetBench c = CetBench.shadowStacks(0);
        c.page(0x25000, 0);
        long at = switch (page) {
            case "user" -> CetBench.USER_STACK;
            case "supervisor" -> CetBench.SUPERVISOR_STACK;
            case "read-only" -> CetBench.READ_ONLY;
            case "data" -> CetBench.SUPERVISOR_DATA;
            case "absent" -> 0x25000;
            default -> CetBench.BELOW_READ_ONLY;
        };
        int access = (shadow ? Access.SHADOW_STACK : 0) | (user ? Access.USER : 0);
        // Twice: by a walk, and by what the first access cached.
        for (int i = 0; i < 2; i++) {
            access(c.cpu, at + 8, access | Access.READ, false);
            assertThat(access(c.cpu, at + 8, access | (write ? Access.WRITE : Access.READ), write))
                    .isEqualTo(expected);
        }
    }

    private static String access(Cpu cpu, long at, int access, boolean write) {
        try {
            if (write) {
                cpu.mem.port().store(at, 8, 1, access, Reg.DS);
            } else {
                cpu.mem.port().load(at, 8, access, Reg.DS);
            }
            return "ok";
        } catch (GuestFault f) {
            return SystemBench.text(f);
        }
    }

    @Test
    void nearCallsAndReturns() {
        CetBench c = CetBench.shadowStacks(3);
        assertThat(c.b.step("call 0x1100")).isEqualTo("ok");
        assertThat(c.cpu.ssp).isEqualTo(CetBench.USER_STACK + 0x7f8);
        assertThat(c.shadow(0)).isEqualTo(NEXT + 5);
        assertThat(c.b.step("ret")).isEqualTo("ok");
        assertThat(c.cpu.rip).isEqualTo(NEXT + 5);
        assertThat(c.cpu.ssp).isEqualTo(CetBench.USER_STACK + 0x800);
    }

    @Test
    void callOfTheNextInstructionLeavesTheShadowStackAlone() {
        CetBench c = CetBench.shadowStacks(3);
        assertThat(c.b.step("call 0x1005")).isEqualTo("ok");
        assertThat(c.cpu.ssp).isEqualTo(CetBench.USER_STACK + 0x800);
    }

    @Test
    void aDifferentReturnAddressIsRefused() {
        CetBench c = CetBench.shadowStacks(3);
        c.b.step("call 0x1100");
        c.b.write(c.cpu.r[Reg.RSP], 8, 0x1234);
        long rsp = c.cpu.r[Reg.RSP];
        assertThat(c.b.step("ret")).isEqualTo("21(1)");
        assertThat(c.cpu.r[Reg.RSP]).isEqualTo(rsp);
        assertThat(c.cpu.ssp).isEqualTo(CetBench.USER_STACK + 0x7f8);
        assertThat(c.cpu.rip).isEqualTo(SystemBench.CODE_AT);
    }

    @Test
    void aCallWithoutRoomChangesNothing() {
        CetBench c = CetBench.shadowStacks(3);
        c.cpu.ssp = CetBench.USER_STACK;
        long rsp = c.cpu.r[Reg.RSP];
        assertThat(c.b.step("call 0x1100")).isEqualTo("14(47)");
        assertThat(c.cpu.r[Reg.RSP]).isEqualTo(rsp);
        assertThat(c.cpu.ssp).isEqualTo(CetBench.USER_STACK);
    }

    @Test
    void interruptFromUserModeTakesTheSupervisorStack() {
        CetBench c = CetBench.shadowStacks(3);
        long token = c.cpu.levelSsp[0];
        c.interrupt(0x30);
        assertThat(c.cpu.cpl).isZero();
        assertThat(c.cpu.levelSsp[3]).isEqualTo(CetBench.USER_STACK + 0x800);
        assertThat(c.cpu.ssp).isEqualTo(token);
        assertThat(c.b.read(token, 8)).isEqualTo(token | BUSY);

        c.cpu.levelSsp[3] = CetBench.USER_STACK + 0x700;
        assertThat(c.b.step("iretq")).isEqualTo("ok");
        assertThat(c.cpu.cpl).isEqualTo(3);
        assertThat(c.cpu.ssp).isEqualTo(CetBench.USER_STACK + 0x700);
        assertThat(c.b.read(token, 8)).isEqualTo(token);
    }

    @ParameterizedTest
    @CsvSource({"1, false", "4, false", "0, true"})
    void aBusyOrMisplacedTokenIsRefused(int off, boolean busy) {
        CetBench c = CetBench.shadowStacks(3);
        long token = c.cpu.levelSsp[0];
        c.b.write(token, 8, token + off | (busy ? BUSY : 0));
        assertThat(c.b.step("int 0x30")).isEqualTo("13(0)");
        assertThat(c.cpu.ssp).isEqualTo(CetBench.USER_STACK + 0x800);
    }

    @Test
    void interruptAtTheSameLevelPushesAFrame() {
        CetBench c = CetBench.shadowStacks(0);
        long ssp = c.cpu.ssp - 4;
        c.cpu.ssp = ssp;
        c.interrupt(0x30);
        assertThat(c.cpu.ssp).isEqualTo((ssp & ~7) - 24);
        assertThat(c.shadow(16)).isEqualTo(SystemBench.LONG_CODE0);
        assertThat(c.shadow(8)).isEqualTo(SystemBench.CODE_AT);
        assertThat(c.shadow(0)).isEqualTo(ssp);
        assertThat(c.b.step("iretq")).isEqualTo("ok");
        assertThat(c.cpu.ssp).isEqualTo(ssp);
    }

    @ParameterizedTest
    @CsvSource({"16, 10", "8, 1001", "0, 21002"})
    void aFrameThatDiffersIsRefused(int offset, String value) {
        CetBench c = CetBench.shadowStacks(0);
        c.interrupt(0x30);
        c.b.write(c.cpu.ssp + offset, 8, Long.parseLong(value, 16));
        assertThat(c.b.step("iretq")).isEqualTo("21(2)");
    }

    @Test
    void interruptStackTable() {
        CetBench c = CetBench.shadowStacks(0);
        c.cpu.interruptSspTable = 0x7000;
        long token = CetBench.SUPERVISOR_STACK + 0x400;
        c.b.write(0x7000 + 8 * 2, 8, token);
        c.b.write(token, 8, token);
        c.b.write(SystemBench.TSS + 0x2c, 8, 0xa000);
        c.b.idt64(0x31, SystemBench.gate(0xee, SystemBench.LONG_CODE0, 0x6000) | 2L << 32);
        long ssp = c.cpu.ssp;
        c.interrupt(0x31);
        assertThat(c.cpu.ssp).isEqualTo(token - 24);
        assertThat(c.b.read(token, 8)).isEqualTo(token | BUSY);
        assertThat(c.shadow(0)).isEqualTo(ssp);
        assertThat(c.b.step("iretq")).isEqualTo("ok");
        assertThat(c.cpu.ssp).isEqualTo(ssp);
        assertThat(c.b.read(token, 8)).isEqualTo(token);
    }

    @Test
    void farCallAndReturn() {
        CetBench c = CetBench.shadowStacks(0);
        c.b.write(0x7000, 4, 0x1200);
        c.b.write(0x7004, 2, SystemBench.LONG_CODE0);
        c.cpu.r[Reg.RBX] = 0x7000;
        long ssp = c.cpu.ssp;
        assertThat(c.b.step("call far dword [rbx]")).isEqualTo("ok");
        assertThat(c.cpu.ssp).isEqualTo(ssp - 24);
        assertThat(c.shadow(8)).isEqualTo(NEXT + 2);
        assertThat(c.b.step("retfd")).isEqualTo("ok");
        assertThat(c.cpu.ssp).isEqualTo(ssp);
    }

    @Test
    void systemCallLeavesNoShadowStack() {
        CetBench c = CetBench.shadowStacks(3);
        c.cpu.star = (long) SystemBench.CODE0 << 32 | (long) (SystemBench.LONG_CODE3 - 16) << 48;
        c.cpu.lstar = 0x5000;
        assertThat(c.b.step("syscall")).isEqualTo("ok");
        assertThat(c.cpu.ssp).isZero();
        assertThat(c.cpu.levelSsp[3]).isEqualTo(CetBench.USER_STACK + 0x800);
        assertThat(c.b.step("setssbsy")).isEqualTo("ok");
        assertThat(c.cpu.ssp).isEqualTo(c.cpu.levelSsp[0]);
        assertThat(c.b.step("setssbsy")).isEqualTo("21(5)");
        c.cpu.r[Reg.RBX] = c.cpu.levelSsp[0];
        assertThat(c.b.step("clrssbsy [rbx]")).isEqualTo("ok");
        assertThat(Flags.cf(c.cpu)).isFalse();
        assertThat(c.cpu.ssp).isZero();
        assertThat(c.b.step("clrssbsy [rbx]")).isEqualTo("ok");
        assertThat(Flags.cf(c.cpu)).isTrue();
        c.cpu.r[Reg.RCX] = 0x1000;
        assertThat(c.b.step("sysretq")).isEqualTo("ok");
        assertThat(c.cpu.ssp).isEqualTo(CetBench.USER_STACK + 0x800);
    }

    @Test
    void switchingBetweenStacks() {
        CetBench c = CetBench.shadowStacks(3);
        long old = c.cpu.ssp;
        long other = CetBench.USER_STACK + 0x200;
        c.b.write(other - 8, 8, other | 1);
        c.cpu.r[Reg.RBX] = other - 8;
        assertThat(c.b.step("rstorssp [rbx]")).isEqualTo("ok");
        assertThat(c.cpu.ssp).isEqualTo(other - 8);
        assertThat(c.b.read(other - 8, 8)).isEqualTo(old | 3);
        assertThat(Flags.cf(c.cpu)).isFalse();
        assertThat(c.b.step("saveprevssp")).isEqualTo("ok");
        assertThat(c.cpu.ssp).isEqualTo(other);
        assertThat(c.b.read(old - 8, 8)).isEqualTo(old | 1);
        assertThat(c.b.step("saveprevssp")).isEqualTo("13(0)");
    }

    @ParameterizedTest
    @CsvSource({"20200, 21(4)", "20203, 21(4)", "20209, 21(4)", "20201, ok", "20205, ok"})
    void restoreTokens(String token, String expected) {
        CetBench c = CetBench.shadowStacks(3);
        c.b.write(0x201f8, 8, Long.parseLong(token, 16));
        c.cpu.r[Reg.RBX] = 0x201f8;
        assertThat(c.b.step("rstorssp [rbx]")).isEqualTo(expected);
        if (expected.equals("ok")) {
            // A token whose SSP is aligned to 4 bytes alone has a hole above it.
            assertThat(Flags.cf(c.cpu)).isEqualTo(token.equals("20205"));
        } else {
            assertThat(c.b.read(0x201f8, 8)).isEqualTo(Long.parseLong(token, 16));
        }
    }

    @Test
    void incrementAndRead() {
        CetBench c = CetBench.shadowStacks(3);
        c.cpu.r[Reg.RAX] = 0x103;
        assertThat(c.b.step("incsspq rax")).isEqualTo("ok");
        assertThat(c.cpu.ssp).isEqualTo(CetBench.USER_STACK + 0x818);
        assertThat(c.b.step("incsspd eax")).isEqualTo("ok");
        assertThat(c.cpu.ssp).isEqualTo(CetBench.USER_STACK + 0x824);
        assertThat(c.b.step("rdsspq rcx")).isEqualTo("ok");
        assertThat(c.cpu.r[Reg.RCX]).isEqualTo(CetBench.USER_STACK + 0x824);
        c.cpu.r[Reg.RAX] = 0xff;
        c.cpu.ssp = CetBench.USER_STACK + 0xf00;
        assertThat(c.b.step("incsspq rax")).isEqualTo("14(45)");
    }

    @Test
    void withoutShadowStacks() {
        CetBench c = new CetBench(3);
        c.cpu.r[Reg.RCX] = 77;
        assertThat(c.b.step("rdsspq rcx")).isEqualTo("ok");
        assertThat(c.cpu.r[Reg.RCX]).isEqualTo(77);
        for (String code :
                new String[] {"incsspq rax", "saveprevssp", "rstorssp [rbx]", "wrssq [rbx], rax", "setssbsy"}) {
            assertThat(c.b.step(code)).as(code).isEqualTo("6");
        }
    }

    @Test
    void writes() {
        CetBench c = CetBench.shadowStacks(3);
        c.cpu.r[Reg.RBX] = CetBench.USER_STACK + 0x10;
        c.cpu.r[Reg.RAX] = 0x1122334455667788L;
        assertThat(c.b.step("wrssq [rbx], rax")).isEqualTo("6");
        c.msr(0x6a0, Cet.SH_STK_EN | Cet.WR_SHSTK_EN);
        assertThat(c.b.step("wrssq [rbx], rax")).isEqualTo("ok");
        assertThat(c.b.read(CetBench.USER_STACK + 0x10, 8)).isEqualTo(0x1122334455667788L);
        assertThat(c.b.step("wrssq [rbx + 4], rax")).isEqualTo("13(0)");
        assertThat(c.b.step("wrssd [rbx + 4], eax")).isEqualTo("ok");
        assertThat(c.b.step("wrussq [rbx], rax")).isEqualTo("13(0)");

        CetBench s = CetBench.shadowStacks(0);
        s.cpu.r[Reg.RBX] = CetBench.USER_STACK + 0x10;
        s.cpu.r[Reg.RAX] = 5;
        assertThat(s.b.step("wrussq [rbx], rax")).isEqualTo("ok");
        assertThat(s.b.read(CetBench.USER_STACK + 0x10, 8)).isEqualTo(5);
        s.cpu.r[Reg.RBX] = CetBench.SUPERVISOR_STACK;
        assertThat(s.b.step("wrussq [rbx], rax")).isEqualTo("14(47)");
    }

    @ParameterizedTest
    @CsvSource({
        "6a0, 3f, ok", "6a0, 40, 13(0)", "6a0, 200, 13(0)", "6a0, 400, ok", "6a0, 800, ok", "6a0, c00, 13(0)",
        "6a2, 1003, ok", "6a4, 1000, ok", "6a4, 1002, 13(0)", "6a7, 1, 13(0)", "6a7, 4, ok", "6a8, 7, ok",
    })
    void registers(String index, String value, String expected) {
        CetBench c = new CetBench(0);
        int number = Integer.parseInt(index, 16);
        long bits = Long.parseLong(value, 16);
        assertThat(c.msr(number, bits)).isEqualTo(expected);
        if (expected.equals("ok")) {
            assertThat(c.cpu.msrs.read(number)).isEqualTo(bits);
        }
        assertThat(c.msr(number, 0x4000_0000_0000_0000L)).isEqualTo("13(0)");
    }

    @Test
    void writeProtectionStaysOn() {
        CetBench c = new CetBench(0);
        c.cpu.r[Reg.RAX] = c.cpu.cr0 & ~Cpu.CR0_WP;
        assertThat(c.b.step("mov cr0, rax")).isEqualTo("13(0)");
        c.cpu.r[Reg.RAX] = c.cpu.cr4 & ~Cpu.CR4_CET;
        assertThat(c.b.step("mov cr4, rax")).isEqualTo("ok");
        c.cpu.r[Reg.RAX] = c.cpu.cr0 & ~Cpu.CR0_WP;
        assertThat(c.b.step("mov cr0, rax")).isEqualTo("ok");
        c.cpu.r[Reg.RAX] = c.cpu.cr4 | Cpu.CR4_CET;
        assertThat(c.b.step("mov cr4, rax")).isEqualTo("13(0)");
    }

    @Test
    void taskSwitchThere() {
        SystemBench b = SystemBench.protectedMode(0);
        int tss = SystemBench.OTHER_TSS;
        b.task(SystemBench.OTHER_TASK, tss, 0x89, 0x67);
        b.write(tss + 0x20, 4, 0x5000);
        b.write(tss + 0x24, 4, Flags.FIXED);
        b.write(tss + 0x38, 4, 0x7000);
        for (int at = 0x48; at <= 0x5c; at += 4) {
            b.write(tss + at, 4, at == 0x4c ? SystemBench.CODE0 : SystemBench.DATA0);
        }
        b.cpu.cr0 |= Cpu.CR0_WP;
        b.cpu.cr4 |= Cpu.CR4_CET;
        b.cpu.supervisorCet = Cet.SH_STK_EN;
        b.cpu.ssp = 0xb000;
        b.cpu.updateMode();
        assertThat(b.step("call far 0x68:0")).isEqualTo("10(68)");
        b.task(SystemBench.OTHER_TASK, tss, 0x89, 0x6b);
        b.write(tss + 0x68, 4, 0xc000);
        b.write(0xc000, 8, 0xc000);
        assertThat(b.step("call far 0x68:0")).isEqualTo("ok");
        assertThat(b.cpu.ssp).isEqualTo(0xc000 - 24);
        assertThat(b.read(0xc000, 8)).isEqualTo(0xc001);
        assertThat(b.read(0xc000 - 8, 8)).isEqualTo(SystemBench.CODE0);
        assertThat(b.read(0xc000 - 16, 8)).isEqualTo(SystemBench.CODE_AT + 7);
        assertThat(b.read(0xc000 - 24, 8)).isEqualTo(0xb000);
        b.task(SystemBench.TASK, SystemBench.TSS, 0x8b, 0x6b);
        assertThat(b.step("iretd")).isEqualTo("ok");
        assertThat(b.cpu.ssp).isEqualTo(0xb000);
        assertThat(b.read(0xc000, 8)).isEqualTo(0xc000);
    }
}

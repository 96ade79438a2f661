package nestbox.x86.system;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Reg;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** SDM Vol. 3, "Task Switching" and table "Exception Conditions Checked During a Task Switch". */
class TaskSwitchTest {
    private static final int NEW = SystemBench.OTHER_TSS;
    private static final int OTHER = SystemBench.OTHER_TASK;

    private final SystemBench b = SystemBench.protectedMode(0);
    private final Cpu cpu = b.cpu;

    TaskSwitchTest() {
        b.task(OTHER, NEW, 0x89, 0x67);
        field(0x20, 0x5000);
        field(0x24, Flags.FIXED);
        field(0x28, 0x11111111);
        field(0x38, 0x7000);
        for (int at = 0x48; at <= 0x5c; at += 4) {
            field(at, at == 0x4c ? SystemBench.CODE0 : SystemBench.DATA0);
        }
        for (int vector = 0; vector < 32; vector++) {
            b.idt(vector, SystemBench.gate(0x8e, SystemBench.CODE0, 0x6000 + vector));
        }
    }

    private void field(int offset, long value) {
        b.write(NEW + offset, 4, value);
    }

    private int access(int selector) {
        return (int) b.read(SystemBench.GDT + selector + 5, 1);
    }

    @Test
    void callNests() {
        cpu.r[Reg.RBX] = 0x2222;
        assertThat(b.step("call far 0x68:0")).isEqualTo("ok");
        assertThat(cpu.rip).isEqualTo(0x5000);
        assertThat(cpu.r[Reg.RAX]).isEqualTo(0x11111111);
        assertThat(cpu.selector[Reg.TR]).isEqualTo(OTHER);
        assertThat(cpu.rflags() & Flags.NT).isNotZero();
        assertThat(cpu.cr0 & Cpu.CR0_TS).isNotZero();
        assertThat(b.read(NEW, 2)).isEqualTo(SystemBench.TASK);
        assertThat(access(SystemBench.TASK)).isEqualTo(0x8b);
        assertThat(access(OTHER)).isEqualTo(0x8b);
        assertThat(b.read(SystemBench.TSS + 0x34, 4)).isEqualTo(0x2222);
        assertThat(b.read(SystemBench.TSS + 0x20, 4)).isEqualTo(SystemBench.CODE_AT + 7);

        assertThat(b.step("iretd")).isEqualTo("ok");
        assertThat(cpu.rip).isEqualTo(SystemBench.CODE_AT + 7);
        assertThat(cpu.selector[Reg.TR]).isEqualTo(SystemBench.TASK);
        assertThat(access(OTHER)).isEqualTo(0x89);
        assertThat(b.read(NEW + 0x24, 4) & Flags.NT).isZero();
    }

    @Test
    void jumpFreesTheOldTask() {
        assertThat(b.step("jmp far 0x68:0")).isEqualTo("ok");
        assertThat(access(SystemBench.TASK)).isEqualTo(0x89);
        assertThat(access(OTHER)).isEqualTo(0x8b);
        assertThat(cpu.rflags() & Flags.NT).isZero();
    }

    @ParameterizedTest
    @CsvSource({
        // faults of the old task: busy, not present, limit
        "8b, 67, 13(68)",
        "09, 67, 11(68)",
        "89, 66, 10(68)",
        "89, 67, ok",
        "81, 2a, 10(68)",
    })
    void faultsBeforeTheSwitch(String access, String limit, String expected) {
        b.task(OTHER, NEW, Integer.parseInt(access, 16), Integer.parseInt(limit, 16));
        String result = b.step("jmp far 0x68:0");
        assertThat(result).isEqualTo(expected);
        if (!expected.equals("ok")) {
            assertThat(cpu.selector[Reg.TR]).isEqualTo(SystemBench.TASK);
        }
    }

    @Test
    void sixteenBitTask() {
        b.task(OTHER, NEW, 0x81, 0x2b);
        int[] words = {
            0x5000,
            2,
            0x1111,
            0x2222,
            0x3333,
            0x4444,
            0x7000,
            0x5555,
            0x6666,
            0x7777,
            SystemBench.DATA0,
            SystemBench.CODE0,
            SystemBench.DATA0,
            SystemBench.DATA0,
            0
        };
        for (int i = 0; i < words.length; i++) {
            b.write(NEW + 0x0e + 2 * i, 2, words[i]);
        }
        assertThat(b.step("jmp far 0x68:0")).isEqualTo("ok");
        assertThat(cpu.rip).isEqualTo(0x5000);
        assertThat(cpu.r[Reg.RAX] & 0xffff).isEqualTo(0x1111);
        assertThat(cpu.r[Reg.RSP] & 0xffff).isEqualTo(0x7000);
        assertThat(cpu.selector[Reg.FS]).isZero();
        assertThat(cpu.selector[Reg.DS]).isEqualTo(SystemBench.DATA0);
    }

    @ParameterizedTest
    @CsvSource({
        // offset in the TSS, value, vector that the new task takes, its error code
        "4c, 0, 10, 0", "4c, 10, 10, 10", "4c, 18, 10, 18", "4c, 80, 10, 80",
        "50, 0, 10, 0", "50, 8, 10, 8", "50, 20, 10, 20", "50, 38, 12, 38",
        "54, 38, 11, 38", "54, 80, 10, 80", "60, 10, 10, 10", "60, c, 10, c",
    })
    void faultsInTheNewTask(String offset, String value, int vector, String error) {
        b.gdt(SystemBench.SPARE, SystemBench.descriptor(0x12, 0xc, 0, 0xfffff));
        field(Integer.parseInt(offset, 16), Integer.parseInt(value, 16));
        if (offset.equals("4c") || offset.equals("50") || offset.equals("60")) {
            assertThat(faultOfTheSwitch()).isEqualTo(vector + "(" + error + ")");
            return;
        }
        assertThat(b.step("jmp far 0x68:0")).isEqualTo("ok");
        assertThat(cpu.selector[Reg.TR]).isEqualTo(OTHER);
        assertThat(cpu.rip).isEqualTo(0x6000 + vector);
        assertThat(b.stack(0, 4)).isEqualTo(Long.parseLong(error, 16));
        assertThat(b.stack(1, 4)).isEqualTo(0x5000);
    }

    /** The fault itself, as an event in delivery meets it, where the new task has no stack to take it on. */
    private String faultOfTheSwitch() {
        long d = b.read(SystemBench.GDT + OTHER, 8);
        cpu.event.set(0x40, EventInDelivery.EXTERNAL, false, 0);
        try {
            TaskSwitch.to(cpu, OTHER, d, TaskSwitch.GATE, false, 0, false);
            return "ok";
        } catch (nestbox.x86.GuestFault f) {
            return SystemBench.text(f);
        }
    }

    @Test
    void exceptionThroughATaskGatePushesItsErrorCodeThere() {
        b.idt(13, SystemBench.gate(0x85, OTHER, 0));
        Exceptions.exception(cpu, 13, EventInDelivery.EXCEPTION, true, 0x58, 0, true);
        assertThat(cpu.rip).isEqualTo(0x5000);
        assertThat(cpu.r[Reg.RSP]).isEqualTo(0x7000 - 4);
        assertThat(b.stack(0, 4)).isEqualTo(0x58);
        assertThat(b.read(SystemBench.TSS + 0x24, 4) & Flags.RF).isNotZero();
    }

    @Test
    void trapFlagOfTheTssIsADebugTrap() {
        b.write(NEW + 0x64, 2, 1);
        assertThat(b.step("jmp far 0x68:0")).isEqualTo("ok");
        assertThat(cpu.pendingDebug).isEqualTo(1 << 15);
        assertThat(cpu.pending & Cpu.PENDING_DEBUG_TRAP).isNotZero();
    }

    @Test
    void toVirtual8086Mode() {
        field(0x24, Flags.FIXED | Flags.VM);
        field(0x4c, 0x100);
        field(0x54, 0x234);
        assertThat(b.step("jmp far 0x68:0")).isEqualTo("ok");
        assertThat(cpu.virtual8086()).isTrue();
        assertThat(cpu.cpl).isEqualTo(3);
        assertThat(cpu.base[Reg.CS]).isEqualTo(0x1000);
        assertThat(cpu.base[Reg.DS]).isEqualTo(0x2340);
    }
}

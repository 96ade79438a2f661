package nestbox.x86.op;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import nestbox.x86.Vector;
import nestbox.x86.testing.Snippet;
import nestbox.x86.testing.TestCpu;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The stack (SDM Vol. 1, "Procedure Stack"; Vol. 2, "PUSH", "POP", "PUSHA", "ENTER", "LEAVE"). */
class StackTest {
    private static final long TOP = 0x8000;

    private static Snippet at(Cpu cpu, long top) {
        cpu.r[Reg.RSP] = top;
        return new Snippet(cpu);
    }

    private static long read(Cpu cpu, long address, int bytes) {
        return cpu.physical.read(address, bytes);
    }

    @Test
    void pushOf16BitsMovesBy2In64BitMode() {
        Snippet code = at(TestCpu.mode64(), TOP);
        code.cpu.r[Reg.RAX] = 0x11223344_55667788L;
        assertThat(code.run("66 50")).isEqualTo(Snippet.NO_FAULT);
        assertThat(code.cpu.r[Reg.RSP]).isEqualTo(TOP - 2);
        assertThat(read(code.cpu, TOP - 2, 2)).isEqualTo(0x7788);
    }

    @Test
    void pushOfTheStackPointerPushesItsOldValue() {
        Snippet code = at(TestCpu.mode64(), TOP);
        code.run("54");
        assertThat(read(code.cpu, TOP - 8, 8)).isEqualTo(TOP);
    }

    @Test
    void popIntoTheStackPointerKeepsThePoppedValue() {
        Snippet code = at(TestCpu.mode64(), TOP);
        code.cpu.physical.write(TOP, 8, 0x1234_5678_9abcL);
        code.run("5c");
        assertThat(code.cpu.r[Reg.RSP]).isEqualTo(0x1234_5678_9abcL);
    }

    @Test
    void popToMemoryUsesTheMovedStackPointerInItsAddress() {
        Snippet code = at(TestCpu.mode64(), TOP);
        code.cpu.physical.write(TOP, 8, 77);
        code.run("8f 04 24");
        assertThat(read(code.cpu, TOP + 8, 8)).isEqualTo(77);
        assertThat(code.cpu.r[Reg.RSP]).isEqualTo(TOP + 8);
    }

    @Test
    void popToMemoryThatFaultsLeavesTheStackPointer() {
        Snippet code = at(TestCpu.mode64(), TOP);
        code.cpu.r[Reg.RBX] = TestCpu.MEMORY;
        assertThat(code.run("8f 03")).isEqualTo(Vector.PF);
        assertThat(code.cpu.r[Reg.RSP]).isEqualTo(TOP);
        assertThat(code.cpu.rip).isEqualTo(Snippet.ADDRESS);
    }

    @Test
    void nonCanonicalStackIsSs() {
        Snippet code = at(TestCpu.mode64(), 0x8000_0000_0000L + 8);
        assertThat(code.run("50")).isEqualTo(Vector.SS);
        assertThat(code.cpu.fault.errorCode).isZero();
        assertThat(code.cpu.r[Reg.RSP]).isEqualTo(0x8000_0000_0008L);
    }

    @Test
    void a16BitStackWrapsAndKeepsTheUpperHalf() {
        Cpu cpu = TestCpu.mode32();
        cpu.rights[Reg.SS] &= ~Cpu.RIGHTS_DB;
        cpu.updateMode();
        Snippet code = at(cpu, 0x1234_0000);
        cpu.r[Reg.RAX] = 0xdeadbeefL;
        code.run("50");
        assertThat(cpu.r[Reg.RSP]).isEqualTo(0x1234_fffcL);
        assertThat(read(cpu, 0xfffc, 4)).isEqualTo(0xdeadbeefL);
    }

    @ParameterizedTest
    @ValueSource(strings = {"50", "ff 33", "6a 05", "e8 00 00 00 00", "9c", "60", "c8 00 00 00"})
    void pushBeyondTheLimitIsSsAndChangesNothing(String hex) {
        Cpu cpu = TestCpu.mode32();
        cpu.limit[Reg.SS] = TOP - 1;
        Snippet code = at(cpu, TOP + 2);
        cpu.r[Reg.RBX] = 0x2000;
        assertThat(code.run(hex)).isEqualTo(Vector.SS);
        assertThat(cpu.fault.hasErrorCode).isTrue();
        assertThat(cpu.r[Reg.RSP]).isEqualTo(TOP + 2);
        assertThat(cpu.rip).isEqualTo(Snippet.ADDRESS);
    }

    @Test
    void pushaStoresTheEightRegistersDownwards() {
        Snippet code = at(TestCpu.mode32(), TOP);
        for (int i = 0; i < 8; i++) {
            if (i != Reg.RSP) {
                code.cpu.r[i] = 0x1000 + i;
            }
        }
        code.run("60");
        for (int i = 0; i < 8; i++) {
            assertThat(read(code.cpu, TOP - 4 * (i + 1), 4)).isEqualTo(i == Reg.RSP ? TOP : 0x1000 + i);
        }
        assertThat(code.cpu.r[Reg.RSP]).isEqualTo(TOP - 32);
    }

    @Test
    void pushaThatFaultsInItsMiddleStoresNothing() {
        Snippet code = at(TestCpu.mode32(), 0x10);
        code.cpu.r[Reg.RAX] = 0x5555;
        assertThat(code.run("60")).isEqualTo(Vector.PF);
        for (int i = 0; i < 16; i += 4) {
            assertThat(read(code.cpu, i, 4)).isZero();
        }
        assertThat(code.cpu.r[Reg.RSP]).isEqualTo(0x10);
    }

    @Test
    void popaThatFaultsInItsMiddleLoadsNothing() {
        Snippet code = at(TestCpu.mode32(), TestCpu.MEMORY - 16);
        code.cpu.physical.write(TestCpu.MEMORY - 16, 4, 99);
        assertThat(code.run("61")).isEqualTo(Vector.PF);
        assertThat(code.cpu.r[Reg.RDI]).isZero();
        assertThat(code.cpu.r[Reg.RSP]).isEqualTo(TestCpu.MEMORY - 16);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 5, 31})
    void enterCopiesTheDisplay(int level) {
        Snippet code = at(TestCpu.mode64(), TOP);
        long oldFrame = 0x6000;
        code.cpu.r[Reg.RBP] = oldFrame;
        for (int i = 1; i < 32; i++) {
            code.cpu.physical.write(oldFrame - 8L * i, 8, 0x7700 + i);
        }
        assertThat(code.run(String.format("c8 20 00 %02x", level))).isEqualTo(Snippet.NO_FAULT);
        long frame = TOP - 8;
        assertThat(read(code.cpu, frame, 8)).isEqualTo(oldFrame);
        for (int i = 1; i < level; i++) {
            assertThat(read(code.cpu, frame - 8L * i, 8)).isEqualTo(0x7700 + i);
        }
        if (level > 0) {
            assertThat(read(code.cpu, frame - 8L * level, 8)).isEqualTo(frame);
        }
        assertThat(code.cpu.r[Reg.RBP]).isEqualTo(frame);
        assertThat(code.cpu.r[Reg.RSP]).isEqualTo(frame - 8L * level - 0x20);
    }

    @Test
    void leaveUndoesEnter() {
        Snippet code = at(TestCpu.mode64(), TOP);
        code.cpu.r[Reg.RBP] = 0x6000;
        code.run("c8 40 00 00 c9");
        assertThat(code.cpu.r[Reg.RSP]).isEqualTo(TOP);
        assertThat(code.cpu.r[Reg.RBP]).isEqualTo(0x6000);
    }

    @Test
    void leaveThatFaultsChangesNothing() {
        Snippet code = at(TestCpu.mode64(), TOP);
        code.cpu.r[Reg.RBP] = TestCpu.MEMORY;
        assertThat(code.run("c9")).isEqualTo(Vector.PF);
        assertThat(code.cpu.r[Reg.RSP]).isEqualTo(TOP);
        assertThat(code.cpu.r[Reg.RBP]).isEqualTo(TestCpu.MEMORY);
    }
}

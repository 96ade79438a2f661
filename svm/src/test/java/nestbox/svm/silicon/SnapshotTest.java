package nestbox.svm.silicon;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.svm.Lab;
import nestbox.svm.vmcb.ExitCode;
import nestbox.svm.vmcb.VmcbField;
import nestbox.x86.Cpu;
import nestbox.x86.CpuState;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A processor with SVM goes on from a snapshot as if nothing had happened, whatever instruction it was taken behind. */
class SnapshotTest {
    private static final String ROUNDS = """
            mov r12d, 6
            mov qword [0x5578], 0x2000
            again:
            mov eax, 0x5000
            vmrun
            stgi
            add r13, [0x5578]
            add r13, rbx
            add qword [0x5578], 3
            xor qword [%d], 0x1000
            dec r12d
            jnz again
            """.formatted(Lab.nestedEntry(0x3000));

    private static Lab lab(boolean nested, CleanBitPolicy policy) {
        Lab lab = Lab.of("max,+svm", new SvmProvider(policy, report -> {}));
        lab.guest("""
                next:
                mov ecx, 3
                spin:
                add ebx, [0x3000]
                loop spin
                vmmcall
                jmp next
                """);
        lab.memory.write(0x3000, 4, 0x11);
        lab.memory.write(0x2f00, 4, 0x22);
        lab.set(VmcbField.CLEAN, 0x1fff & ~0x200);
        return nested ? lab.nested() : lab;
    }

    private static byte[] snapshot(Lab lab) {
        StateWriter out = new StateWriter();
        CpuState.save(lab.cpu, out);
        lab.cpu.mem.port().control().saveTranslations(out);
        lab.cpu.extension.save(out);
        byte[] ram = new byte[0x40000];
        lab.memory.copyOut(0, ram, 0, ram.length);
        return out.writeBytes(ram, 0, ram.length).toByteArray();
    }

    private static void restore(Lab lab, byte[] state) {
        StateReader in = new StateReader(state);
        CpuState.restore(lab.cpu, in);
        lab.cpu.mem.port().control().restoreTranslations(in);
        lab.cpu.extension.restore(in);
        byte[] ram = new byte[0x40000];
        in.readBytes(ram, 0, ram.length);
        lab.memory.copyIn(0, ram, 0, ram.length);
    }

    @ParameterizedTest
    @CsvSource({"true, IGNORE", "true, HONOUR", "false, HONOUR"})
    void behindAnyInstruction(boolean nested, CleanBitPolicy policy) {
        Lab whole = lab(nested, policy);
        whole.run(ROUNDS);
        assertThat(whole.cpu.activity).isEqualTo(Cpu.HALTED);
        assertThat(whole.exitCode()).isEqualTo(ExitCode.VMMCALL.code());
        assertThat(whole.cpu.r[12]).isZero();
        long length = whole.cpu.ticks;
        Lab straight = lab(nested, policy);
        straight.start(ROUNDS);
        int guests = 0;
        for (long at = 0; at < length; at++) {
            straight.step(1);
            byte[] state = snapshot(straight);
            Lab copy = lab(nested, policy);
            restore(copy, state);
            assertThat(snapshot(copy)).as("at %d", at).isEqualTo(state);
            copy.step(length);
            assertThat(Arrays.copyOf(copy.cpu.r, 16)).as("at %d", at).isEqualTo(Arrays.copyOf(whole.cpu.r, 16));
            guests += straight.cpu.mem.port().control().space() != 0 ? 1 : 0;
        }
        assertThat(guests).isGreaterThan(50);
    }
}

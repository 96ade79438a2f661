package nestbox.svm.silicon;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.svm.Lab;
import nestbox.svm.vmcb.ExitCode;
import nestbox.svm.vmcb.VmcbField;
import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** INVLPGB and TLBSYNC: what goes and what stays under {@code keep}, their faults, guests with and without them. */
class BroadcastTest {
    private static final String MAX = "max,+svm";
    /** A linear address in the second large page, whose entry the tests move to the third. */
    private static final long AT = 0x200000;

    private static final long ENTRY = Lab.TABLES + 0x2008;

    /** Sums up what the address reads as before the edit, after it, and after the instructions. */
    private static long reread(Lab lab, String between) {
        lab.memory.write(AT, 1, 0x11);
        lab.memory.write(0x400000, 1, 0x22);
        lab.run("""
                movzx ebx, byte [0x200000]
                mov qword [%d], 0x4000e7
                %s
                movzx ebx, byte [0x200000]
                """.formatted(ENTRY, between));
        return lab.cpu.r[Reg.RBX];
    }

    /** EAX, ECX and EDX of the instruction: whether the translation of 200000h in the host, ASID 0, goes. */
    @ParameterizedTest
    @CsvSource({
        "0x200001, 0, 0, true",
        "0x400001, 0, 0, false",
        "0x1ff001, 1, 0, true",
        "0x1ff001, 0, 0, false",
        "0x000001, 0x80000001, 0, true",
        "0, 0, 0, true",
        "4, 0, 0, true",
        "4, 0, 1, false",
        "0x200005, 0, 3, false",
        "2, 0, 0, true"
    })
    void dropsWhatTheRegistersName(long eax, long ecx, long edx, boolean goes) {
        String setup = "mov eax, %d\nmov ecx, %d\nmov edx, %d\ninvlpgb\ntlbsync".formatted(eax, ecx, edx);
        assertThat(reread(Lab.of(MAX), setup)).isEqualTo(goes ? 0x22 : 0x11);
    }

    @Test
    void globalTranslationsGoOnlyWhenAsked() {
        for (int global = 0; global <= 8; global += 8) {
            Lab lab = Lab.of(MAX);
            lab.cpu.cr4 |= Cpu.CR4_PGE;
            lab.cpu.mem.port().control().cr4Written(Cpu.CR4_PAE);
            lab.memory.write(ENTRY, 8, AT | 0x1e7);
            String setup = "mov eax, %d\nxor ecx, ecx\nxor edx, edx\ninvlpgb".formatted(global);
            assertThat(reread(lab, setup)).isEqualTo(global == 0 ? 0x11 : 0x22);
        }
    }

    @Test
    void reachesTheOtherProcessors() {
        Lab other = Lab.of(MAX);
        assertThat(reread(other, "")).isEqualTo(0x11);
        other.run("movzx ebx, byte [0x200000]");
        assertThat(other.cpu.r[Reg.RBX]).isEqualTo(0x11);
        Lab lab = Lab.of(MAX);
        lab.reach(other);
        lab.run("mov eax, 0x200001\nxor ecx, ecx\nxor edx, edx\ninvlpgb\ntlbsync");
        other.run("movzx ebx, byte [0x200000]");
        assertThat(other.cpu.r[Reg.RBX]).isEqualTo(0x22);
    }

    private static Lab guest(int nestedControl, long eax, long ecx, long edx) {
        Lab lab = Lab.of(MAX)
                .guest("mov eax, %d\nmov ecx, %d\nmov edx, %d\ninvlpgb\ntlbsync\nvmmcall".formatted(eax, ecx, edx))
                .intercept(0x46)
                .intercept(0x4d);
        return lab.set(VmcbField.NESTED_CONTROL, nestedControl);
    }

    @Test
    void aGuestHasThemOnlyIfTheVmcbSaysSo() {
        assertThat(ExitCode.name(guest(0, 0, 0, 0).run().exitCode())).isEqualTo("EXCP6");
        assertThat(ExitCode.name(guest(1 << 7, 0, 0, 0).run().exitCode())).isEqualTo("VMMCALL");
    }

    @Test
    void theirIntercepts() {
        assertThat(ExitCode.name(guest(1 << 7, 0, 0, 0).intercept(0xa0).run().exitCode()))
                .isEqualTo("INVLPGB");
        assertThat(ExitCode.name(guest(1 << 7, 0, 0, 0).intercept(0xa4).run().exitCode()))
                .isEqualTo("TLBSYNC");
        assertThat(ExitCode.name(guest(1 << 7, 0, 0, 0).intercept(0xa1).run().exitCode()))
                .isEqualTo("VMMCALL");
    }

    /** Too many pages, reserved bits, an ASID that does not exist, a PCID without CR4.PCIDE, nested translations. */
    @ParameterizedTest
    @CsvSource({
        "1, 8, 0",
        "1, 0x10000, 0",
        "0x41, 0, 0",
        "0x21, 0, 0",
        "4, 0, 0xffff",
        "2, 0, 0x10000",
        "0, 0, 0x10000000"
    })
    void illegalOperands(long eax, long ecx, long edx) {
        assertThat(ExitCode.name(guest(1 << 7, eax, ecx, edx).run().exitCode())).isEqualTo("EXCP13");
        Lab lab = guest(1 << 7, eax, ecx, edx).intercept(0xa1).run();
        assertThat(ExitCode.name(lab.exitCode())).isEqualTo("INVLPGB_ILLEGAL");
        assertThat(lab.get(VmcbField.NRIP)).isEqualTo(lab.get(VmcbField.RIP) + 3);
    }

    /** A guest cannot reach other ASIDs: what it names is replaced by its own. */
    @Test
    void aGuestInvalidatesItsOwnAsid() {
        Lab lab = guest(1 << 7, 4, 0, 9).intercept(0x81);
        String guest = """
                movzx esi, byte [0x200000]
                mov qword [%d], 0x4000e7
                mov eax, 4
                xor ecx, ecx
                mov edx, 9
                invlpgb
                movzx esi, byte [0x200000]
                vmmcall
                """.formatted(ENTRY);
        lab.guest(guest);
        lab.memory.write(AT, 1, 0x11);
        lab.memory.write(0x400000, 1, 0x22);
        lab.run();
        assertThat(ExitCode.name(lab.exitCode())).isEqualTo("VMMCALL");
        assertThat(lab.cpu.r[Reg.RSI]).isEqualTo(0x22);
    }

    @Test
    void cpuidShowsThem() {
        Cpu cpu = Lab.of(MAX).cpu;
        assertThat(cpu.features.cpuid(0x80000008, 0)[1] >>> 3 & 1).isEqualTo(1);
        assertThat(cpu.features.cpuid(0x80000008, 0)[3] & 0xffff).isEqualTo(7);
        assertThat(cpu.features.cpuid(0x8000000a, 0)[3] >>> 24 & 1).isEqualTo(1);
        Cpu without = Lab.of("max,+svm,-invlpgb,-tlbictl").cpu;
        assertThat(without.features.cpuid(0x80000008, 0)[3] & 0xffff).isZero();
        assertThat(ExitCode.name(Lab.of("max,+svm,-invlpgb,-tlbictl")
                        .guest("invlpgb")
                        .intercept(0x46)
                        .run()
                        .exitCode()))
                .isEqualTo("EXCP6");
    }
}

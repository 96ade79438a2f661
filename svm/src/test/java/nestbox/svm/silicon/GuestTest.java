package nestbox.svm.silicon;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.Stream;
import nestbox.mmu.tlb.RetentionPolicy;
import nestbox.svm.Lab;
import nestbox.svm.vmcb.ExitCode;
import nestbox.svm.vmcb.VmcbField;
import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import nestbox.x86.model.Feature;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Guests of an L1 in machine code: exits, what they report, nested paging, ASIDs, injection. Expectations are the APM's. */
class GuestTest {
    private static final String MAX = "max,+svm";

    /** Source of one instruction, its length, the exit code of its intercept and EXITINFO1 with decode assists. */
    static Stream<Arguments> instructions() {
        return Stream.of(
                Arguments.of("cpuid", 2, 0x72, 0),
                Arguments.of("hlt", 1, 0x78, 0),
                Arguments.of("rdtsc", 2, 0x6e, 0),
                Arguments.of("rdtscp", 3, 0x87, 0),
                Arguments.of("rdpmc", 2, 0x6f, 0),
                Arguments.of("pushfq", 1, 0x70, 0),
                Arguments.of("popfq", 1, 0x71, 0),
                Arguments.of("rsm", 2, 0x73, 0),
                Arguments.of("iretq", 2, 0x74, 0),
                Arguments.of("int 0x55", 2, 0x75, 0x55),
                Arguments.of("invd", 2, 0x76, 0),
                Arguments.of("wbinvd", 2, 0x89, 0),
                Arguments.of("pause", 2, 0x77, 0),
                Arguments.of("invlpg [0x3000]", 8, 0x79, 0x3000),
                Arguments.of("vmmcall", 3, 0x81, 0),
                Arguments.of("vmload", 3, 0x82, 0),
                Arguments.of("vmsave", 3, 0x83, 0),
                Arguments.of("stgi", 3, 0x84, 0),
                Arguments.of("clgi", 3, 0x85, 0),
                Arguments.of("invlpga", 3, 0x7a, 0),
                Arguments.of("int3", 1, 0x43, 0),
                Arguments.of("int1", 1, 0x88, 0),
                Arguments.of("mov rbx, cr3", 3, 0x03, 0x8000000000000003L),
                Arguments.of("mov cr3, rdx", 3, 0x13, 0x8000000000000002L),
                Arguments.of("clts", 2, 0x10, 0),
                Arguments.of("smsw ecx", 3, 0x00, 0),
                Arguments.of("lmsw cx", 3, 0x65, 0),
                Arguments.of("mov rsi, dr7", 3, 0x27, 6),
                Arguments.of("mov dr0, rdi", 3, 0x30, 7),
                Arguments.of("sgdt [0x3000]", 8, 0x67, 0),
                Arguments.of("lidt [0x3000]", 8, 0x6a, 0),
                Arguments.of("sldt eax", 3, 0x68, 0),
                Arguments.of("ltr ax", 3, 0x6d, 0));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("instructions")
    void interceptedInstructionLeavesBeforeItActs(String source, int length, int code, long info) {
        for (String model : new String[] {
            MAX, "max,+svm,-nrip-save,-decodeassists", "max,+svm,-npt", "EPYC-Milan", "EPYC-Milan,-decodeassists"
        }) {
            Lab lab = Lab.of(model).guest(source + "\nvmmcall").intercept(code).run();
            boolean assists = lab.cpu.features.has(Feature.DECODEASSISTS);
            boolean nrip = lab.cpu.features.has(Feature.NRIP_SAVE);
            assertThat(ExitCode.name(lab.exitCode())).as(model).isEqualTo(ExitCode.name(code));
            assertThat(lab.get(VmcbField.RIP)).isEqualTo(Lab.GUEST);
            assertThat(lab.get(VmcbField.NRIP)).isEqualTo(nrip ? Lab.GUEST + length : 0);
            assertThat(lab.get(VmcbField.EXITINFO1)).isEqualTo(assists ? info : 0);
            assertThat(lab.get(VmcbField.EXITINTINFO)).isZero();
            assertThat(lab.cpu.activity).isEqualTo(Cpu.HALTED);
            assertThat(lab.cpu.cr3).isEqualTo(Lab.TABLES);
        }
    }

    @ParameterizedTest
    @CsvSource({"'in al, 0x60', 0x60, 0x00600211", "'out dx, eax', 0, 0x00000240", "'in ax, dx', 0, 0x00000221"})
    void portsAreInterceptedByTheMap(String source, int port, long info) {
        Lab lab = Lab.of(MAX).guest(source + "\nvmmcall").intercept(0x7b);
        assertThat(lab.run().exitCode()).isEqualTo(ExitCode.VMMCALL.code());
        lab.memory.write(Lab.IOPM + port / 8, 1, 1L << port % 8);
        lab.set(VmcbField.RIP, Lab.GUEST).run();
        assertThat(lab.exitCode()).isEqualTo(ExitCode.IOIO.code());
        assertThat(lab.get(VmcbField.EXITINFO1)).isEqualTo(info);
        assertThat(lab.get(VmcbField.EXITINFO2)).isEqualTo(lab.get(VmcbField.NRIP));
    }

    /** Two bits a register, from 0, C0000000h and C0010000h on; all others leave always. */
    @ParameterizedTest
    @CsvSource({"0x10, 0x4, 0", "0x174, 0x5d, 0", "0xc0000081, 0x820, 2", "0xc0010015, 0x1005, 2"})
    void msrsAreInterceptedByTheMap(long index, int at, int shift) {
        Lab lab = Lab.of(MAX).guest("mov ecx, " + index + "\nrdmsr\nvmmcall").intercept(0x7c);
        assertThat(lab.run().exitCode()).isEqualTo(ExitCode.VMMCALL.code());
        lab.memory.write(Lab.MSRPM + at, 1, 1L << shift);
        lab.set(VmcbField.RIP, Lab.GUEST).run();
        assertThat(lab.exitCode()).isEqualTo(ExitCode.MSR.code());
        assertThat(lab.get(VmcbField.EXITINFO1)).isZero();
        Lab other =
                Lab.of(MAX).guest("mov ecx, 0x40000000\nwrmsr").intercept(0x7c).run();
        assertThat(other.exitCode()).isEqualTo(ExitCode.MSR.code());
        assertThat(other.get(VmcbField.EXITINFO1)).isOne();
    }

    @Test
    void hostComesBackAsItWas() {
        Lab lab = Lab.of(MAX).guest("mov rax, 7\nmov rbx, 8\nmov rsp, 9\nstc\nvmmcall");
        lab.run("mov rbx, 1\nmov rsp, 0xd000\nmov eax, 0x5000\nvmrun\nmov rcx, rax");
        assertThat(lab.cpu.r[Reg.RCX]).isEqualTo(Lab.VMCB);
        assertThat(lab.cpu.r[Reg.RSP]).isEqualTo(0xd000);
        assertThat(lab.cpu.r[Reg.RBX]).isEqualTo(8);
        assertThat(lab.get(VmcbField.RAX)).isEqualTo(7);
        assertThat(lab.get(VmcbField.RSP)).isEqualTo(9);
        assertThat(lab.get(VmcbField.RFLAGS)).isEqualTo(3);
    }

    @Test
    void pageFaultReportsErrorCodeAndAddress() {
        Lab lab = Lab.of(MAX)
                .guest("mov rax, 0x40000000\nmov [rax], al")
                .intercept(0x4e)
                .set(VmcbField.CR2, 0x77)
                .run();
        assertThat(ExitCode.name(lab.exitCode())).isEqualTo("EXCP14");
        assertThat(lab.get(VmcbField.EXITINFO1)).isEqualTo(2);
        assertThat(lab.get(VmcbField.EXITINFO2)).isEqualTo(0x40000000L);
        assertThat(lab.get(VmcbField.CR2)).isEqualTo(0x77);
        assertThat(lab.get(VmcbField.BYTES_FETCHED)).isEqualTo(15);
    }

    /** Without an IDT a fault becomes a double fault, and that a shutdown. */
    @Test
    void shutdownIsIntercepted() {
        Lab lab = Lab.of(MAX).guest("ud2").intercept(0x7f).run();
        assertThat(lab.exitCode()).isEqualTo(ExitCode.SHUTDOWN.code());
    }

    @Test
    void faultOfAnInjectedEventReportsTheEvent() {
        long event = 1L << 31 | 0x30;
        Lab lab = Lab.of(MAX)
                .guest("vmmcall")
                .intercept(0x4d)
                .set(VmcbField.EVENTINJ, event)
                .run();
        assertThat(ExitCode.name(lab.exitCode())).isEqualTo("EXCP13");
        assertThat(lab.get(VmcbField.EXITINTINFO)).isEqualTo(event);
        assertThat(lab.get(VmcbField.EVENTINJ) & 1L << 31).isZero();
    }

    @Test
    void virtualInterruptWindowOpensWithTheInterruptFlagAndTheShadowBehindIt() {
        Lab lab = Lab.of(MAX).guest("nop\nsti\nnop\nnop\nvmmcall").intercept(0x64);
        lab.set(VmcbField.INTERRUPT_CONTROL, 1 << 8 | 1 << 20).run();
        assertThat(lab.exitCode()).isEqualTo(ExitCode.VINTR.code());
        assertThat(lab.get(VmcbField.RIP)).isEqualTo(Lab.GUEST + 3);
        assertThat(lab.get(VmcbField.INTERRUPT_CONTROL) & 1 << 8).isNotZero();
    }

    /** Rights left in the nested entry; what the guest's load or store meets: EXITINFO1 and the instruction's offset. */
    @ParameterizedTest
    @CsvSource({"6, 4, 0", "0, 4, 0", "3, 5, 0", "5, 7, 7"})
    void nestedPageFaultOfTheFinalAddress(int rights, long info, int offset) {
        Lab lab = Lab.of(MAX).nested().guest("mov al, [0x3000]\nmov [0x3000], al\nvmmcall");
        lab.memory.write(Lab.nestedEntry(0x3000), 8, 0x3000 | rights);
        lab.run();
        assertThat(lab.exitCode()).isEqualTo(ExitCode.NPF.code());
        assertThat(lab.get(VmcbField.EXITINFO1)).isEqualTo(1L << 32 | info);
        assertThat(lab.get(VmcbField.EXITINFO2)).isEqualTo(0x3000);
        assertThat(lab.get(VmcbField.RIP)).isEqualTo(Lab.GUEST + offset);
    }

    /** The guest's own tables are written as the user, whatever the access was. */
    @Test
    void nestedPageFaultOfAGuestTable() {
        Lab lab = Lab.of(MAX).nested().guest("vmmcall");
        lab.memory.write(Lab.nestedEntry(Lab.TABLES + 0x1000), 8, Lab.TABLES + 0x1000 | 5);
        lab.run();
        assertThat(lab.exitCode()).isEqualTo(ExitCode.NPF.code());
        assertThat(lab.get(VmcbField.EXITINFO1)).isEqualTo(1L << 33 | 7);
        assertThat(lab.get(VmcbField.EXITINFO2) & ~0xfffL).isEqualTo(Lab.TABLES + 0x1000);
    }

    @Test
    void guestWithoutPagingStillHasNestedPaging() {
        Lab lab = Lab.of(MAX).nested().guest("vmmcall");
        lab.set(VmcbField.CR0, Cpu.CR0_PE | Cpu.CR0_ET).set(VmcbField.EFER, Cpu.EFER_SVME);
        lab.memory.write(Lab.nestedEntry(Lab.GUEST), 8, 0x3000 | 7);
        lab.at(0x3000, "cpuid\nvmmcall").intercept(0x72).run();
        assertThat(lab.exitCode()).isEqualTo(ExitCode.CPUID.code());
    }

    /** An L1 that remaps a page and forgets the flush: stale under keep, right where nothing is retained, right with a flush. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 3, 7})
    void forgottenFlushShowsUnderKeepOnly(int tlbControl) {
        assertThat(remapped(RetentionPolicy.KEEP, tlbControl, "")).isEqualTo(tlbControl == 0 ? 0x11 : 0x22);
        assertThat(remapped(RetentionPolicy.NONE, tlbControl, "")).isEqualTo(0x22);
    }

    @Test
    void invlpgaDropsTheAddressOfTheAsid() {
        assertThat(remapped(RetentionPolicy.KEEP, 0, "mov eax, 0x3000\nmov ecx, 1\ninvlpga"))
                .isEqualTo(0x22);
        assertThat(remapped(RetentionPolicy.KEEP, 0, "mov eax, 0x3000\nmov ecx, 2\ninvlpga"))
                .isEqualTo(0x11);
        assertThat(remapped(RetentionPolicy.KEEP, 0, "mov dword [0x5058], 2")).isEqualTo(0x22);
    }

    private static long remapped(RetentionPolicy policy, int tlbControl, String between) {
        Lab lab = Lab.of(MAX, policy).nested().guest("movzx ebx, byte [0x3000]\nvmmcall\njmp " + Lab.GUEST);
        lab.memory.write(0x3000, 1, 0x11);
        lab.memory.write(0x4000, 1, 0x22);
        lab.run("""
                mov eax, 0x5000
                vmrun
                mov qword [%d], 0x4007
                mov byte [0x505c], %d
                mov qword [0x5578], 0x2000
                %s
                mov eax, 0x5000
                vmrun
                """.formatted(Lab.nestedEntry(0x3000), tlbControl, between));
        assertThat(lab.exitCode()).isEqualTo(ExitCode.VMMCALL.code());
        return lab.cpu.r[Reg.RBX];
    }
}

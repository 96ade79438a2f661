package nestbox.svm.silicon;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.svm.Lab;
import nestbox.svm.vmcb.ExitCode;
import nestbox.svm.vmcb.VmcbField;
import nestbox.svm.vmcb.VmcbSegment;
import nestbox.x86.Cpu;
import nestbox.x86.InterruptController;
import nestbox.x86.Reg;
import nestbox.x86.insn.Asm;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.mockito.Mockito;

/** What the APM says of injected events and of the way back to the host (Vol. 2, "Event Injection", "#VMEXIT"). */
class WorldSwitchTest {
    private static final String MAX = "max,+svm";
    private static final int IDT = 0xd000;
    private static final int HANDLER = 0x4000;
    private static final long VALID = 1L << 31;
    private static final int V_NMI_ENABLE = 1 << 26;
    private static final int V_NMI_MASK = 1 << 12;

    /** A guest whose IDT has one interrupt gate of that DPL for the vector; the handler is VMMCALL. */
    private static Lab handled(int vector, int dpl) {
        Lab lab = Lab.of(MAX).guest("nop\nvmmcall").at(HANDLER, "mov rbx, [rsp]\nvmmcall");
        lab.memory.write(0xc008, 8, 0x00af9b000000ffffL);
        lab.memory.write(IDT + 16L * vector, 8, HANDLER | 8 << 16 | (0x8e00L | (long) dpl << 13) << 32);
        lab.vmcb.setSegment(VmcbSegment.IDTR, 0, 0, 0xfff, IDT);
        lab.vmcb.setSegment(VmcbSegment.GDTR, 0, 0, 0xff, 0xc000);
        return lab;
    }

    /** An injected NMI does not block delivery of further ones. */
    @Test
    void injectedNmiBlocksNoOther() {
        Lab lab = handled(2, 0).at(HANDLER, "mov eax, %d\nout 0xe0, eax\nnop\nvmmcall".formatted(Cpu.PENDING_NMI));
        lab.intercept(0x61).set(VmcbField.EVENTINJ, VALID | 2 << 8).run();
        assertThat(ExitCode.name(lab.exitCode())).isEqualTo("NMI");
        assertThat(lab.get(VmcbField.EXITINTINFO)).isZero();
    }

    /** #BP and #OF are those of INT3 and INTO: the gate must be open to the CPL, the frame has NRIP. Others need neither. */
    @ParameterizedTest
    @CsvSource({"3, 0, EXCP13", "3, 3, VMMCALL", "6, 0, VMMCALL"})
    void injectedTrapsAreCheckedLikeTheirInstructions(int vector, int dpl, String exit) {
        Lab lab = handled(vector, dpl).intercept(0x4d);
        for (long table : new long[] {Lab.TABLES, Lab.TABLES + 0x1000, Lab.TABLES + 0x2000}) {
            lab.memory.write(table, 8, lab.memory.read(table, 8) | 4);
        }
        lab.set(VmcbField.CPL, 3).set(VmcbField.NRIP, Lab.GUEST + 1);
        lab.vmcb.setSegment(VmcbSegment.CS, 11, 0xafb, 0xffffffffL, 0);
        lab.vmcb.setSegment(VmcbSegment.SS, 19, 0xcf3, 0xffffffffL, 0);
        lab.vmcb.setSegment(VmcbSegment.TR, 24, 0x8b, 0x67, 0xc100);
        lab.memory.write(0xc104, 8, Lab.STACK);
        lab.set(VmcbField.EVENTINJ, VALID | 3 << 8 | vector);
        lab.run("mov eax, " + Lab.VMCB + "\nvmload\nvmrun");
        assertThat(ExitCode.name(lab.exitCode())).isEqualTo(exit);
        if (exit.equals("VMMCALL")) {
            assertThat(lab.cpu.r[Reg.RBX]).isEqualTo(vector == 3 ? Lab.GUEST + 1 : Lab.GUEST);
        } else {
            assertThat(lab.get(VmcbField.RIP)).isEqualTo(Lab.GUEST);
            assertThat(lab.get(VmcbField.EXITINTINFO)).isEqualTo(VALID | 3 << 8 | 3);
        }
    }

    /** An exit during the delivery of a virtual NMI tells of it in EXITINTINFO and takes the mask away. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void virtualNmiThatFaultsIsNotMasked(boolean faults) {
        Lab lab = handled(2, 0).intercept(0x61).intercept(0x4d).intercept(0x4b);
        if (faults) {
            lab.memory.write(IDT + 32, 8, 0);
        }
        lab.set(VmcbField.INTERRUPT_CONTROL, V_NMI_ENABLE | 1 << 11).run();
        assertThat(ExitCode.name(lab.exitCode())).isEqualTo(faults ? "EXCP13" : "VMMCALL");
        assertThat(lab.get(VmcbField.INTERRUPT_CONTROL) & V_NMI_MASK).isEqualTo(faults ? 0 : V_NMI_MASK);
        assertThat(lab.get(VmcbField.EXITINTINFO)).isEqualTo(faults ? VALID | 2 << 8 | 2 : 0);
    }

    /** NRIP is saved for #BR, as BOUND raises it, though it is a fault. */
    @Test
    void boundHasAnNrip() {
        Lab lab = Lab.of(MAX).intercept(0x45);
        byte[] code = Asm.assemble(32, Lab.GUEST, "mov eax, 9\nbound eax, [0x3000]");
        lab.memory.copyIn(Lab.GUEST, code, 0, code.length);
        lab.vmcb.setSegment(VmcbSegment.CS, 8, 0xc9b, 0xffffffffL, 0);
        lab.run();
        assertThat(ExitCode.name(lab.exitCode())).isEqualTo("EXCP5");
        assertThat(lab.get(VmcbField.RIP)).isEqualTo(Lab.GUEST + 5);
        assertThat(lab.get(VmcbField.NRIP)).isEqualTo(Lab.GUEST + code.length);
    }

    /** Instruction bytes belong to page faults; any other exit says that there are none. */
    @Test
    void otherExitsClearTheNumberOfInstructionBytes() {
        Lab lab = Lab.of(MAX)
                .guest("cpuid")
                .intercept(0x72)
                .set(VmcbField.BYTES_FETCHED, 9)
                .run();
        assertThat(lab.get(VmcbField.BYTES_FETCHED)).isZero();
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void taskPriorityFollowsCr8(boolean masking) {
        Lab lab = Lab.of(MAX).guest("mov eax, 9\nmov cr8, rax\nvmmcall");
        lab.cpu.apic = Mockito.mock(InterruptController.class);
        lab.set(VmcbField.INTERRUPT_CONTROL, masking ? 1 << 24 : 0).run();
        assertThat(lab.get(VmcbField.INTERRUPT_CONTROL) & 0xff).isEqualTo(9);
        Mockito.verify(lab.cpu.apic, Mockito.times(masking ? 0 : 1)).setTaskPriorityClass(9);
    }

    /** Virtualized VMLOAD is recognized with nested paging alone; else the guest's leaves. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void virtualizedVmloadNeedsNestedPaging(boolean nested) {
        Lab lab = Lab.of(MAX).guest("mov eax, 0x3000\nvmload\nvmmcall").set(VmcbField.VIRTUAL_EXTENSIONS, 2);
        (nested ? lab.nested() : lab).run();
        assertThat(ExitCode.name(lab.exitCode())).isEqualTo(nested ? "VMMCALL" : "VMLOAD");
    }

    /** A host with PAE paging gets its PDPEs from memory again; one with reserved bits is the end of it. */
    @ParameterizedTest
    @CsvSource({"0x12001, 0", "0x12003, 3"})
    void hostPdpesAreReadAgain(long pdpe, int activity) {
        long table = 0x30000;
        Lab lab = Lab.of(MAX).guest("mov dword [%d], %d\nvmmcall".formatted(table + 24, pdpe));
        for (int i = 0; i < 4; i++) {
            lab.memory.write(table + 8L * i, 8, i == 0 ? Lab.TABLES + 0x2000 | 1 : 0);
        }
        lab.host32(table, Cpu.CR4_PAE);
        byte[] code = Asm.assemble(32, Lab.L1, """
                mov ecx, 0xc0000080
                rdmsr
                or eax, 0x1000
                wrmsr
                mov eax, 0x5000
                vmrun
                mov ebx, [0xc0000000]
                hlt
                """);
        lab.start("");
        lab.memory.copyIn(Lab.L1, code, 0, code.length);
        lab.memory.write(0, 4, 0x1234);
        lab.step(100);
        assertThat(ExitCode.name(lab.exitCode())).isEqualTo("VMMCALL");
        boolean well = activity == 0;
        assertThat(lab.cpu.activity).isEqualTo(well ? Cpu.HALTED : Cpu.SHUTDOWN);
        if (well) {
            assertThat(lab.cpu.r[Reg.RBX] & 0xffffffffL).isEqualTo(0x1234);
        }
    }
}

package nestbox.vmx.silicon;

import static nestbox.vmx.capability.VmxFeature.*;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.IntStream;
import nestbox.machine.Machine;
import nestbox.machine.Outcome;
import nestbox.vmx.vmcs.VmcsField;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** SDM Vol. 3, chapter "APIC Virtualization and Virtual Interrupts", by L1 hypervisors in machine code. */
class ApicVirtualizationTest {
    private static final String MODEL = "Skylake-Server,+vmx";
    /** APIC-access page and virtual-APIC page. */
    private static final int ACCESS = 0x900000;

    private static final int PAGE = 0x901000;
    private static final int DESCRIPTOR = 0x902000;

    private static final int EXTERNAL_INTERRUPT = 1;
    private static final int VMCALL = 18;
    private static final int TPR_BELOW_THRESHOLD = 43;
    private static final int APIC_ACCESS = 44;
    private static final int EOI_INDUCED = 45;
    private static final int APIC_WRITE = 56;

    private static final long XAPIC = VIRTUALIZE_APIC_ACCESSES.mask();
    private static final long REGISTERS = XAPIC | APIC_REGISTER_VIRTUALIZATION.mask();
    private static final long DELIVERY = XAPIC | VIRTUAL_INTERRUPT_DELIVERY.mask();

    /** Reads: ID, version, TPR, EOI, LDR, DFR, SVR, ISR, TMR, IRR, ESR, ICR, LVT, initial count, divide configuration. */
    private static boolean readable(int offset) {
        int register = offset >> 4;
        return writable(offset) || register == 3 || register >= 0x10 && register <= 0x27;
    }

    private static boolean writable(int offset) {
        int register = offset >> 4;
        return register == 2
                || register == 8
                || register == 0xb
                || register >= 0xd && register <= 0xf
                || register == 0x28
                || register == 0x30
                || register == 0x31
                || register >= 0x32 && register <= 0x38
                || register == 0x3e;
    }

    private static Hypervisor hypervisor(long primary, long secondary) {
        return new Hypervisor(false, false)
                .processor(primary, secondary)
                .field(VmcsField.APIC_ACCESS_ADDR, ACCESS)
                .field(VmcsField.VIRTUAL_APIC_PAGE_ADDR, PAGE);
    }

    /** With "virtual-interrupt delivery", which needs "external-interrupt exiting"; L2's handler of 61h notes that it ran. */
    private static Hypervisor delivering(long secondary) {
        return hypervisor(TPR_SHADOW.mask(), secondary)
                .pin(EXTERNAL_INTERRUPT_EXITING.mask())
                .interruptGate(0x61, "handler");
    }

    /** Runs L2 up to its first exit: reason, qualification and RIP less {@code l2} are the first results, EBX the fourth. */
    private static Machine first(Hypervisor l1, String l2) {
        return first(l1, l2, MODEL);
    }

    private static Machine first(Hypervisor l1, String l2, String model) {
        l1.asm("vmlaunch\n" + Hypervisor.END + "exit:\n")
                .asm("mov [" + (Hypervisor.RESULTS + 12) + "], ebx\n")
                .result(VmcsField.VM_EXIT_REASON, 0)
                .result(VmcsField.EXIT_QUALIFICATION, 1)
                .result(VmcsField.GUEST_RIP, 2)
                .result(VmcsField.GUEST_INTR_STATUS, 4)
                .result(VmcsField.VM_EXIT_INSTRUCTION_LEN, 5)
                .asm("sub dword [" + (Hypervisor.RESULTS + 8) + "], l2\n")
                .asm(Hypervisor.END + "l2:\n" + l2 + "\nvmcall\nhandler:\nmov ebx, 0x61\nvmcall\n");
        Machine machine = l1.machine(model, "keep");
        Outcome outcome = machine.run(2_000_000);
        assertThat(outcome.kind()).as(outcome.detail()).isEqualTo(Outcome.Kind.DEBUG_EXIT);
        return machine;
    }

    private static void exits(Machine machine, int reason, int qualification) {
        assertThat(Hypervisor.result(machine, 0)).as("reason").isEqualTo(reason);
        assertThat(Hypervisor.result(machine, 1)).as("qualification").isEqualTo(qualification);
    }

    private static String put(int address, long value) {
        return "mov dword [" + address + "], " + value + "\n";
    }

    private static long memory(Machine machine, int address) {
        return machine.memory().read(address, 4);
    }

    static IntStream offsets() {
        return IntStream.rangeClosed(0, 0x40).map(i -> i << 4);
    }

    // ---- the APIC-access page ----

    @ParameterizedTest
    @CsvSource({
        "'mov ebx, [0x900020]', 0x20, 6",
        "'mov [0x900020], ebx', 0x1020, 6",
        "'lock add dword [0x900080], 1', 0x80, 8",
        "'mov eax, 0x900040\njmp eax', 0x2040, 0",
        "'push dword [0x900ffe]', 0xffe, 6"
    })
    void everyAccessExitsWithoutTprShadow(String code, String qualification, int length) {
        Machine machine = first(hypervisor(0, XAPIC), code);
        exits(machine, APIC_ACCESS, Integer.decode(qualification));
        if (length != 0) {
            assertThat(Hypervisor.result(machine, 2))
                    .as("RIP at the instruction")
                    .isZero();
            assertThat(Hypervisor.result(machine, 5)).isEqualTo(length);
        }
    }

    @Test
    void underEptThePhysicalAddressCounts() {
        Hypervisor l1 = new Hypervisor(true, false)
                .asm(put(Hypervisor.EPT_PD + 8 * 2, 0x8000b7))
                .processor(0, XAPIC | ENABLE_EPT.mask())
                .field(VmcsField.APIC_ACCESS_ADDR, ACCESS);
        exits(first(l1, "mov ebx, [0x500020]"), APIC_ACCESS, 0x20);
    }

    @Test
    void aPagingStructureInThePageIsAGuestPhysicalAccess() {
        Hypervisor l1 = new Hypervisor(true, false)
                .asm("mov esi, 0x300000\nmov edi, " + ACCESS + "\nmov ecx, 1024\nrep movsd\n")
                .processor(0, XAPIC | ENABLE_EPT.mask())
                .field(VmcsField.APIC_ACCESS_ADDR, ACCESS)
                .field(VmcsField.GUEST_CR3, ACCESS);
        Machine machine = first(l1, "nop");
        assertThat(Hypervisor.result(machine, 0)).isEqualTo(APIC_ACCESS);
        assertThat(Hypervisor.result(machine, 1) >> 12).isEqualTo(15);
    }

    @ParameterizedTest
    @MethodSource("offsets")
    void tprShadowVirtualizesTheTprAlone(int offset) {
        Hypervisor l1 = hypervisor(TPR_SHADOW.mask(), XAPIC).asm(put(PAGE + offset, 0x50));
        Machine machine = first(l1, "mov ebx, [" + (ACCESS + offset) + "]");
        if (offset == 0x80) {
            exits(machine, VMCALL, 0);
            assertThat(Hypervisor.result(machine, 3)).isEqualTo(0x50);
        } else {
            exits(machine, APIC_ACCESS, offset);
        }
    }

    @ParameterizedTest
    @MethodSource("offsets")
    void registerVirtualizationReads(int offset) {
        Hypervisor l1 = hypervisor(TPR_SHADOW.mask(), REGISTERS).asm(put(PAGE + offset, 0x12345678));
        Machine machine = first(l1, "mov ebx, [" + (ACCESS + offset) + "]");
        if (readable(offset)) {
            exits(machine, VMCALL, 0);
            assertThat(Hypervisor.result(machine, 3)).isEqualTo(0x12345678);
        } else {
            exits(machine, APIC_ACCESS, offset);
        }
    }

    /** Writes are traps: the value is in the page and RIP behind the instruction; TPR and ICR-high need no exit. */
    @ParameterizedTest
    @MethodSource("offsets")
    void registerVirtualizationWrites(int offset) {
        Machine machine =
                first(hypervisor(TPR_SHADOW.mask(), REGISTERS), "mov dword [" + (ACCESS + offset) + "], 0x12345678");
        if (!writable(offset)) {
            exits(machine, APIC_ACCESS, 0x1000 | offset);
            return;
        }
        if (offset == 0x80 || offset == 0x310) {
            exits(machine, VMCALL, 0);
        } else {
            exits(machine, APIC_WRITE, offset);
        }
        assertThat(Hypervisor.result(machine, 2)).isEqualTo(10);
        long stored = offset == 0x80 ? 0x78 : offset == 0x310 ? 0x12000000 : 0x12345678;
        assertThat(memory(machine, PAGE + offset)).isEqualTo(stored);
    }

    @ParameterizedTest
    @CsvSource({
        "'mov bl, [0x900081]', true",
        "'mov bx, [0x900082]', true",
        "'mov bx, [0x900083]', false",
        "'mov ebx, [0x900081]', false",
        "'movq mm0, [0x900080]', false"
    })
    void onlyTheFirstFourBytesOfARegister(String code, boolean virtualized) {
        Machine machine = first(hypervisor(TPR_SHADOW.mask(), REGISTERS), code);
        assertThat(Hypervisor.result(machine, 0)).isEqualTo(virtualized ? VMCALL : APIC_ACCESS);
    }

    // ---- TPR ----

    @ParameterizedTest
    @CsvSource({"'mov dword [0x900080], 0x3f'", "'mov ecx, 0x808\nmov eax, 0x3f\nxor edx, edx\nwrmsr'"})
    void tprBelowThreshold(String code) {
        boolean msr = code.contains("wrmsr");
        Hypervisor l1 = hypervisor(TPR_SHADOW.mask() | MSR_BITMAPS.mask(), msr ? VIRTUALIZE_X2APIC_MODE.mask() : XAPIC)
                .field(VmcsField.MSR_BITMAP, 0x903000)
                .asm(put(PAGE + 0x80, 0x40))
                .field(VmcsField.TPR_THRESHOLD, 4);
        Machine machine = first(l1, code);
        exits(machine, TPR_BELOW_THRESHOLD, 0);
        assertThat(memory(machine, PAGE + 0x80)).isEqualTo(0x3f);
        assertThat(Hypervisor.result(machine, 2)).as("a trap").isPositive();
    }

    @Test
    void entryBelowTheThresholdExitsAtOnce() {
        Hypervisor l1 =
                hypervisor(TPR_SHADOW.mask(), XAPIC).asm(put(PAGE + 0x80, 0x3f)).field(VmcsField.TPR_THRESHOLD, 4);
        Machine machine = first(l1, "nop");
        exits(machine, TPR_BELOW_THRESHOLD, 0);
        assertThat(Hypervisor.result(machine, 2)).isZero();
    }

    // ---- x2APIC mode ----

    @ParameterizedTest
    @CsvSource({"0x808, false", "0x802, true", "0x80a, true", "0x8ff, true"})
    void msrsAreReadFromThePage(String msr, boolean registers) {
        int index = Integer.decode(msr);
        long secondary = VIRTUALIZE_X2APIC_MODE.mask() | (registers ? APIC_REGISTER_VIRTUALIZATION.mask() : 0);
        Hypervisor l1 = hypervisor(TPR_SHADOW.mask() | MSR_BITMAPS.mask(), secondary)
                .field(VmcsField.MSR_BITMAP, 0x903000)
                .asm(put(PAGE + (index - 0x800 << 4), 0x1234));
        Machine machine = first(l1, "mov ecx, " + index + "\nrdmsr\nmov ebx, eax");
        exits(machine, VMCALL, 0);
        assertThat(Hypervisor.result(machine, 3)).isEqualTo(0x1234);
    }

    /** Reserved bits of a virtualized write raise #GP(0), which L1 sees by the exception bitmap. */
    @ParameterizedTest
    @CsvSource({"0x808, 0x100", "0x80b, 1", "0x83f, 0x100"})
    void reservedBits(String msr, String value) {
        Hypervisor l1 = hypervisor(
                        TPR_SHADOW.mask() | MSR_BITMAPS.mask(),
                        VIRTUALIZE_X2APIC_MODE.mask() | VIRTUAL_INTERRUPT_DELIVERY.mask())
                .pin(EXTERNAL_INTERRUPT_EXITING.mask())
                .field(VmcsField.MSR_BITMAP, 0x903000)
                .field(VmcsField.EXCEPTION_BITMAP, 1 << 13);
        Machine machine = first(l1, "mov ecx, " + msr + "\nmov eax, " + value + "\nxor edx, edx\nwrmsr");
        assertThat(Hypervisor.result(machine, 0)).isZero();
    }

    @ParameterizedTest
    @CsvSource({"0x61, 18, 0", "0xf, 56, 0x3f0"})
    void selfIpiByMsr(String vector, int reason, String qualification) {
        Hypervisor l1 = delivering(VIRTUALIZE_X2APIC_MODE.mask() | VIRTUAL_INTERRUPT_DELIVERY.mask())
                .processor(
                        TPR_SHADOW.mask() | MSR_BITMAPS.mask(),
                        VIRTUALIZE_X2APIC_MODE.mask() | VIRTUAL_INTERRUPT_DELIVERY.mask())
                .field(VmcsField.MSR_BITMAP, 0x903000);
        Machine machine = first(l1, "sti\nmov ecx, 0x83f\nmov eax, " + vector + "\nxor edx, edx\nwrmsr\nnop");
        exits(machine, reason, Integer.decode(qualification));
        assertThat(Hypervisor.result(machine, 3) == 0x61).isEqualTo(reason == VMCALL);
    }

    // ---- virtual interrupts ----

    /** RVI above PPR is delivered when IF lets it: ISR, IRR, PPR, RVI and SVI follow. */
    @Test
    void delivery() {
        Hypervisor l1 = delivering(DELIVERY)
                .field(VmcsField.GUEST_INTR_STATUS, 0x61)
                .asm(put(PAGE + 0x230, 2) + put(PAGE + 0x200, 1 << 31));
        Machine machine = first(l1, "nop\nsti\nnop\nnop");
        exits(machine, VMCALL, 0);
        assertThat(Hypervisor.result(machine, 3)).isEqualTo(0x61);
        assertThat(Hypervisor.result(machine, 4)).as("SVI, RVI").isEqualTo(0x611f);
        assertThat(memory(machine, PAGE + 0x130)).isEqualTo(2);
        assertThat(memory(machine, PAGE + 0x230)).isZero();
        assertThat(memory(machine, PAGE + 0xa0)).isEqualTo(0x60);
    }

    @ParameterizedTest
    @CsvSource({"0x5f, 0, true", "0x60, 0, false", "0, 0x52, true", "0, 0x60, false"})
    void priority(String tpr, String svi, boolean delivered) {
        Hypervisor l1 = delivering(DELIVERY)
                .field(VmcsField.GUEST_INTR_STATUS, Integer.decode(svi) << 8 | 0x61)
                .asm(put(PAGE + 0x80, Integer.decode(tpr)) + put(PAGE + 0x230, 2));
        Machine machine = first(l1, "sti\nnop\nnop");
        assertThat(Hypervisor.result(machine, 3) == 0x61).isEqualTo(delivered);
    }

    @Test
    void aLowerTprLetsTheInterruptIn() {
        Hypervisor l1 = delivering(DELIVERY)
                .field(VmcsField.GUEST_INTR_STATUS, 0x61)
                .asm(put(PAGE + 0x80, 0x60) + put(PAGE + 0x230, 2));
        Machine machine = first(l1, "sti\nnop\nmov dword [" + (ACCESS + 0x80) + "], 0\nnop");
        assertThat(Hypervisor.result(machine, 3)).isEqualTo(0x61);
    }

    @Test
    void interruptWindowExitingHoldsVirtualInterruptsBack() {
        Hypervisor l1 = delivering(DELIVERY)
                .processor(TPR_SHADOW.mask() | INTERRUPT_WINDOW_EXITING.mask(), DELIVERY)
                .field(VmcsField.GUEST_INTR_STATUS, 0x61)
                .asm(put(PAGE + 0x230, 2));
        exits(first(l1, "sti\nnop\nnop"), 7, 0);
    }

    @Test
    void aVirtualInterruptEndsHlt() {
        Hypervisor l1 = delivering(DELIVERY)
                .field(VmcsField.GUEST_INTR_STATUS, 0x61)
                .field(VmcsField.GUEST_ACTIVITY_STATE, 1)
                .field(VmcsField.GUEST_RFLAGS, 0x202)
                .asm(put(PAGE + 0x230, 2));
        assertThat(Hypervisor.result(first(l1, "nop"), 3)).isEqualTo(0x61);
    }

    @ParameterizedTest
    @CsvSource({"0x44061, true", "0x40061, true", "0x40161, false", "0x80061, false", "0x4000f, false"})
    void selfIpiByIcr(String icr, boolean virtualized) {
        Machine machine = first(delivering(DELIVERY), "sti\nmov dword [" + (ACCESS + 0x300) + "], " + icr + "\nnop");
        if (virtualized) {
            assertThat(Hypervisor.result(machine, 3)).isEqualTo(0x61);
        } else {
            exits(machine, APIC_WRITE, 0x300);
        }
    }

    @ParameterizedTest
    @CsvSource({"false", "true"})
    void endOfInterrupt(boolean exits) {
        Hypervisor l1 = delivering(DELIVERY)
                .field(VmcsField.GUEST_INTR_STATUS, 0x7200)
                .asm(exits ? "mov eax, 0x201f\nmov edx, 0x40000\nvmwrite eax, edx\n" : "")
                .asm(put(PAGE + 0x130, 1 << 18 | 1) + put(PAGE + 0xa0, 0x70));
        Machine machine = first(l1, "mov dword [" + (ACCESS + 0xb0) + "], 0");
        exits(machine, exits ? EOI_INDUCED : VMCALL, exits ? 0x72 : 0);
        assertThat(Hypervisor.result(machine, 4))
                .as("SVI is the next in service")
                .isEqualTo(0x6000);
        assertThat(memory(machine, PAGE + 0x130)).isEqualTo(1);
        assertThat(memory(machine, PAGE + 0xa0)).isEqualTo(0x60);
    }

    // ---- posted interrupts ----

    /** L1 has sent itself the notification before the entry: L2 gets what the descriptor holds, L1 no exit. */
    @ParameterizedTest
    @CsvSource({"0x50, false", "0x51, true"})
    void postedInterrupts(String notification, boolean exits) {
        Hypervisor l1 = delivering(DELIVERY)
                .pin(EXTERNAL_INTERRUPT_EXITING.mask() | POSTED_INTERRUPTS.mask())
                .exitControls(ACKNOWLEDGE_INTERRUPT.mask())
                .field(VmcsField.POSTED_INTR_NV, Integer.decode(notification))
                .field(VmcsField.POSTED_INTR_DESC_ADDR, DESCRIPTOR)
                .asm(put(DESCRIPTOR + 12, 2) + put(DESCRIPTOR + 32, 1))
                .asm(put(0xfee000f0, 0x1ff) + put(0xfee00300, 0x40050));
        Machine machine = first(l1, "nop\nsti\nnop\nhlt");
        if (exits) {
            exits(machine, EXTERNAL_INTERRUPT, 0);
            return;
        }
        exits(machine, VMCALL, 0);
        assertThat(Hypervisor.result(machine, 3)).isEqualTo(0x61);
        assertThat(memory(machine, DESCRIPTOR + 12)).as("request").isZero();
        assertThat(memory(machine, DESCRIPTOR + 32)).as("outstanding").isZero();
        assertThat(Hypervisor.result(machine, 4)).isEqualTo(0x6100);
    }

    @Test
    void postedInterruptWithoutRequestsLeavesHltAlone() {
        Hypervisor l1 = delivering(DELIVERY)
                .pin(EXTERNAL_INTERRUPT_EXITING.mask() | POSTED_INTERRUPTS.mask() | PREEMPTION_TIMER.mask())
                .exitControls(ACKNOWLEDGE_INTERRUPT.mask())
                .field(VmcsField.POSTED_INTR_NV, 0x50)
                .field(VmcsField.POSTED_INTR_DESC_ADDR, DESCRIPTOR)
                .field(VmcsField.VMX_PREEMPTION_TIMER_VALUE, 100)
                .field(VmcsField.GUEST_ACTIVITY_STATE, 1)
                .asm(put(0xfee000f0, 0x1ff) + put(0xfee00300, 0x40050));
        Machine machine = first(l1, "nop");
        exits(machine, 52, 0);
    }
}

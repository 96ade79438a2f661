package nestbox.machine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import nestbox.x86.model.CpuModel;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** APM Vol. 2, "Performance Monitoring Counters": guests that count their own instructions. */
class PerformanceCounterTest {
    /** Writes EDX:EAX = 0:{@code value} to {@code msr}. */
    private static String write(int msr, String value) {
        return "mov ecx, 0x%x\nmov eax, %s\nxor edx, edx\nwrmsr\n".formatted(msr, value);
    }

    private static final String EXIT = """
        exit:
            mov dx, 0xf4
            out dx, eax
            hlt
        """;

    private static final int CTL0 = 0xc0010000;
    private static final int CTR0 = 0xc0010004;
    private static final int CORE_CTL5 = 0xc001020a;
    private static final String CYCLES_KERNEL = "0x420076";
    private static final String RETIRED_KERNEL = "0x4200c0";

    private static Outcome run(String model, String source) {
        Outcome first = null;
        for (int blockSize : new int[] {64, 1, 0}) {
            MachineConfig.Builder config =
                    MachineConfig.builder(CpuModel.parse(model)).memoryBytes(16 << 20);
            config = blockSize == 0 ? config.engine(MachineConfig.Engine.REFERENCE) : config.blockSize(blockSize);
            Machine machine = new Machine(config.build());
            machine.load(Guests.image(source), "", List.of());
            Outcome outcome = machine.run(1_000_000);
            first = first == null ? outcome : first;
            assertThat(outcome).as("blocks of %d", blockSize).isEqualTo(first);
        }
        return first;
    }

    private static long count(String model, String source) {
        Outcome outcome = run(model, "start:\n" + source + EXIT);
        assertThat(outcome.kind()).as(outcome.detail()).isEqualTo(Outcome.Kind.DEBUG_EXIT);
        return outcome.code();
    }

    /** Between the WRMSR that starts and the RDPMC that reads: 7 instructions and 3 times 2 of the loop. */
    private static final String WORK = """
        mov ebx, 3
        again:
        dec ebx
        jnz again
        nop
        nop
        nop
        nop
        xor ecx, ecx
        rdpmc
        """;

    @ParameterizedTest
    @ValueSource(strings = {CYCLES_KERNEL, RETIRED_KERNEL})
    void countsWhatRuns(String select) {
        assertThat(count("EPYC-Milan", write(CTL0, select) + WORK)).isEqualTo(1 + 1 + 6 + 5);
        assertThat(count("Opteron_G1", write(CTL0, select) + WORK)).isEqualTo(1 + 1 + 6 + 5);
    }

    @Test
    void standsStillWhenDisabledOrForUsersOnly() {
        assertThat(count("EPYC-Milan", write(CTL0, "0x20076") + WORK)).isZero();
        assertThat(count("EPYC-Milan", write(CTL0, "0x410076") + WORK)).isZero();
        assertThat(count("EPYC-Milan", write(CTR0, "100") + write(CTL0, "0x400076") + WORK))
                .isEqualTo(100);
    }

    @Test
    void theOldAddressesReachTheCoreCounters() {
        String core = "mov ecx, 0xc0010201\nrdmsr\n";
        assertThat(count("EPYC-Milan", write(CTR0, "77") + core)).isEqualTo(77);
        String fifth = write(CORE_CTL5, CYCLES_KERNEL) + "nop\nnop\nmov ecx, 5\nrdpmc\n";
        assertThat(count("EPYC-Milan", fifth)).isEqualTo(1 + 3);
        Outcome none = run("Opteron_G1", "start:\n" + fifth + EXIT);
        assertThat(none.kind()).as("no such MSR, no IDT").isEqualTo(Outcome.Kind.SHUTDOWN);
    }

    /** 10,000 iterations take three ticks and are one instruction. */
    @Test
    void aRepeatedInstructionRetiresOnce() {
        String work = """
            mov ecx, 10000
            mov edi, 0x200000
            rep stosb
            xor ecx, ecx
            rdpmc
            """;
        assertThat(count("EPYC-Milan", write(CTL0, RETIRED_KERNEL) + work)).isEqualTo(1 + 4);
        assertThat(count("EPYC-Milan", write(CTL0, CYCLES_KERNEL) + work)).isEqualTo(1 + 6);
    }

    private static final String INTERRUPTS = """
        start:
            mov esp, 0x300000
            mov eax, 0x41
            mov edx, performance
            call idt_gate
            mov eax, 0x40
            mov edx, timer
            call idt_gate
            call idt_load
            mov ebp, 0xfee00000
            mov dword [ebp + 0x340], 0x41
        """;

    /** The counter overflows after 50 ticks; the handler's count tells how many instructions ran. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 50, 300})
    void overflowInterruptsAtItsTick(int ticks) {
        String source = INTERRUPTS
                + "xor ebx, ebx\nsti\nnop\n"
                + "mov ecx, 0xc0010004\nmov eax, -%d\nmov edx, 0xffff\nwrmsr\n".formatted(ticks)
                + "mov ecx, 0xc0010000\nxor edx, edx\nmov eax, 0x520076\nwrmsr\n"
                + """
                again:
                    inc ebx
                    jmp again
                performance:
                    mov eax, ebx
                """
                + EXIT
                + "timer: hlt\n"
                + Guests.IDT;
        Outcome outcome = run("EPYC", source);
        assertThat(outcome.kind()).as(outcome.detail()).isEqualTo(Outcome.Kind.DEBUG_EXIT);
        assertThat(outcome.code()).isEqualTo(ticks / 2);
    }

    /** HLT for about 5,000 ticks until the APIC timer's interrupt, with the reads of the clock as close to it as can be. */
    private static final String HALT = """
            mov dword [ebp + 0x3e0], 0xb
            mov dword [ebp + 0x320], 0x40
            xor edx, edx
            mov dword [ebp + 0x380], 5000
            READ
            mov edi, eax
            sti
            hlt
        timer:
            READ
            sub eax, edi
        """ + EXIT + "performance: hlt\n" + Guests.IDT;

    private static long halted(String before, String read) {
        return run("max,vendor=AuthenticAMD,+rdpru", INTERRUPTS + before + HALT.replace("READ", read))
                .code();
    }

    @Test
    void haltedTimeIsNotCounted() {
        String counter = "xor ecx, ecx\nrdpmc\n";
        // The first read, MOV, STI, HLT, the interrupt, MOV.
        long executed = 6;
        assertThat(halted("", "mov ecx, 0\nrdtsc\n")).isGreaterThan(4990);
        assertThat(halted("", "mov ecx, 0\nrdpru\n")).as("MPERF").isEqualTo(executed);
        assertThat(halted(write(CTL0, CYCLES_KERNEL), counter)).as("cycles").isEqualTo(executed);
    }

    @ParameterizedTest
    @ValueSource(strings = {"0x420064", "0x01420076", "0x4600c0", "0x430000"})
    void otherEventsAreRefusedByName(String select) {
        Outcome outcome = run("EPYC", "start:\n" + write(CTL0, select) + EXIT);
        assertThat(outcome.kind()).isEqualTo(Outcome.Kind.UNSUPPORTED);
        assertThat(outcome.detail()).contains("performance event").contains("counter 0");
    }

    @Test
    void intelModelsHaveNone() {
        for (String model : List.of("max", "Skylake-Server", "IvyBridge")) {
            int[] leaf = CpuModel.parse(model).cpuid(0xa, 0);
            assertThat(leaf == null ? 0 : leaf[0] & 0xff)
                    .as("architectural version of %s", model)
                    .isZero();
            assertThat(run(model, "start:\nxor ecx, ecx\nrdpmc\n" + EXIT).kind())
                    .isEqualTo(Outcome.Kind.SHUTDOWN);
        }
    }
}

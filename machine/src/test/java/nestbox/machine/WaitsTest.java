package nestbox.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import nestbox.core.NestboxException;
import nestbox.x86.model.CpuModel;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** How much virtual time PAUSE, MWAIT, UMWAIT and TPAUSE take: to the tick, on every engine (SDM Vol. 2). */
class WaitsTest {
    private static final String EXIT = """
        exit:
            mov dx, 0xf4
            out dx, eax
            hlt
        """;

    /** Elapsed ticks from RDTSC to RDTSC: the second one adds its distance. */
    private static String elapsed(String between) {
        return "start:\nmov esp, 0x300000\n" + "rdtsc\nmov edi, eax\n" + between + "rdtsc\nsub eax, edi\n" + EXIT;
    }

    /** Without the 8254, whose first edge would be an event. */
    private static MachineConfig.Builder config() {
        return Guests.config().pit(false);
    }

    private static MachineConfig.Builder config(String variant) {
        return variant.equals("reference")
                ? config().engine(MachineConfig.Engine.REFERENCE)
                : config().blockSize(Integer.parseInt(variant));
    }

    /** The value that the guest writes to the debug exit, which is the same on every engine. */
    private static long value(MachineConfig.Builder base, String source) {
        Long first = null;
        for (String variant : new String[] {"64", "4", "1", "reference"}) {
            MachineConfig variation = config(variant).build();
            Machine machine = Guests.machine(
                    base.build().toBuilder().engine(variation.engine()).blockSize(variation.blockSize()), source);
            Outcome outcome = machine.run(1_000_000);
            assertThat(outcome.kind()).as(outcome.detail()).isEqualTo(Outcome.Kind.DEBUG_EXIT);
            first = first == null ? Long.valueOf(outcome.code()) : first;
            assertThat(outcome.code()).as("variant %s", variant).isEqualTo(first);
        }
        return first;
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 64, 1000})
    void pauseTakesTheTicksOfTheConfiguration(int ticks) {
        String source = elapsed("nop\npause\nnop\npause\n");
        assertThat(value(config().pauseTicks(ticks), source)).isEqualTo(2 + 2 + 2 * ticks);
    }

    @Test
    void waitingIsNoInstruction() {
        Machine machine = Guests.machine(config(), "start: pause\njmp start");
        machine.run(1000);
        assertThat(machine.retired()).isEqualTo(1000);
        assertThat(machine.now()).isEqualTo(500 * (1 + MachineConfig.PAUSE_TICKS));
    }

    @Test
    void aPauseOfNoTicksIsRefused() {
        assertThatThrownBy(() -> config().pauseTicks(0).build())
                .isInstanceOf(NestboxException.class)
                .hasMessageContaining("a PAUSE of 0 ticks");
    }

    /** An APIC timer that fires {@code count} ticks after the write that starts it; the handler tells the ticks since RDTSC. */
    private static String timer(String count, String loop) {
        return """
            start:
                mov esp, 0x300000
                mov eax, 0x40
                mov edx, handler
                call idt_gate
                call idt_load
                mov ebx, 0xfee00000
                mov dword [ebx + 0x3e0], 0xb
                mov dword [ebx + 0x320], 0x40
                xor ecx, ecx
                xor edx, edx
                mov eax, 0x1000
                sti
                nop
                rdtsc
                mov edi, eax
                mov dword [ebx + 0x380], COUNT
                xor edx, edx
                mov eax, 0x1000
            LOOP
            handler:
                rdtsc
                sub eax, edi
            """.replace("COUNT", count).replace("LOOP", loop) + EXIT + Guests.IDT;
    }

    /** The write is 2 ticks behind RDTSC, and the handler begins one tick, that of the delivery, after the timer is due. */
    @Test
    void noWaitGoesPastAnEvent() {
        for (int count : new int[] {2, 3, 4, 5, 6, 63, 64, 65, 66, 67, 68, 69, 100, 129, 130, 131, 1000, 5000}) {
            for (String loop : new String[] {
                "again: pause\njmp again", "again: pause\nnop\njmp again", "again: monitor\nmwait\njmp again"
            }) {
                String source = timer(Integer.toString(count), loop);
                assertThat(value(config(), source))
                        .as("%s, count %d", loop, count)
                        .isEqualTo(count + 3);
            }
        }
    }

    @Test
    void anArmedMwaitSkipsToTheNextEvent() {
        Machine machine = Guests.machine(config(), timer("5000000", "again: monitor\nmwait\njmp again"));
        assertThat(machine.run(1000).kind()).isEqualTo(Outcome.Kind.DEBUG_EXIT);
        assertThat(machine.now()).isGreaterThan(5_000_000);
    }

    /** SDM Vol. 2, "MWAIT": it does not wait unless a range is armed, and its end disarms. */
    @Test
    void anUnarmedMwaitDoesNotWait() {
        String registers = "mov eax, 0x1000\nxor ecx, ecx\nxor edx, edx\n";
        assertThat(value(config(), elapsed(registers + "mwait\n"))).isEqualTo(2 + 3 + 1);
        long once = value(config(), elapsed(registers + "monitor\nmwait\n"));
        assertThat(once).isGreaterThan(1000);
        assertThat(value(config(), elapsed(registers + "monitor\nmwait\nmwait\n")))
                .isEqualTo(once + 1);
    }

    @Test
    void anInterruptThatWaitsEndsMwaitEvenIfMasked() {
        String source = """
            start:
                mov ebx, 0xfee00000
                mov dword [ebx + 0xf0], 0x1ff
                mov dword [ebx + 0x300], 0x44040
                mov eax, 0x1000
                xor ecx, ecx
                xor edx, edx
                monitor
                rdtsc
                mov edi, eax
                xor ecx, ecx
                mwait
                rdtsc
                sub eax, edi
            """ + EXIT;
        assertThat(value(config(), source)).isEqualTo(4);
    }

    /** TPAUSE until {@code deadline} ticks after RDTSC; the value is CF at bit 31 and the ticks when the next instruction begins. */
    private static long timedPause(int limit, String instruction, int deadline) {
        String source = """
            start:
                mov ecx, 0xe1
                mov eax, LIMIT
                xor edx, edx
                wrmsr
                mov ebx, 0x1000
                umonitor ebx
                xor ecx, ecx
                rdtsc
                mov edi, eax
                add eax, DEADLINE
                WAIT ecx
                setc cl
                rdtsc
                sub eax, edi
                dec eax
                shl ecx, 31
                or eax, ecx
            """.replace("LIMIT", Integer.toString(limit))
                .replace("WAIT", instruction)
                .replace("DEADLINE", Integer.toString(deadline));
        return value(config(), source + EXIT);
    }

    /** SDM Vol. 2, "TPAUSE" and "UMWAIT": until the deadline, or the limit of IA32_UMWAIT_CONTROL, which CF tells. */
    @ParameterizedTest
    @ValueSource(strings = {"tpause", "umwait"})
    void timedWaitsEndAtDeadlineOrLimit(String instruction) {
        long carry = 1L << 31;
        assertThat(timedPause(0, instruction, 5000)).isEqualTo(5000);
        assertThat(timedPause(0, instruction, 4)).isEqualTo(4);
        assertThat(timedPause(0, instruction, 3)).as("over already").isEqualTo(4);
        assertThat(timedPause(0, instruction, -3)).as("long over").isEqualTo(4);
        assertThat(timedPause(10_000, instruction, 5000)).isEqualTo(5000);
        assertThat(timedPause(1000, instruction, 5000)).isEqualTo(carry | 3 + 1000);
        assertThat(timedPause(1001, instruction, 5000))
                .as("bits 1:0 are not the limit's")
                .isEqualTo(carry | 3 + 1000);
    }

    /** What a run comes to does not depend on where the caller cuts it. */
    @Test
    void cutsDoNotShow() {
        String source = timer("777", "again: pause\npause\njmp again");
        Machine whole = Guests.machine(config(), source);
        Machine pieces = Guests.machine(config(), source);
        whole.run(46);
        for (int i = 0; i < 46; i++) {
            pieces.run(1);
        }
        assertThat(whole.digest()).isEqualTo(pieces.digest());
    }

    @Test
    void processorsThatSpinLetTimePassForAll() {
        for (String variant : new String[] {"64", "1", "reference"}) {
            Machine machine = Guests.machine(config(variant).cpus(4), MachineTest.SMP);
            Machine cut = Guests.machine(config().cpus(4), MachineTest.SMP);
            assertThat(machine.run(100_000).kind()).isEqualTo(Outcome.Kind.DEBUG_EXIT);
            while (cut.run(997).kind() == Outcome.Kind.LIMIT) {
                assertThat(cut.retired()).isLessThan(100_000);
            }
            assertThat(machine.digest()).isEqualTo(cut.digest());
            assertThat(machine.retired()).isEqualTo(cut.retired());
        }
    }

    /** APM Vol. 2, "Performance Monitoring Counters": cycles go on in PAUSE, and it retires once. */
    @ParameterizedTest
    @CsvSource({"0x420076, 67", "0x4200c0, 4"})
    void countersTellWaitingFromInstructions(String select, int counted) {
        String source = "start:\nmov ecx, 0xc0010000\nmov eax, " + select
                + "\nxor edx, edx\nwrmsr\npause\nnop\nxor ecx, ecx\nrdpmc\n" + EXIT;
        Machine machine = new Machine(MachineConfig.builder(CpuModel.parse("EPYC-Milan"))
                .memoryBytes(16 << 20)
                .build());
        machine.load(Guests.image(source), "", List.of());
        assertThat(machine.run(1000).code()).isEqualTo(counted);
    }
}

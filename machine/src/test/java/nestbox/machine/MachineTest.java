package nestbox.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.mockito.Mockito.mock;

import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.UnsupportedFeatureException;
import nestbox.machine.MachineConfig.Engine;
import nestbox.x86.VirtualizationExtension;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MachineTest {
    private static final String EXIT = """
            exit:
                mov dx, 0xf4
                out dx, eax
                hlt
            """;

    /** An APIC timer interrupts a loop that counts; the handler exits with the count. */
    private static final String TIMER = """
            start:
                mov esp, 0x300000
                mov eax, 0x40
                mov edx, handler
                call idt_gate
                call idt_load
                mov ebx, 0xfee00000
                mov dword [ebx + 0x3e0], 0xb
                mov dword [ebx + 0x320], 0x40
                xor eax, eax
                sti
                nop
                mov dword [ebx + 0x380], COUNT
            count:
                inc eax
                jmp count
            handler:
            """ + EXIT + Guests.IDT;

    /** Processors 1 to 3 are started in real mode; each adds its work to a counter under a lock. */
    static final String SMP = """
            start:
                mov esi, trampoline
                mov edi, 0x8000
                mov ecx, trampoline_end - trampoline
                rep movsb
                mov ebx, 0xfee00000
                mov dword [ebx + 0x300], 0xc4500
                mov dword [ebx + 0x300], 0xc4608
            wait:
                pause
                mov eax, [0x9000]
                cmp eax, 3000
                jne wait
                jmp exit
            trampoline:
                bits 16
                xor ax, ax
                mov ds, ax
                mov cx, 1000
            work:
                lock inc dword [0x9000]
                rdtsc
                add [0x9004], eax
                loop work
                cli
            stop:
                hlt
                jmp stop
                bits 32
            trampoline_end:
            """ + EXIT;

    private static MachineConfig.Builder with(String variant) {
        return variant.equals("reference")
                ? Guests.config().engine(Engine.REFERENCE)
                : Guests.config().blockSize(Integer.parseInt(variant));
    }

    @Test
    void printsAndExits() {
        String source = """
                start:
                    mov dx, 0x3f8
                    mov esi, text
                    mov ecx, 5
                    rep outsb
                    mov eax, 42
                """ + EXIT + "text: db 'hello'";
        assertThat(Guests.output(source)).isEqualTo("hello");
        Outcome outcome = Guests.machine(Guests.config(), source).run(1000);
        assertThat(outcome.kind()).isEqualTo(Outcome.Kind.DEBUG_EXIT);
        assertThat(outcome.code()).isEqualTo(42);
    }

    /**
     * The count is written at tick t; the interrupt is due at t + COUNT, so COUNT - 1 instructions of the loop run, half of
     * them INC.
     */
    @ParameterizedTest
    @ValueSource(strings = {"1", "4", "64", "reference"})
    void timerInterruptsArriveAtTheirExactTick(String variant) {
        for (int count : new int[] {1, 2, 3, 7, 64, 65, 1001}) {
            Outcome outcome = Guests.machine(with(variant), TIMER.replace("COUNT", Integer.toString(count)))
                    .run(10_000);
            assertThat(outcome.kind()).isEqualTo(Outcome.Kind.DEBUG_EXIT);
            assertThat(outcome.code()).as("count %d", count).isEqualTo(count / 2);
        }
    }

    @Test
    void processorsStartAndInterleaveTheSameWayEveryTime() {
        String first = null;
        for (String variant : new String[] {"64", "64", "1", "4", "reference"}) {
            Machine machine = Guests.machine(with(variant).cpus(4), SMP);
            Outcome outcome = machine.run(10_000_000);
            assertThat(outcome.kind()).as(outcome.detail()).isEqualTo(Outcome.Kind.DEBUG_EXIT);
            assertThat(outcome.code()).isEqualTo(3000);
            first = first == null ? machine.digest() : first;
            assertThat(machine.digest()).as(variant).isEqualTo(first);
        }
    }

    @Test
    void theStateOfAVirtualizationExtensionIsRefusedByName() {
        MachineConfig config = Guests.config()
                .virtualization(cpu -> mock(VirtualizationExtension.class))
                .build();
        assertThatThrownBy(() -> new Machine(config).save(new StateWriter()))
                .isInstanceOf(UnsupportedFeatureException.class)
                .hasMessageContaining("VMX or SVM");
    }

    @Test
    void aSavedMachineGoesOnAsIfNothingHadHappened() {
        Machine straight = Guests.machine(Guests.config().cpus(4), SMP);
        assertThat(straight.run(3000).kind()).isEqualTo(Outcome.Kind.LIMIT);
        StateWriter state = new StateWriter();
        straight.save(state);
        final String middle = straight.digest();
        straight.run(10_000_000);
        Machine copy = new Machine(Guests.config().cpus(4).build());
        copy.restore(new StateReader(state.toByteArray()));
        assertThat(copy.digest()).isEqualTo(middle);
        assertThat(copy.run(10_000_000).code()).isEqualTo(3000);
        assertThat(copy.digest()).isEqualTo(straight.digest());
    }

    /** A copy has no image: a guest that makes the firmware start it is refused by name. */
    @Test
    void aSavedMachineDoesNotBootItsImageAgain() {
        Machine straight = Guests.machine(Guests.config(), "start: mov dx, 0xffe0\n out dx, al\n jmp start");
        StateWriter state = new StateWriter();
        straight.save(state);
        Machine copy = new Machine(Guests.config().build());
        copy.restore(new StateReader(state.toByteArray()));
        Outcome outcome = copy.run(1000);
        assertThat(outcome.kind()).isEqualTo(Outcome.Kind.UNSUPPORTED);
        assertThat(outcome.detail()).contains("boot").contains("saved state");
    }

    @Test
    void timeNeverGoesBackBetweenProcessors() {
        String source = """
                start:
                    mov esi, trampoline
                    mov edi, 0x8000
                    mov ecx, trampoline_end - trampoline
                    rep movsb
                    mov ebx, 0xfee00000
                    mov dword [ebx + 0x300], 0xc4500
                    mov dword [ebx + 0x300], 0xc4608
                    mov ecx, 20000
                check:
                    lock bts dword [0x9008], 0
                    jc check
                    rdtsc
                    cmp eax, [0x9000]
                    jb backwards
                    mov [0x9000], eax
                    mov dword [0x9008], 0
                    loop check
                    mov eax, [0x9004]
                    jmp exit
                backwards:
                    mov eax, -1
                    jmp exit
                trampoline:
                    bits 16
                    xor ax, ax
                    mov ds, ax
                again:
                    lock bts dword [0x9008], 0
                    jc again
                    rdtsc
                    cmp eax, [0x9000]
                    jae forwards
                    inc dword [0x9004]
                forwards:
                    mov [0x9000], eax
                    mov dword [0x9008], 0
                    jmp again
                    bits 32
                trampoline_end:
                """ + EXIT;
        for (int quantum : new int[] {1, 7, 1000}) {
            Outcome outcome = Guests.machine(Guests.config().cpus(3).quantum(quantum), source)
                    .run(10_000_000);
            assertThat(outcome.code()).as("quantum %d", quantum).isZero();
        }
    }

    @Test
    void haltedWithoutAWakerEndsTheRun() {
        Outcome outcome = Guests.machine(Guests.config(), "start: cli\nhlt").run(1_000_000);
        assertThat(outcome.kind()).isEqualTo(Outcome.Kind.HALTED_FOREVER);
    }

    @Test
    void tripleFaultsAreReportedWithTheirPlace() {
        Outcome outcome = Guests.machine(Guests.config(), "start: lidt [zero]\nud2\nzero: dd 0, 0")
                .run(1000);
        assertThat(outcome.kind()).isEqualTo(Outcome.Kind.SHUTDOWN);
        assertThat(outcome.detail()).contains("0008:00100027").contains("0f 0b").contains("32-bit");
    }

    @Test
    void limitsAreExact() {
        Machine machine = Guests.machine(Guests.config(), "start: jmp start");
        assertThat(machine.run(12_345).kind()).isEqualTo(Outcome.Kind.LIMIT);
        assertThat(machine.retired()).isEqualTo(12_345);
        machine.run(5);
        assertThat(machine.now()).isEqualTo(12_350);
    }

    @Test
    void powerOffAndResetEndTheRun() {
        Outcome off = Guests.machine(Guests.config(), "start: mov dx, 0x604\nmov ax, 0x2000\nout dx, ax\njmp $")
                .run(1000);
        assertThat(off.kind()).isEqualTo(Outcome.Kind.POWER_OFF);
        Outcome reset = Guests.machine(Guests.config(), "start: mov dx, 0xcf9\nmov al, 6\nout dx, al\njmp $")
                .run(1000);
        assertThat(reset.kind()).isEqualTo(Outcome.Kind.RESET);
    }

    @Test
    void aResetBootsAgainWhenConfiguredSo() {
        String source = """
                start:
                    inc dword [0x5000]
                    mov eax, [0x5000]
                    cmp eax, 3
                    je exit
                    mov dx, 0xcf9
                    mov al, 6
                    out dx, al
                """ + EXIT;
        Outcome outcome =
                Guests.machine(Guests.config().rebootOnReset(true), source).run(1000);
        assertThat(outcome.kind()).isEqualTo(Outcome.Kind.DEBUG_EXIT);
        assertThat(outcome.code()).isEqualTo(3);
    }

    /** The 8254 divides its clock by 11932, about 100 Hz: ten interrupts through the 8259 and LINT0 take 100 ms. */
    @Test
    void timerInterruptsComeThroughThe8259() {
        String source = """
                start:
                    mov esp, 0x300000
                    mov eax, 8
                    mov edx, handler
                    call idt_gate
                    call idt_load
                    mov al, 0x34
                    out 0x43, al
                    mov ax, 11932
                    out 0x40, al
                    mov al, ah
                    out 0x40, al
                    xor ebx, ebx
                    sti
                wait:
                    hlt
                    cmp ebx, 10
                    jne wait
                    mov eax, ebx
                    jmp exit
                handler:
                    inc ebx
                    mov al, 0x20
                    out 0x20, al
                    iret
                """ + EXIT + Guests.IDT;
        Machine machine = Guests.machine(Guests.config(), source);
        assertThat(machine.run(10_000).code()).isEqualTo(10);
        assertThat(machine.now()).isBetween(99_900_000L, 100_100_000L);
    }

    @Test
    void largeMemoryCostsOnlyWhatIsTouched() {
        Machine machine = Guests.machine(Guests.config().memoryBytes(64L << 30), "start: mov eax, 7\n" + EXIT);
        assertThat(machine.run(100).code()).isEqualTo(7);
        assertThat(machine.memory().plainRam(62L << 30)).isTrue();
    }

    /** QEMU's pit=off: the ports of the 8254 are those of an empty bus. */
    @Test
    void thePitCanBeLeftOut() {
        Machine without = new Machine(Guests.config().pit(false).build());
        without.board().portOut(0x43, 1, 0x34);
        assertThat(without.board().portIn(0x40, 1)).isEqualTo(0xff);
        assertThat(without.board().portIn(0x61, 1)).isEqualTo(0xff);
        assertThat(new Machine(Guests.config().build()).board().portIn(0x61, 1)).isNotEqualTo(0xff);
    }
}

package nestbox.l0;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import nestbox.core.trace.TraceEventType;
import nestbox.core.trace.TraceEvents;
import nestbox.core.trace.TraceSink;
import nestbox.machine.Outcome;
import nestbox.machine.load.ImageFile;
import nestbox.mmu.core.MemorySlots;
import nestbox.mmu.core.MmuConfig;
import nestbox.mmu.core.Slot;
import nestbox.modules.L0Mode;
import nestbox.modules.Nestbox;
import nestbox.modules.NestboxConfiguration;
import nestbox.modules.NestboxModule;
import nestbox.svm.l0.SvmBackendFactory;
import nestbox.vmx.l0.VmxBackendFactory;
import nestbox.x86.insn.Asm;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What userspace asks of a guest's memory under KVM: a log of written pages, private pages, and memory that only reads. */
class GuestMemoryTest {
    private static final long LIMIT = 1_000_000;
    private static final int NORMAL = MemorySlots.NORMAL;
    private static final long ROM = 0xd000_0000L;

    /** 32-bit code with paging by 4-MiB pages, each mapped to itself; "mark" tells the test of the end of a phase. */
    private static final String HEAD = """
            dd 0x1badb002, 0x10000, 0xe4514ffe, 0x100000, 0x100000, 0, 0, start
            start:
            """ + Guest32.IDENTITY;

    private static final String TELL = """
                mov edx, 0x3f8
                out dx, al
                xor eax, eax
                out 0xf4, eax
                hlt
            """;

    private static Nestbox lab(String cpu, L0Mode mode, boolean isProtected, StringBuilder serial) {
        NestboxConfiguration configuration = NestboxConfiguration.bareSilicon().toBuilder()
                .cpu(cpu)
                .l0(mode)
                .memoryBytes(16 << 20)
                .build();
        return Nestbox.create(configuration, new NestboxModule() {
            @Override
            protected void configure() {
                serial(new java.io.OutputStream() {
                    @Override
                    public void write(int value) {
                        serial.append((char) (value & 0xff));
                    }
                });
                if (isProtected) {
                    backend(new Protected(cpu.startsWith("EPYC") ? new SvmBackendFactory() : new VmxBackendFactory()));
                }
            }
        });
    }

    /** L0 enforces private pages itself, as for KVM_X86_SW_PROTECTED_VM. */
    private record Protected(VendorBackendFactory of) implements VendorBackendFactory {
        @Override
        public MmuConfig mmu(L0Config config) {
            return of.mmu(config).toBuilder().softwareProtected(true).build();
        }

        @Override
        public VendorBackend create(Vcpu vcpu, HostProcessor host) {
            return of.create(vcpu, host);
        }

        @Override
        public Set<String> ownChecks() {
            return of.ownChecks();
        }

        @Override
        public List<? extends EntryStepRow> entrySteps() {
            return of.entrySteps();
        }
    }

    private static void load(Nestbox lab, String source) {
        lab.load(new ImageFile("guest", Asm.assemble(32, 0x100000, HEAD + source + TELL)), "");
    }

    /** Calls back at each write to port 80h. */
    private static void atMarks(Nestbox lab, Consumer<Integer> then) {
        lab.machine().trace().addSink(new TraceSink() {
            @Override
            public void event(TraceEventType type, long time, int cpu, int level, long[] values) {
                if (type == TraceEvents.PORT_WRITE && values[0] == 0x80) {
                    then.accept((int) values[2]);
                }
            }

            @Override
            public void close() {}
        });
    }

    private static MemorySlots slots(Nestbox lab) {
        return lab.hypervisor().orElseThrow().mmu().slots();
    }

    /** The pages at 400000h that were written, by number. */
    private static BitSet written(Nestbox lab, Slot slot) {
        BitSet all = BitSet.valueOf(slots(lab).takeDirty(NORMAL, slot.id()));
        int first = (int) (0x400 - slot.baseGfn());
        return all.get(first, first + 8);
    }

    @ParameterizedTest
    @CsvSource({"'max,+vmx', TDP", "'max,+vmx', SHADOW", "EPYC-Milan, TDP", "EPYC-Milan, SHADOW"})
    void writtenPagesAreLoggedUntilTheLogIsTaken(String cpu, L0Mode mode) {
        Nestbox lab = lab(cpu, mode, false, new StringBuilder());
        load(lab, """
                mov ebx, 0x400000
                mov byte [ebx + 0x6000], 1
                mov al, 0
                out 0x80, al
                mov byte [ebx], 1
                mov byte [ebx + 0x3000], 1
                mov al, [ebx + 0x5000]
                mov al, 1
                out 0x80, al
                mov al, [ebx]
                mov byte [ebx + 0x3000], 2
                mov al, 2
                out 0x80, al
                mov byte [ebx + 0x4000], 2
                mov al, 3
                out 0x80, al
            """);
        List<String> logs = new ArrayList<>();
        Slot[] logged = {null};
        atMarks(lab, phase -> {
            if (phase == 0) {
                logged[0] = slots(lab).at(NORMAL, 0x400).withDirtyLog(true);
                slots(lab).set(NORMAL, logged[0]).request();
            } else if (phase < 3) {
                logs.add(written(lab, logged[0]).toString());
            }
            if (phase == 2) {
                slots(lab).set(NORMAL, logged[0].withDirtyLog(false)).request();
            }
        });
        assertThat(lab.run(LIMIT).kind()).isEqualTo(Outcome.Kind.DEBUG_EXIT);
        // The page written before the log was asked for is none of it, nor one that was only read.
        assertThat(logs).containsExactly("{0, 3}", "{3}");
        assertThat(slots(lab).takeDirty(NORMAL, logged[0].id())).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({"'max,+vmx', TDP", "'max,+vmx', SHADOW", "EPYC-Milan, TDP", "EPYC-Milan, SHADOW"})
    void aPrivatePageIsAMemoryFaultAndNeverCached(String cpu, L0Mode mode) {
        StringBuilder serial = new StringBuilder();
        Nestbox lab = lab(cpu, mode, true, serial);
        load(lab, """
                mov byte [0x400000], 'S'
                mov al, 0
                out 0x80, al
                mov al, [0x400000]
                mov al, [0x401000]
                mov al, [0x400000]
            """);
        atMarks(lab, phase -> slots(lab).setPrivate(0x400, 1, true).request());
        long before = lab.hypervisor().orElseThrow().mmu().counters().mmioCacheFills;
        for (int attempt = 0; attempt < 3; attempt++) {
            Outcome outcome = lab.run(LIMIT);
            assertThat(outcome.kind()).isEqualTo(Outcome.Kind.HYPERVISOR);
            assertThat(outcome.detail()).contains("KVM_EXIT_MEMORY_FAULT: -EFAULT", "400000");
        }
        assertThat(lab.hypervisor().orElseThrow().mmu().counters().mmioCacheFills)
                .isEqualTo(before);
        slots(lab).setPrivate(0x400, 1, false).request();
        assertThat(lab.run(LIMIT).kind()).isEqualTo(Outcome.Kind.DEBUG_EXIT);
        assertThat(serial).hasToString("S");
    }

    @ParameterizedTest
    @CsvSource({
        "'max,+vmx', NONE",
        "'max,+vmx', TDP",
        "'max,+vmx', SHADOW",
        "EPYC-Milan, TDP",
        "EPYC-Milan, SHADOW",
    })
    void writesToReadOnlyMemoryAreEmulatedAndLost(String cpu, L0Mode mode) {
        StringBuilder serial = new StringBuilder();
        Nestbox lab = lab(cpu, mode, false, serial);
        byte[] contents = new byte[4096];
        contents[5] = 'R';
        lab.machine().memory().mapRom(ROM, contents);
        load(lab, """
                mov ebx, 0xd0000000
                mov al, [ebx + 5]
                mov al, 0
                out 0x80, al
                mov al, [ebx + 5]
                mov ecx, [ebx + 4]
                mov al, 1
                out 0x80, al
                mov byte [ebx + 5], 'W'
                lock inc dword [ebx + 8]
                mov al, [ebx + 5]
            """);
        List<Long> exits = new ArrayList<>();
        atMarks(lab, phase -> lab.hypervisor().ifPresent(l0 -> exits.add(l0.counters().exits)));
        assertThat(lab.run(LIMIT).kind()).isEqualTo(Outcome.Kind.DEBUG_EXIT);
        assertThat(serial).hasToString("R");
        lab.hypervisor().ifPresent(l0 -> {
            assertThat(slots(lab).at(NORMAL, ROM >>> 12).readOnly()).isTrue();
            // Reads leave the guest for the two marks alone; each write leaves it.
            assertThat(exits.get(1) - exits.get(0)).isEqualTo(1);
            assertThat(l0.mmu().counters().pfEmulate).isGreaterThanOrEqualTo(2);
        });
    }
}

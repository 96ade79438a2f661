package nestbox.benchmarks;

import java.io.OutputStream;
import java.util.List;
import nestbox.machine.Machine;
import nestbox.machine.MachineConfig;
import nestbox.machine.load.ImageFile;
import nestbox.modules.Nestbox;
import nestbox.modules.NestboxConfiguration;
import nestbox.svm.silicon.SvmProvider;
import nestbox.vmx.silicon.VmxProvider;
import nestbox.x86.model.CpuModel;

/** L1 hypervisors with an L2, for what virtualization costs. They count the exits that they answer at 402000h. */
public final class Hypervisors {
    /** What is timed, and how many instructions retire for one operation. */
    public enum Guest {
        /** L2 loops on CPUID under EPT; L1 reads two fields, writes one and resumes. */
        VMX_ROUND_TRIP("Skylake-Server", 8),
        /** L2 loops on CPUID under nested paging; L1 reads exit code and RIP, writes RIP and runs it again. */
        SVM_ROUND_TRIP("EPYC-Milan", 9),
        /** L2 touches one page after another, more than the translation cache holds. */
        WALKS("Skylake-Server", 4);

        private final String model;
        private final int instructions;

        Guest(String model, int instructions) {
            this.model = model;
            this.instructions = instructions;
        }

        public int instructions() {
            return instructions;
        }

        private String source() {
            return switch (this) {
                case VMX_ROUND_TRIP -> vmxRoundTrip();
                case SVM_ROUND_TRIP -> Guests.read("svm.asm");
                case WALKS -> walks();
            };
        }
    }

    private static final long COUNTER = 0x402000;
    private static final long PREPARATION = 100_000;

    private static final int STATE_64 = 0x200;
    private static final int SECONDARY = 0x80000000;
    private static final int EPT_VPID = 0x22;

    private Hypervisors() {}

    /** A machine on which L2 runs already. */
    public static Machine started(Guest guest) {
        MachineConfig config = MachineConfig.builder(CpuModel.parse(guest.model))
                .memoryBytes(1L << 30)
                .virtualization(new VmxProvider().orElse(new SvmProvider()))
                .serial(OutputStream.nullOutputStream())
                .build();
        return started(new Machine(config), guest);
    }

    /** As {@link #started(Guest)}, with L0 between the silicon and L1. */
    public static Machine startedUnderL0(Guest guest) {
        NestboxConfiguration configuration = NestboxConfiguration.nested().toBuilder()
                .cpu(guest.model)
                .guestCpu(guest.model)
                .memoryBytes(1L << 30)
                .build();
        return started(Nestbox.create(configuration).machine(), guest);
    }

    private static Machine started(Machine machine, Guest guest) {
        machine.load(Guests.image(guest.name(), guest.source()), "", List.of());
        machine.run(PREPARATION);
        return machine;
    }

    /** The guest as an image that ends after so many exits, by the shutdown port of the peers that it runs on. */
    static ImageFile ending(Guest guest, int exits) {
        String count = "cmp qword [rbx], " + exits + "\n je shutdown\n";
        return Guests.image(guest.name(), guest.source().replace(";count", count) + Guests.read("shutdown.asm"));
    }

    /** Exits that L1 has answered. */
    static long exits(Machine machine) {
        return machine.memory().read(COUNTER, 8);
    }

    private static String vmxRoundTrip() {
        return vmx("""
                l2:
                    cpuid
                    jmp l2
                """);
    }

    private static String walks() {
        return vmx("""
                l2:
                    mov edi, 0x4000000
                touch:
                    mov rax, [rdi]
                    add rdi, 0x1000
                    cmp rdi, 0x8000000
                    jne touch
                    jmp l2
                """);
    }

    private static String vmx(String guest) {
        StringBuilder source = new StringBuilder(Guests.read("vmx.asm"));
        control(source, 0x4000, 0x481, 0);
        control(source, 0x4002, 0x482, SECONDARY);
        control(source, 0x400c, 0x483, STATE_64);
        control(source, 0x4012, 0x484, STATE_64);
        field(source, 0x401e, EPT_VPID);
        field(source, 0x201a, 0x60001e);
        field(source, 0x0000, 1);
        field(source, 0x2800, -1);
        for (int host = 0x6c00; host >= 0x6800; host -= 0x400) {
            for (int i = 0; i < 3; i++) {
                source.append(" mov rdx, cr").append(new int[] {0, 3, 4}[i]).append('\n');
                write(source, host + 2 * i);
            }
        }
        for (int i = 0; i < 7; i++) {
            field(source, 0xc00 + 2 * i, i == 1 ? 8 : i == 6 ? 24 : 16);
        }
        for (int i = 0; i < 8; i++) {
            field(source, 0x800 + 2 * i, i == 1 ? 8 : i == 7 ? 24 : 16);
            field(source, 0x4800 + 2 * i, i == 7 ? 0x67 : 0xffffffffL);
            field(source, 0x4814 + 2 * i, i == 1 ? 0xa09b : i == 6 ? 0x10000 : i == 7 ? 0x8b : 0xc093);
        }
        field(source, 0x681a, 0x400);
        field(source, 0x681c, 0x1e0000);
        field(source, 0x6820, 2);
        field(source, 0x6c14, 0x1f0000);
        source.append(" mov edx, l2\n");
        write(source, 0x681e);
        source.append(" mov edx, exit\n");
        write(source, 0x6c16);
        source.append("""
                    vmlaunch
                    jmp done
                exit:
                    vmread rax, rbp
                    vmread rdx, rsi
                    add rdx, 2
                    vmwrite rsi, rdx
                    inc qword [rbx]
                    ;count
                    vmresume
                    jmp done
                    align 8
                region:
                    dq 0x400000
                current:
                    dq 0x401000
                """);
        return source + guest;
    }

    private static void write(StringBuilder source, int field) {
        source.append(" mov eax, ").append(field).append("\n vmwrite rax, rdx\n");
    }

    private static void field(StringBuilder source, int field, long value) {
        source.append(" mov rdx, ").append(value).append('\n');
        write(source, field);
    }

    /** A control word: what its capability MSR demands, and {@code wanted}. */
    private static void control(StringBuilder source, int field, int msr, int wanted) {
        source.append(" mov ecx, ").append(msr).append("\n rdmsr\n or eax, ").append(wanted);
        source.append("\n mov edx, eax\n");
        write(source, field);
    }
}

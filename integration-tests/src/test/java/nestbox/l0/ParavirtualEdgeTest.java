package nestbox.l0;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import nestbox.machine.Outcome;
import nestbox.machine.load.ImageFile;
import nestbox.modules.L0Mode;
import nestbox.modules.Nestbox;
import nestbox.modules.NestboxConfiguration;
import nestbox.x86.insn.Asm;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** KVM's own edge (Linux documentation, "KVM CPUID bits", "Linux KVM Hypercall"), which bare silicon has not. */
class ParavirtualEdgeTest {
    private static final long RESULTS = 0x400000;
    private static final int UNKNOWN = 0;
    private static final int SELF_IPI = 1;
    private static final int LOGICAL = 2;
    private static final int NOBODY = 3;
    private static final int INTERRUPTS = 4;
    private static final int INVALID_OPCODES = 5;
    private static final int POLL = 6;
    private static final int SIGNATURE = 7;
    private static final int FEATURE_WORD = 10;

    /** Stores the results of CPUID and of hypercalls at 400000h; #UD skips three bytes. */
    private static final String CALLS = Guest32.START + """
                mov eax, invalid
                mov edi, 0x200000 + 6 * 8
                call gate
                mov eax, interrupt
                mov edi, 0x200000 + 0x40 * 8
                call gate
                mov ebp, 0x400000
                mov eax, 0x40000000
                cpuid
                mov [ebp + 28], ebx
                mov [ebp + 32], ecx
                mov [ebp + 36], edx
                mov eax, 1
                cpuid
                mov [ebp + 40], ecx
                mov eax, 999
                CALL
                mov [ebp], eax
                mov eax, 10
                mov ebx, 1
                xor ecx, ecx
                xor edx, edx
                mov esi, 0x40
                CALL
                mov [ebp + 4], eax
                sti
                nop
                cli
                mov eax, 10
                mov esi, 0x840
                CALL
                mov [ebp + 8], eax
                mov eax, 10
                mov edx, 0xffffffff
                mov esi, 0x40
                CALL
                mov [ebp + 12], eax
                mov eax, 1
                CALL
                mov [ebp + 24], eax
                xor eax, eax
                mov dx, 0xf4
                out dx, eax
                hlt
            gate:
                mov [edi], ax
                mov word [edi + 2], 8
                mov word [edi + 4], 0x8e00
                shr eax, 16
                mov [edi + 6], ax
                ret
            interrupt:
                inc dword [ebp + 16]
                mov dword [0xfee000b0], 0
                iret
            invalid:
                inc dword [ebp + 20]
                add dword [esp], 3
                iret
            """;

    private static int[] run(NestboxConfiguration configuration, String call) {
        Nestbox lab = Nestbox.create(configuration);
        lab.load(new ImageFile("calls", Asm.assemble(32, 0x100000, CALLS.replace("CALL", call))), "");
        Outcome outcome = lab.run(100_000);
        assertThat(outcome.kind()).as(outcome.detail()).isEqualTo(Outcome.Kind.DEBUG_EXIT);
        int[] results = new int[FEATURE_WORD + 1];
        for (int i = 0; i < results.length; i++) {
            results[i] = (int) lab.machine().memory().read(RESULTS + 4 * i, 4);
        }
        return results;
    }

    private static NestboxConfiguration configuration(String cpu, L0Mode l0) {
        return NestboxConfiguration.bareSilicon().toBuilder().cpu(cpu).l0(l0).build();
    }

    /** Without paging, which Nehalem (EPT, no unrestricted guest) and Penryn (no EPT) cannot run as it is. */
    @ParameterizedTest
    @CsvSource({
        "'max,+vmx', vmcall, TDP",
        "'max,+vmx', vmcall, SHADOW",
        "'Nehalem,+vmx', vmcall, TDP",
        "'Penryn,+vmx', vmcall, SHADOW",
        "EPYC, vmmcall, TDP",
        "EPYC, vmmcall, SHADOW"
    })
    void theGuestFindsKvmAndCallsIt(String cpu, String call, L0Mode l0) {
        int[] results = run(configuration(cpu, l0), call);
        assertThat(List.of(results[SIGNATURE], results[SIGNATURE + 1], results[SIGNATURE + 2]))
                .containsExactly(0x4b4d564b, 0x564b4d56, 0x4d);
        assertThat(results[FEATURE_WORD]).as("hypervisor bit").isNegative();
        assertThat(results[UNKNOWN]).isEqualTo(-1000);
        assertThat(results[SELF_IPI]).as("processors that took it").isEqualTo(1);
        assertThat(results[INTERRUPTS]).isEqualTo(1);
        assertThat(results[LOGICAL]).isEqualTo(-22);
        assertThat(results[NOBODY]).isZero();
        assertThat(results[POLL]).isZero();
        assertThat(results[INVALID_OPCODES]).isZero();
    }

    @ParameterizedTest
    @CsvSource({"'max,+vmx', vmcall", "EPYC, vmmcall"})
    void bareSiliconHasNoneOfIt(String cpu, String call) {
        int[] results = run(configuration(cpu, L0Mode.NONE), call);
        assertThat(results[SIGNATURE]).isNotEqualTo(0x4b4d564b);
        assertThat(results[FEATURE_WORD]).isNotNegative();
        assertThat(results[INVALID_OPCODES]).isEqualTo(5);
    }

    @ParameterizedTest
    @CsvSource({"'max,+vmx', vmmcall, TDP", "'max,+vmx', vmmcall, SHADOW", "EPYC, vmcall, TDP", "EPYC, vmcall, SHADOW"})
    void theOtherVendorsCallIsInvalidOrRewritten(String cpu, String call, L0Mode l0) {
        NestboxConfiguration exact = configuration(cpu, l0);
        assertThat(run(exact, call)[INVALID_OPCODES]).isEqualTo(5);
        NestboxConfiguration patching =
                exact.toBuilder().policy("hypercall.patch", "on").build();
        int[] results = run(patching, call);
        assertThat(results[INVALID_OPCODES]).isZero();
        assertThat(results[UNKNOWN]).isEqualTo(-1000);
        assertThat(results[INTERRUPTS]).isEqualTo(1);
    }
}

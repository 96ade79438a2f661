package nestbox.vmx.silicon;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import nestbox.machine.Machine;
import nestbox.machine.MachineConfig;
import nestbox.machine.Outcome;
import nestbox.machine.load.ImageFile;
import nestbox.vmx.VmxModel;
import nestbox.vmx.capability.CapabilityWord;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.capability.VmxModels;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.insn.Asm;
import nestbox.x86.model.CpuModel;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The same L1 hypervisor on processors from before EPT and VPID to the newest: each behaves as its capability MSRs say. */
class ModelsTest {
    private static final int CONTROLS = 7;
    private static final int VMCALL = 18;

    private static VmxModel model(String name) {
        CpuModel cpu = CpuModel.parse(name);
        return VmxModel.of(cpu, VmxModels.features(cpu, Hidden.features()));
    }

    private static Machine run(Hypervisor l1, String name, String policy, Outcome.Kind expected) {
        Machine machine = l1.machine(name, policy);
        Outcome outcome = machine.run(1_000_000);
        assertThat(outcome.kind()).as(outcome.detail()).isEqualTo(expected);
        return machine;
    }

    /** L2 reads its page and calls; L1 moves the page, in the EPT or, without one, in L2's own tables, and may invalidate. */
    private static int seen(String name, String policy, boolean invalidates) {
        VmxModel model = model(name);
        boolean ept = model.has(VmxFeature.ENABLE_EPT);
        boolean vpid = model.has(VmxFeature.ENABLE_VPID);
        String move = ept
                ? "mov dword [" + (Hypervisor.EPT_PD + 8 * 4) + "], 0xa000b7\n"
                : "mov dword [0x300008], 0xc00087\n";
        String invalidate = ept ? "mov eax, 1\ninvept eax, [invept_descriptor]\n" : "";
        Hypervisor l1 = new Hypervisor(ept, vpid)
                .asm("mov dword [0x800000], 1\nmov dword [0xa00000], 2\nmov dword [0xc00000], 2\n")
                .asm("vmlaunch\nfailed:\n" + Hypervisor.END)
                .asm("exit:\nmov [" + Hypervisor.RESULTS + "], ebx\ninc dword [count]\ncmp dword [count], 2\nje done\n")
                .asm(move + (invalidates ? invalidate : "") + Hypervisor.RESUME_BEHIND + "jmp failed\ndone:\n")
                .result(VmcsField.VM_EXIT_REASON, 1)
                .asm(Hypervisor.END + "l2:\nmov ebx, [0x800000]\nvmcall\nmov ebx, [0x800000]\nvmcall\ncount: dd 0\n");
        Machine machine = run(l1, name, policy, Outcome.Kind.DEBUG_EXIT);
        assertThat(Hypervisor.result(machine, 1)).isEqualTo(VMCALL);
        return Hypervisor.result(machine, 0);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "Conroe",
                "Penryn",
                "Nehalem",
                "Westmere",
                "IvyBridge",
                "Haswell",
                "Skylake-Server",
                "Icelake-Server",
                "SapphireRapids"
            })
    void aCorrectHypervisorWorksEverywhereAndAForgetfulOneUntilKeep(String cpu) {
        String name = cpu + ",+vmx";
        assertThat(seen(name, "keep", true)).isEqualTo(2);
        assertThat(seen(name, "none", true)).isEqualTo(2);
        assertThat(seen(name, "none", false)).isEqualTo(2);
        // Before EPT and VPID every transition dropped everything, so nothing could be forgotten.
        assertThat(seen(name, "keep", false)).isEqualTo(model(name).has(VmxFeature.ENABLE_EPT) ? 1 : 2);
    }

    /** EPT and VPID came together, two generations after VMX; unrestricted guest a generation later. */
    @ParameterizedTest
    @CsvSource({
        "Penryn,false,false,false",
        "Nehalem,true,true,false",
        "Westmere,true,true,true",
        "IvyBridge,true,true,true",
        "Skylake-Server,true,true,true",
        "SapphireRapids,true,true,true"
    })
    void generations(String cpu, boolean ept, boolean vpid, boolean unrestricted) {
        VmxModel model = model(cpu + ",+vmx");
        assertThat(model.has(VmxFeature.ENABLE_EPT)).isEqualTo(ept);
        assertThat(model.has(VmxFeature.ENABLE_VPID)).isEqualTo(vpid);
        assertThat(model.has(VmxFeature.UNRESTRICTED_GUEST)).isEqualTo(unrestricted);
    }

    /** Every secondary control that the MSR does not allow fails the entry with error 7. */
    @ParameterizedTest
    @ValueSource(strings = {"Penryn", "Nehalem", "IvyBridge", "Skylake-Server", "SapphireRapids"})
    void controlsThatTheModelLacksAreRefused(String cpu) {
        String name = cpu + ",+vmx";
        VmxModel model = model(name);
        int refused = 0;
        for (VmxFeature feature : VmxFeature.values()) {
            boolean late = feature.mask() >>> 32 != 0;
            if (feature.word() != CapabilityWord.SECONDARY || late || model.has(feature)) {
                continue;
            }
            Hypervisor l1 = new Hypervisor(false, false)
                    .asm("mov ecx, 0x482\nrdmsr\nor eax, 0x80000000\nmov edx, eax\n")
                    .asm("mov eax, " + VmcsField.CPU_BASED_VM_EXEC_CONTROL.encoding() + "\nvmwrite eax, edx\n")
                    .field(VmcsField.SECONDARY_VM_EXEC_CONTROL, feature.mask())
                    .asm("vmlaunch\nexit:\nl2:\n")
                    .result(VmcsField.VM_INSTRUCTION_ERROR, 0)
                    .asm(Hypervisor.END);
            int error = Hypervisor.result(run(l1, name, "keep", Outcome.Kind.DEBUG_EXIT), 0);
            assertThat(error).as("%s %s", cpu, feature).isEqualTo(CONTROLS);
            refused++;
        }
        assertThat(refused).isGreaterThan(0);
    }

    /** INVEPT, INVVPID and the MSR that tells their types are #UD and #GP before there was EPT: L1 has no IDT and shuts down. */
    @ParameterizedTest
    @CsvSource({
        "Penryn,SHUTDOWN",
        "Nehalem,DEBUG_EXIT",
        "IvyBridge,DEBUG_EXIT",
        "Skylake-Server,DEBUG_EXIT",
        "SapphireRapids,DEBUG_EXIT"
    })
    void instructionsOfTheModel(String cpu, Outcome.Kind outcome) {
        for (String text : List.of(
                "mov eax, 2\ninvept eax, [invept_descriptor]\n",
                "mov eax, 2\ninvvpid eax, [invvpid_descriptor]\n",
                "mov ecx, 0x48c\nrdmsr\n")) {
            Hypervisor l1 = new Hypervisor(false, false).asm(text + "exit:\nl2:\n" + Hypervisor.END);
            run(l1, cpu + ",+vmx", "keep", outcome);
        }
    }

    private static final String PCID_PROGRAM = """
            dd 0x1BADB002, 0x10000, 0xE4514FFE
            dd 0x100000, 0x100000, 0, 0, start
            start:
                mov dword [0x300000], 0x301007
                mov dword [0x301000], 0x302007
                mov edi, 0x302000
                mov eax, 0x87
            fill:
                mov [edi], eax
                add eax, 0x200000
                add edi, 8
                cmp edi, 0x302080
                jne fill
                mov dword [0x800000], 1
                mov dword [0xa00000], 2
                mov eax, 0x300000
                mov cr3, eax
                mov eax, 0x20
                mov cr4, eax
                mov ecx, 0xc0000080
                rdmsr
                or eax, 0x100
                wrmsr
                mov eax, 0x80000011
                mov cr0, eax
                lgdt [gdt_pointer]
                jmp 8:wide
            align 8
            gdt: dq 0, 0x00af9b000000ffff
            gdt_pointer: dw 15
                dd gdt
            bits 64
            wide:
                mov rax, cr4
                bts rax, 17
                mov cr4, rax
                mov esi, 0x300001
                mov cr3, rsi
                mov ebx, [0x800000]
                mov edi, 0x300002
                mov cr3, rdi
                mov dword [0x302020], 0xa00087
                %s
                bts rsi, 63
                mov cr3, rsi
                mov ebx, [0x800000]
                mov [0x500000], ebx
                mov al, 1
                out 0xf4, al
                hlt
            align 8
            descriptor: dq 1, 0x800000
            """;

    /** A hypervisor edits an address space that is not the current one, and forgets INVPCID. */
    @ParameterizedTest
    @CsvSource({"keep,-1,1", "none,-1,2", "keep,0,2", "keep,1,2", "keep,2,2", "keep,3,2", "none,1,2"})
    void forgottenInvpcid(String policy, int type, int seen) {
        String invalidate = type < 0 ? "" : "mov eax, " + type + "\ninvpcid rax, [descriptor]\n";
        Machine machine = new Machine(MachineConfig.builder(CpuModel.parse("Haswell,+vmx"))
                .memoryBytes(32 << 20)
                .tlbPolicy(policy)
                .virtualization(new VmxProvider())
                .build());
        String text = String.format(java.util.Locale.ROOT, PCID_PROGRAM, invalidate);
        machine.load(new ImageFile("pcid", Asm.assemble(32, 0x100000, text)), "", List.of());
        Outcome outcome = machine.run(100_000);
        assertThat(outcome.kind()).as(outcome.detail()).isEqualTo(Outcome.Kind.DEBUG_EXIT);
        assertThat(Hypervisor.result(machine, 0)).isEqualTo(seen);
    }
}

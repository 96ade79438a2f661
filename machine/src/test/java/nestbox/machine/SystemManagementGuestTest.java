package nestbox.machine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;
import nestbox.machine.load.ImageFile;
import nestbox.x86.insn.Asm;
import nestbox.x86.model.CpuModel;
import nestbox.x86.model.Vendor;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A firmware of the test's own that makes SMIs by port B2h (PIIX4, "Advanced Power Management Control Port") and by the local
 * APIC's ICR, and moves its handler to SMRAM between them (440FX, "SMRAM"; SDM Vol. 3, "System Management Mode"; APM Vol. 2,
 * "System-Management Mode"). It leaves through port F4h.
 */
class SystemManagementGuestTest {
    private static final int ROM = 0x10000;
    private static final int BASE = 0xf0000;
    private static final int PROTECTED = 0x1000;
    private static final int FIRST_AT = 0x2000;
    private static final int SECOND_AT = 0x3000;
    private static final int GDT = 0x800;

    private static final String REAL = """
            lgdt [cs:0x818]
            mov eax, cr0
            or al, 1
            mov cr0, eax
            db 0x66, 0xea, 0x00, 0x10, 0x0f, 0x00, 0x08, 0x00
            """;

    /** Counts at 5000h, notes the revision of the save map and the command, and moves SMBASE, which is in its map, to A0000h. */
    private static final String FIRST = """
            inc dword [0x5000]
            mov eax, [cs:0xfefc]
            mov [0x5004], eax
            in al, 0xb2
            mov [0x5008], al
            mov dword [cs:%s], 0xa0000
            rsm
            """;

    /** Runs in SMRAM: counts at 500Ch. */
    private static final String SECOND = """
            inc dword [0x500c]
            rsm
            """;

    private static final String GUEST = """
                mov eax, 16
                mov ds, eax
                mov es, eax
                mov ss, eax
                mov esp, 0x90000
                mov esi, 0xf2000
                mov edi, 0x38000
                mov ecx, 64
                rep movsb
                mov eax, 0x80000070
                call configure
                mov dl, 0xfe
                mov al, 0x4a
                out dx, al
                mov esi, 0xf3000
                mov edi, 0xa8000
                mov ecx, 64
                rep movsb
                mov dl, 0xfe
                mov al, 0x0a
                out dx, al
                mov eax, 0x80000b58
                call configure
                mov eax, 0x2000000
                out dx, eax
                mov ebx, 0x1234
                mov al, 0x5a
                out 0xb2, al
                nop
                mov ecx, [0x5000]
                mov dword [0xfee000f0], 0x1ff
                mov dword [0xfee00300], 0x40200
                nop
                lea eax, [ecx * 2 + ecx]
                add eax, [0x500c]
                mov edx, [0xa8000]
                cmp edx, [0xf3000]
                je bad
                cmp ebx, 0x1234
                je exit
            bad:
                mov eax, 0x7f
            exit:
                mov dx, 0xf4
                out dx, eax
                hlt
            configure:
                mov dx, 0xcf8
                out dx, eax
                mov dx, 0xcfc
                ret
            """;

    private static byte[] rom(boolean amd) {
        byte[] rom = new byte[ROM];
        Arrays.fill(rom, (byte) 0x90);
        put(rom, 0, Asm.assemble(16, 0, REAL));
        put(rom, GDT, Asm.assemble(32, 0, "dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff\ndw 23\ndd 0xf0800"));
        put(rom, PROTECTED, Asm.assemble(32, BASE + PROTECTED, GUEST));
        put(rom, FIRST_AT, Asm.assemble(16, 0x8000, FIRST.formatted(amd ? "0xff00" : "0xfef8")));
        put(rom, SECOND_AT, Asm.assemble(16, 0x8000, SECOND));
        put(rom, 0xfff0, new byte[] {(byte) 0xea, 0, 0, 0, (byte) 0xf0});
        return rom;
    }

    private static void put(byte[] rom, int at, byte[] code) {
        System.arraycopy(code, 0, rom, at, code.length);
    }

    @ParameterizedTest
    @ValueSource(strings = {"max", "Penryn", "SierraForest", "max,vendor=AuthenticAMD", "Opteron_G1", "EPYC-Milan"})
    void byPortAndByIcr(String model) {
        CpuModel cpu = CpuModel.parse(model);
        Machine machine = new Machine(
                MachineConfig.builder(cpu).memoryBytes(16 << 20).screen(true).build());
        boolean amd = cpu.vendor() == Vendor.AMD;
        machine.load(new ImageFile("rom", rom(amd)), "", List.of());
        Outcome outcome = machine.run(100_000);
        assertThat(outcome.kind()).as(outcome.detail()).isEqualTo(Outcome.Kind.DEBUG_EXIT);
        assertThat(outcome.code()).as("one SMI each, and SMRAM is closed").isEqualTo(3 + 1);
        assertThat(machine.memory().read(0x5008, 1)).as("the command").isEqualTo(0x5a);
        long revision = machine.memory().read(0x5004, 4);
        assertThat(revision >>> 17).as("SMBASE can be moved").isEqualTo(1);
        assertThat((revision & 0xffff) == 0x64).as("AMD64's save map").isEqualTo(amd);
    }
}

package nestbox.l0;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import nestbox.core.StateWriter;
import nestbox.machine.Outcome;
import nestbox.machine.load.ImageFile;
import nestbox.mmu.core.Gva;
import nestbox.mmu.paging.Access;
import nestbox.modules.L0Mode;
import nestbox.modules.Nestbox;
import nestbox.modules.NestboxConfiguration;
import nestbox.modules.NestboxModule;
import nestbox.testkit.scenario.Scenarios;
import nestbox.vmx.capability.VmxCapability;
import nestbox.x86.Cpu;
import nestbox.x86.CpuState;
import nestbox.x86.insn.Asm;
import nestbox.x86.insn.Assembly;

/** An L1 in machine code that stands before its nested entry, in one of the ways to run L2. */
final class EntryLab {
    /** Which control structure L1 uses. */
    enum Vendor {
        VMX("max,+vmx", "EPT"),
        SVM("EPYC-Milan", "NPT");

        final String model;
        private final String tdp;

        Vendor(String model, String tdp) {
            this.model = model;
            this.tdp = tdp;
        }
    }

    /** What L0 and L1 use; BARE and BARE_TDP are the silicon, for comparison. */
    enum Way {
        SHADOW_ON_SHADOW(L0Mode.SHADOW, false),
        SHADOW_ON_TDP(L0Mode.TDP, false),
        NESTED_TDP(L0Mode.TDP, true),
        BARE(L0Mode.NONE, false),
        BARE_TDP(L0Mode.NONE, true);

        final L0Mode mode;
        final boolean tdp;

        Way(L0Mode mode, boolean tdp) {
            this.mode = mode;
            this.tdp = tdp;
        }

        Way bare() {
            return tdp ? BARE_TDP : BARE;
        }
    }

    /** Nothing is wrong with vmcs12 or vmcb12. */
    static final int GOOD = 0;
    /** L2's state is illegal. */
    static final int BAD_STATE = 1;
    /** The first MSR of the list cannot be loaded (VMX), or PDPTEs are illegal (SVM). */
    static final int BAD_LIST = 2;
    /** The second MSR of the list cannot be loaded (VMX). */
    static final int BAD_SECOND = 3;
    /** The list has one MSR more than the recommended maximum (VMX). */
    static final int LONG_LIST = 4;

    private static final Map<String, Long> DISTANCES = new HashMap<>();
    private static final long LIMIT = 200_000;
    private static final int PAGE = 4096;
    private static final int ROM = 0x10000;
    /** L1's VMCS or VMCB. */
    static final long CONTROL = 0x401000;
    /** What differs between a good and a bad L1, and between L0 and silicon: constants, lists, L2's PDPTEs, the revision of VMX. */
    static final Set<Long> DIFFERENT = Set.of(CONTROL, 0x400000L, 0x100000L, 0x30a000L, 0x301000L);

    final Nestbox lab;
    private final Assembly program;
    private final ImageFile image;
    private final ByteArrayOutputStream serial = new ByteArrayOutputStream();

    private EntryLab(NestboxConfiguration configuration, Assembly program) {
        this(configuration, program, new ImageFile("entry", program.bytes()));
    }

    private EntryLab(NestboxConfiguration configuration, Assembly program, ImageFile image) {
        this.program = program;
        this.image = image;
        lab = Nestbox.create(configuration, new NestboxModule() {
            @Override
            protected void configure() {
                serial(serial);
            }
        });
        lab.load(image, "");
    }

    static NestboxConfiguration configuration(Vendor vendor, Way way) {
        NestboxConfiguration.Builder builder = NestboxConfiguration.nested().toBuilder()
                .cpu(vendor.model)
                .guestCpu(way.mode == L0Mode.NONE ? "" : vendor.model)
                .l0(way.mode);
        return builder.build();
    }

    /** A machine of the same kind, to restore a state of this one. */
    EntryLab another() {
        return new EntryLab(lab.configuration(), program, image);
    }

    /** What has been printed on this machine. */
    String printed() {
        return serial.toString(StandardCharsets.ISO_8859_1);
    }

    /** L1 is about to execute its nested entry. */
    static EntryLab before(Vendor vendor, Way way, int bad, NestboxConfiguration configuration) {
        Assembly program = assemble(vendor, way, bad);
        return at(vendor, way, bad + "", configuration, program, new ImageFile("entry", program.bytes()));
    }

    /**
     * As {@link #before}, but L1 is started by a firmware of its own, which has a handler of SMIs.
     *
     * @param handler 16-bit code at SMBASE + 8000h
     */
    static EntryLab withFirmware(Vendor vendor, Way way, NestboxConfiguration configuration, String handler) {
        Assembly program = assemble(vendor, way, GOOD);
        return at(vendor, way, "rom", configuration, program, firmware(program, handler));
    }

    private static EntryLab at(
            Vendor vendor,
            Way way,
            String kind,
            NestboxConfiguration configuration,
            Assembly program,
            ImageFile image) {
        EntryLab entry = new EntryLab(configuration, program, image);
        long steps = DISTANCES.computeIfAbsent(
                vendor + "/" + way.tdp + "/" + kind,
                key -> new EntryLab(configuration(vendor, way.bare()), program, image).walk());
        entry.lab.run(steps);
        if (entry.cpu().rip != program.address("attempt")) {
            throw new AssertionError("stands at " + Long.toHexString(entry.cpu().rip));
        }
        return entry;
    }

    private long walk() {
        long steps = 0;
        while (cpu().rip != program.address("attempt")) {
            Outcome outcome = lab.run(1);
            if (outcome.kind() != Outcome.Kind.LIMIT || ++steps > LIMIT) {
                throw new AssertionError("no nested entry: " + outcome);
            }
        }
        return steps;
    }

    private static Assembly assemble(Vendor vendor, Way way, int bad) {
        String name = "entry-" + vendor.name().toLowerCase(java.util.Locale.ROOT) + ".asm";
        try (InputStream in = EntryLab.class.getResourceAsStream(name)) {
            String source = new String(in.readAllBytes(), StandardCharsets.UTF_8);
            String head =
                    vendor.tdp + " equ " + (way.tdp ? 1 : 0) + "\nBAD equ " + bad + "\nCOUNT equ " + count(bad) + "\n";
            String more = vendor == Vendor.VMX ? Scenarios.include("vmx32") : "";
            return Asm.program(32, 0x100000, head + source + more);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static int count(int bad) {
        return switch (bad) {
            case BAD_SECOND -> 2;
            case LONG_LIST -> VmxCapability.MSR_LIST_MAXIMUM + 1;
            default -> 1;
        };
    }

    /** A ROM that goes to protected mode, puts the program and the handler in their places, and starts the program. */
    private static ImageFile firmware(Assembly program, String handler) {
        byte[] smm = Asm.assemble(16, 0x8000, handler);
        byte[] code =
                Asm.assemble(16, 0xf0000, """
                cli
                lgdt [cs:gdtr - 0xf0000]
                mov eax, cr0
                or al, 1
                mov cr0, eax
                jmp dword 8:protected
                bits 32
                protected:
                mov eax, 16
                mov ds, eax
                mov es, eax
                mov ss, eax
                cld
                fninit
                mov esi, 0xf4000
                mov edi, 0x100000
                mov ecx, %d
                rep movsb
                mov esi, 0xf2000
                mov edi, 0x38000
                mov ecx, %d
                rep movsb
                jmp %d
                align 8
                gdt: dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
                gdtr: dw 23
                dd gdt
                """.formatted(program.bytes().length, smm.length, program.address("start")));
        byte[] rom = new byte[ROM];
        System.arraycopy(code, 0, rom, 0, code.length);
        System.arraycopy(smm, 0, rom, 0x2000, smm.length);
        System.arraycopy(program.bytes(), 0, rom, 0x4000, program.bytes().length);
        byte[] vector = {(byte) 0xea, 0, 0, 0, (byte) 0xf0};
        System.arraycopy(vector, 0, rom, ROM - 16, vector.length);
        return new ImageFile("firmware", rom);
    }

    Cpu cpu() {
        return lab.machine().cpu(0);
    }

    long address(String label) {
        return program.address(label);
    }

    Outcome step() {
        return lab.run(1);
    }

    /** Runs to the end; what L1 has printed in all. */
    String finish() {
        Outcome outcome = lab.run(LIMIT);
        String printed = serial.toString(StandardCharsets.ISO_8859_1);
        return outcome.kind() == Outcome.Kind.DEBUG_EXIT ? printed : printed + " " + outcome;
    }

    /** All of the processor's state, but RIP, flags and time as given: what an instruction that fails may change. */
    byte[] state(long rip, long rflags, long ticks) {
        Cpu c = cpu();
        long ripNow = c.rip;
        long rflagsNow = c.rflags();
        long ticksNow = c.ticks;
        c.rip = rip;
        c.setRflags(rflags);
        c.ticks = ticks;
        byte[] state = state();
        c.rip = ripNow;
        c.setRflags(rflagsNow);
        c.ticks = ticksNow;
        return state;
    }

    /**
     * Where the states of two processors differ, as {@code offset: this, other}. Their counts of instructions may, and the MSRs that
     * a processor keeps for VMX and SVM.
     */
    List<String> differences(EntryLab other) {
        byte[] mine = withoutMsrs(other.cpu().ticks);
        byte[] theirs = other.withoutMsrs(other.cpu().ticks);
        List<String> found = new ArrayList<>();
        for (int i = 0; i < Math.max(mine.length, theirs.length); i++) {
            int a = i < mine.length ? mine[i] & 0xff : -1;
            int b = i < theirs.length ? theirs[i] & 0xff : -1;
            if (a != b) {
                found.add(i + ": " + a + ", " + b);
            }
        }
        return found;
    }

    private byte[] withoutMsrs(long ticks) {
        StateWriter msrs = new StateWriter();
        cpu().msrs.save(msrs);
        HexFormat hex = HexFormat.of();
        String all = hex.formatHex(state(cpu().rip, cpu().rflags(), ticks));
        return hex.parseHex(all.replace(hex.formatHex(msrs.toByteArray()), ""));
    }

    byte[] state() {
        StateWriter out = new StateWriter();
        CpuState.save(cpu(), out);
        return out.toByteArray();
    }

    /**
     * Digests of memory, page by page.
     *
     * @param but pages that do not count
     */
    SortedMap<Long, Integer> memory(Set<Long> but) {
        SortedMap<Long, Integer> digests = new TreeMap<>();
        lab.machine().memory().visitContents((physical, data) -> {
            for (int at = 0; at < data.length; at += PAGE) {
                byte[] page = Arrays.copyOfRange(data, at, Math.min(data.length, at + PAGE));
                if (!but.contains(physical + at)) {
                    digests.put(physical + at, Arrays.hashCode(page));
                }
            }
        });
        return digests;
    }

    /** Where the MMIO cache leads a read of a linear address, or -1. */
    long mmioCached(long linear) {
        return vcpu().mmu().mmioMatch(new Gva(linear), Access.READ);
    }

    Vcpu vcpu() {
        return lab.hypervisor().orElseThrow().vcpus().get(0);
    }
}

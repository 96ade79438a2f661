package nestbox.testkit.differential;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import nestbox.machine.Machine;
import nestbox.machine.load.ImageFile;
import nestbox.mmu.memory.PhysicalMemory;
import nestbox.x86.insn.Asm;
import nestbox.x86.insn.Assembly;

/** L1's image of one vendor, its guests' code of one word size, and what a case puts into memory beside them. */
final class NestedImage {
    private static final int FAULTS = 32;
    private static final int WITH_ERROR = 1 << 8 | 0x1f << 10 | 1 << 17 | 1 << 21 | 1 << 29 | 1 << 30;
    private static final int NMI = 2;
    private static final int GATES = 256;
    private static final long LARGE = 0x83;

    private final NestedVendor vendor;
    private final CaseImage guest;
    private final Assembly hypervisor;

    NestedImage(NestedVendor vendor, boolean wide) {
        this.vendor = vendor;
        String rows = Arrays.stream(L2Op.values()).map(L2Op::label).collect(Collectors.joining(", "));
        guest = new CaseImage(
                wide,
                CaseImage.resource("l2.asm").replace("$hypercall", vendor.hypercall),
                words(CaseImage.resource("l2-steps.asm"), wide),
                (wide ? "        dq " : "        dd ") + rows);
        hypervisor = Asm.program(32, NestedLayout.L1, source());
    }

    private String words(String text, boolean wide) {
        return text.replace("$hypercall", vendor.hypercall)
                .replace("$pushf", wide ? "pushfq" : "pushfd")
                .replace("$popf", wide ? "popfq" : "popfd")
                .replace("$sp", wide ? "rsp" : "esp");
    }

    private String source() {
        String rows = Arrays.stream(L1Op.values()).map(op -> op.label(vendor)).collect(Collectors.joining(", "));
        String constants = NestedLayout.constants() + "TURN equ " + Layout.TURN + "\nSTEPS equ " + Layout.STEPS
                + "\nLOG equ " + Layout.LOG + "\nSTACKS equ " + Layout.STACKS + "\nAPIC equ " + Layout.APIC
                + "\nL2_NEXT equ " + l2("next") + "\nL1_CR4 equ " + (vendor == NestedVendor.INTEL ? 0x2020 : 0x20)
                + "\nL1_EFER equ " + (vendor == NestedVendor.INTEL ? 0x900 : 0x1900) + "\n";
        String text = CaseImage.resource("l1.asm") + CaseImage.resource(vendor.source);
        return constants + text.replace("$faults", faults()).replace("$operations", rows);
    }

    private static String faults() {
        StringBuilder text = new StringBuilder();
        for (int vector = 0; vector < FAULTS; vector++) {
            text.append("fault").append(vector).append(": ");
            text.append((WITH_ERROR >>> vector & 1) != 0 ? "pop rax" : "xor eax, eax");
            text.append("\n        or eax, ").append(vector << 16).append("\n        jmp fault\n");
        }
        return text.toString();
    }

    /** An address in L2's code. */
    long l2(String label) {
        return guest.address(label);
    }

    /** Where L1 stands after an exit, on Intel's processors. */
    long left() {
        return hypervisor.address("left");
    }

    /** Loads both levels and the case; the machine is ready to run. */
    void load(Machine machine, NestedCase nested) {
        machine.load(new ImageFile("nested-differential", hypervisor.bytes()), "", List.of());
        PhysicalMemory memory = machine.memory();
        memory.copyIn(Layout.IMAGE, guest.bytes(), 0, guest.bytes().length);
        guest.surroundings(memory, nested.shape(), 2, nested.tables());
        for (int cpu = 0; cpu < 2; cpu++) {
            // VM entries and VMLOAD want a task that is busy.
            memory.write(Layout.GDT + 0x3d + 16L * cpu, 1, 0x8b);
        }
        guest.gate(memory, NMI, "nmi", 0x8e);
        guest.gate(memory, 0x91, "int91", 0xee);
        for (int vector = 0; vector < GATES; vector++) {
            guest.gate(memory, NestedLayout.PROBE_IDT, vector, "probe", 0xee);
        }
        memory.write(NestedLayout.NUMBERS, 4, -1);
        memory.write(NestedLayout.ENTRY_FLAGS, 4, 2);
        paging(memory);
        descriptors(memory);
        nested.words().forEach((address, value) -> memory.write(address, 8, value));
        steps(memory, nested.steps());
    }

    private static void steps(PhysicalMemory memory, List<NestedStep> steps) {
        long at = Layout.STEPS;
        for (NestedStep step : steps) {
            memory.write(at, 8, step.number() | (long) step.who() << 16);
            memory.write(at + 8, 8, step.a());
            memory.write(at + 16, 8, step.b());
            memory.write(at + 24, 8, step.c());
            at += Step.BYTES;
        }
    }

    /** The first gigabyte and the last below four, identically. */
    private static void paging(PhysicalMemory memory) {
        long root = NestedLayout.ROOT;
        memory.write(root, 8, root + 0x1003);
        for (int i = 0; i < 4; i += 3) {
            long directory = root + 0x2000 + 0x1000L * i;
            memory.write(root + 0x1000 + 8L * i, 8, directory | 3);
            for (int k = 0; k < 512; k++) {
                memory.write(directory + 8L * k, 8, (long) i << 30 | (long) k << 21 | LARGE);
            }
        }
    }

    private void descriptors(PhysicalMemory memory) {
        long[] flat = {0, 0x00cf9b000000ffffL, 0x00cf93000000ffffL, 0x00af9b000000ffffL};
        for (int i = 0; i < flat.length; i++) {
            memory.write(NestedLayout.GDT + 8L * i, 8, flat[i]);
        }
        long tss = NestedLayout.GDT + 0x800;
        memory.write(NestedLayout.GDT + 0x38, 8, 0x67 | (tss & 0xffffff) << 16 | 0x89L << 40 | tss >>> 24 << 56);
        memory.write(NestedLayout.GDT + 0x100, 2, 0xff);
        memory.write(NestedLayout.GDT + 0x102, 8, NestedLayout.GDT);
        memory.write(NestedLayout.GDT + 0x110, 2, 0xfff);
        memory.write(NestedLayout.GDT + 0x112, 8, NestedLayout.IDT);
        for (int vector = 0; vector < GATES; vector++) {
            long handler = hypervisor.address(vector == NMI ? "nmi" : vector < FAULTS ? "fault" + vector : "interrupt");
            long at = NestedLayout.IDT + 16L * vector;
            memory.write(at, 8, handler & 0xffff | 0x18L << 16 | 0x8eL << 40 | (handler >>> 16 & 0xffff) << 48);
        }
    }
}

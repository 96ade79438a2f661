package nestbox.testkit.guest;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.UnaryOperator;
import nestbox.machine.load.ImageFile;
import nestbox.x86.insn.Asm;
import nestbox.x86.insn.Assembly;

/**
 * A guest image from building blocks and a few lines of assembly: an L1 with an L2 is
 *
 * <pre>{@code
 * Guest l1 = Guest.longMode()
 *         .page("secret", 42)
 *         .ept("ept", t -> t.identity(16 << 20).map(0x40000000L, "secret"))
 *         .tables("l2_tables", t -> t.identity(16 << 20).map(0x50000000L, 0x40000000L))
 *         .vmcs("vmcs", v -> v.ept("ept").cr3("l2_tables"))
 *         .body("vmlaunch \n jmp vmx_failed")
 *         .label("l2", "mov rax, [0x50000000] \n vmcall");
 * }</pre>
 *
 * <p>Blocks take frames of memory from 2 MiB up and give them labels; what stands in them is written before the guest's own code
 * runs. That code begins in the mode that the factory names, with a GDT, a stack at {@code l1_stack}, and an IDT whose gates print an
 * exception's vector, error code and address and end the run with debug exit 40h + vector. It may call {@code print} (text at ESI),
 * {@code putc} (AL), {@code hex} (RAX) and ends by jumping to {@code finish} (debug exit 0), {@code tell} (prints AL first) or
 * {@code quit} (debug exit in EAX). {@link #source} shows all of it.
 */
public final class Guest {
    /** Where images begin. */
    public static final long LOAD = 0x100000;
    /** A physical address at which no machine has memory or a device: it reads as ones. */
    public static final long NO_MEMORY = 0xd0000000L;

    private static final long STACK = 0x1f0000;
    private static final long L2_STACK = 0x1e0000;

    private final GuestMode mode;
    private final Frames frames = new Frames();
    private final Map<String, PageTables> tables = new LinkedHashMap<>();
    private final Map<String, VmcsBlock> vmcses = new LinkedHashMap<>();
    private final Map<String, VmcbBlock> vmcbs = new LinkedHashMap<>();
    private final Map<Integer, String> handlers = new LinkedHashMap<>();
    private final StringBuilder parts = new StringBuilder();
    private final StringBuilder equates = new StringBuilder();
    private String body = "        jmp finish\n";
    private long cr0;
    private long cr4;
    private long efer;
    private String root;

    private Guest(GuestMode mode) {
        this.mode = mode;
        frames.take("idt");
    }

    /** 64-bit mode with four-level paging. */
    public static Guest longMode() {
        return new Guest(GuestMode.LONG);
    }

    /** 32-bit code with PAE paging. */
    public static Guest pae() {
        return new Guest(GuestMode.PAE);
    }

    /** 32-bit code with two-level paging and 4-MiB pages. */
    public static Guest twoLevel() {
        return new Guest(GuestMode.LEGACY);
    }

    /** 32-bit protected mode without paging. */
    public static Guest protectedMode() {
        return new Guest(GuestMode.PROTECTED);
    }

    /**
     * Page tables for a CR3 of the guest's mode. The first ones are in use when its code begins; without any, the first GiB is mapped
     * to itself.
     */
    public Guest tables(String name, UnaryOperator<PageTables> block) {
        if (mode.tables == null) {
            throw new IllegalArgumentException("tables " + name + " for a guest without paging");
        }
        root = root == null ? name : root;
        return tables(name, mode.tables, block);
    }

    /** Four-level tables for the CR3 of a guest in 64-bit mode. */
    public Guest fourLevel(String name, UnaryOperator<PageTables> block) {
        return tables(name, PageTables.Kind.FOUR_LEVEL, block);
    }

    /** PAE tables for the CR3 of a guest in PAE paging. */
    public Guest paeTables(String name, UnaryOperator<PageTables> block) {
        return tables(name, PageTables.Kind.PAE, block);
    }

    /** EPT tables of four levels. */
    public Guest ept(String name, UnaryOperator<PageTables> block) {
        return tables(name, PageTables.Kind.EPT, block);
    }

    /** Nested page tables of four levels for SVM. */
    public Guest npt(String name, UnaryOperator<PageTables> block) {
        return tables(name, PageTables.Kind.NPT, block);
    }

    private Guest tables(String name, PageTables.Kind kind, UnaryOperator<PageTables> block) {
        tables.put(name, block.apply(tables.computeIfAbsent(name, unused -> new PageTables(frames, kind, name))));
        return this;
    }

    /** A 4-KiB frame of the guest's memory that begins with these 64-bit numbers; the rest is zero. */
    public Guest page(String name, long... numbers) {
        long at = frames.take(name);
        for (long number : numbers) {
            frames.preset(at, 8, Frames.hex(number));
            at += 8;
        }
        return this;
    }

    /** 2 MiB of memory, aligned, that begin with these 64-bit numbers. */
    public Guest largePage(String name, long... numbers) {
        long at = frames.takeLarge(name);
        for (long number : numbers) {
            frames.preset(at, 8, Frames.hex(number));
            at += 8;
        }
        return this;
    }

    /** Adds bits to CR0 before the guest's code begins; PE, NE, ET and with paging PG and WP are set anyway. */
    public Guest cr0(long bits) {
        cr0 |= bits;
        return this;
    }

    /** Adds bits to CR4 before the guest's code begins. */
    public Guest cr4(long bits) {
        cr4 |= bits;
        return this;
    }

    /** Adds bits to EFER before the guest's code begins. */
    public Guest efer(long bits) {
        efer |= bits;
        return this;
    }

    /** Leads a vector to a label in place of the handler that reports. */
    public Guest handler(int vector, String label) {
        handlers.put(vector, label);
        return this;
    }

    /** L1 enters VMX operation and makes this VMCS; the last one made is current when the body begins. */
    public Guest vmcs(String name, UnaryOperator<VmcsBlock> block) {
        if (vmcses.isEmpty()) {
            frames.take("vmx_region");
            cr4 |= 1 << 13;
        }
        frames.take(name);
        vmcses.put(name, block.apply(new VmcsBlock(name, mode)));
        return this;
    }

    /** L1 turns on SVM and makes this VMCB. */
    public Guest vmcb(String name, UnaryOperator<VmcbBlock> block) {
        if (vmcbs.isEmpty()) {
            frames.take("svm_host_save");
            efer |= 1 << 12;
        }
        VmcbBlock vmcb = block.apply(new VmcbBlock(name, mode));
        vmcb.presets(frames, frames.take(name));
        vmcbs.put(name, vmcb);
        return this;
    }

    /** What L1 does, once the blocks have been set up. */
    public Guest body(String source) {
        body = source;
        return this;
    }

    /** Code or data of this guest's mode behind the body, under a label: L2, handlers, text. */
    public Guest label(String name, String source) {
        parts.append(name).append(":\n").append(source).append('\n');
        return this;
    }

    /** A constant that the source may use. */
    public Guest constant(String name, long value) {
        equates.append(name).append(" equ ").append(Frames.hex(value)).append('\n');
        return this;
    }

    /** The whole program. */
    public String source() {
        if (root == null && mode.tables != null) {
            tables("identity_tables", t -> t.identity(1L << 30));
        }
        StringBuilder text = new StringBuilder();
        text.append("        org ").append(Frames.hex(LOAD)).append('\n');
        text.append("l1_stack equ ").append(Frames.hex(STACK)).append('\n');
        text.append("l2_stack equ ").append(Frames.hex(L2_STACK)).append('\n');
        text.append(equates);
        text.append(read("start.asm")).append(mode.enter(root, cr0, cr4, efer));
        text.append("        mov ax, ").append(GuestMode.TASK).append("\n        ltr ax\n        call idt_fill\n");
        handlers.forEach((vector, label) -> text.append(gate(vector, label)));
        setUp(text);
        text.append(body).append("\n        jmp finish\n").append(parts);
        text.append(mode.wide(read("runtime.asm")));
        vendors(text);
        return text.append(mode.descriptors()).append(frames.source()).toString();
    }

    private void setUp(StringBuilder text) {
        if (!vmcses.isEmpty()) {
            text.append("        call vmx_on\n");
        }
        vmcses.keySet()
                .forEach(name -> text.append("        call make_").append(name).append('\n'));
        if (!vmcbs.isEmpty()) {
            text.append(
                    "        mov ecx, 0xc0010117\n        mov eax, svm_host_save\n        xor edx, edx\n        wrmsr\n");
        }
        vmcbs.keySet()
                .forEach(name -> text.append("        call make_").append(name).append('\n'));
    }

    private void vendors(StringBuilder text) {
        if (!vmcses.isEmpty()) {
            text.append(mode.wide(read("vmx.asm")));
        }
        vmcses.values().forEach(vmcs -> text.append(vmcs.source()));
        vmcbs.values().forEach(vmcb -> text.append(vmcb.source()));
    }

    private String gate(int vector, String label) {
        String at = "idt + " + vector + " * GATE_BYTES";
        return "        mov eax, " + label + "\n        mov [" + at + "], ax\n        mov word [" + at + " + 2], cs\n"
                + "        mov word [" + at + " + 4], 0x8e00\n        shr eax, 16\n        mov [" + at + " + 6], ax\n";
    }

    /** The assembled program with its labels. */
    public Assembly assemble() {
        return Asm.program(32, LOAD, source());
    }

    /** A Multiboot image. */
    public ImageFile image() {
        return new ImageFile("guest", assemble().bytes());
    }

    private static String read(String name) {
        try (InputStream in = Guest.class.getResourceAsStream(name)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}

package nestbox.l0;

import static nestbox.testkit.NestboxAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import nestbox.modules.L0Mode;
import nestbox.testkit.LabRun;
import nestbox.testkit.NestedLab;
import nestbox.testkit.NestedTest;
import nestbox.testkit.guest.Guest;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.vmcs.VmcsField;

/**
 * What L0 does itself of the VMX that it offers: each L1 prints what its L2's exits are, and prints on the bare silicon the same
 * (SDM Vol. 3, the sections that the tests name).
 */
class NestedVmxFeaturesTest {
    /** Puts L1's APIC into x2APIC mode. */
    static final String X2APIC = "mov ecx, 0x1b\n rdmsr\n or eax, 0xc00\n wrmsr\n";

    private static final String RESUME_BEHIND = """
                    mov eax, 0x440c
                    vmread rcx, rax
                    mov eax, 0x681e
                    vmread rdx, rax
                    add rdx, rcx
                    vmwrite rax, rdx
                    vmresume
                    jmp vmx_failed
            """;

    /** Prints field {@code encoding} of the VMCS and a blank. */
    private static String tell(int encoding) {
        return "mov eax, " + encoding + "\n vmread rcx, rax\n mov rax, rcx\n call hex\n mov al, ' '\n call putc\n";
    }

    static String tell(VmcsField field) {
        return tell(field.encoding());
    }

    /** An exit handler that prints reason and qualification and RIP of each exit, and goes on behind the instruction until VMCALL. */
    static String handler(String more) {
        return tell(VmcsField.VM_EXIT_REASON) + tell(VmcsField.EXIT_QUALIFICATION) + tell(VmcsField.GUEST_RIP) + more
                + " mov al, 10\n call putc\n mov eax, 0x4402\n vmread rcx, rax\n cmp ecx, 18\n je finish\n";
    }

    static void sameAsSilicon(NestedLab lab, Guest guest) {
        String printed = unmovedSameAsSilicon(lab, guest);
        assertThat(new Moves(lab.configuration(), guest.image()).printed())
                .as("with state saved and restored")
                .isEqualTo(printed);
    }

    private static String unmovedSameAsSilicon(NestedLab lab, Guest guest) {
        LabRun nested = lab.run(guest);
        LabRun silicon = lab.run(guest, c -> c.l0(L0Mode.NONE).guestCpu(""));
        assertThat(silicon).endedWell();
        assertThat(nested).endedWell();
        assertThat(nested.printed()).isEqualTo(silicon.printed()).isNotEmpty();
        return nested.printed();
    }

    /** "Monitor Trap Flag": after each instruction, also one that L0 emulates (CPUID is always L1's; OUT is not). */
    @NestedTest(l0 = {L0Mode.TDP, L0Mode.SHADOW})
    void monitorTrapFlagBehindEmulatedInstructions(NestedLab lab) {
        sameAsSilicon(
                lab,
                Guest.longMode()
                        .vmcs(
                                "vmcs",
                                v -> v.enable(VmxFeature.MONITOR_TRAP_FLAG).onExit("exit"))
                        .body("vmlaunch\njmp vmx_failed")
                        .label("exit", handler("") + " vmresume\n jmp vmx_failed\n")
                        .label("l2", "nop\n mov al, 1\n out 0x80, al\n nop\n in al, 0x80\n nop\n vmcall\n"));
    }

    /** An injected event of type 7 is a pending MTF exit, which comes before the first instruction. */
    @NestedTest(l0 = {L0Mode.TDP, L0Mode.SHADOW})
    void injectedMonitorTrapFlag(NestedLab lab) {
        sameAsSilicon(
                lab,
                Guest.longMode()
                        .vmcs(
                                "vmcs",
                                v -> v.enable(VmxFeature.MONITOR_TRAP_FLAG)
                                        .set(VmcsField.VM_ENTRY_INTR_INFO, 0x80000700L)
                                        .onExit("exit"))
                        .body("vmlaunch\njmp vmx_failed")
                        .label("exit", handler("") + " vmresume\n jmp vmx_failed\n")
                        .label("l2", "nop\n vmcall\n"));
    }

    /** "VMX-Preemption Timer": 0 ends L2 before its first instruction, a halted L2 is left, and what is left is saved. */
    @NestedTest(l0 = {L0Mode.TDP, L0Mode.SHADOW})
    void preemptionTimer(NestedLab lab) {
        sameAsSilicon(
                lab,
                Guest.longMode()
                        .vmcs(
                                "vmcs",
                                v -> v.enable(VmxFeature.PREEMPTION_TIMER, VmxFeature.SAVE_PREEMPTION_TIMER)
                                        .set(VmcsField.VMX_PREEMPTION_TIMER_VALUE, 0)
                                        .onExit("exit"))
                        .body("vmlaunch\njmp vmx_failed")
                        .label(
                                "exit",
                                handler(tell(VmcsField.GUEST_ACTIVITY_STATE))
                                        + " mov eax, 0x482e\n mov edx, 40\n vmwrite rax, rdx\n"
                                        + " mov eax, 0x4826\n xor edx, edx\n vmwrite rax, rdx\n"
                                        + " cmp qword [halted], 0\n jne skip\n inc qword [halted]\n vmresume\n"
                                        + " jmp vmx_failed\nskip:\n"
                                        + " mov eax, 0x681e\n mov edx, last\n vmwrite rax, rdx\n vmresume\n jmp vmx_failed\n"
                                        + "halted: dq 0\n")
                        .label("l2", "hlt\nlast: vmcall\n"));
    }

    /** "VM Functions": L2 switches to tables that map other memory; a bad index and an unknown function leave it; 64 is #UD. */
    @NestedTest(l0 = L0Mode.TDP)
    void eptpSwitching(NestedLab lab) {
        sameAsSilicon(
                lab,
                Guest.longMode()
                        .page("first", 1)
                        .page("second", 2)
                        .page("list")
                        .ept("a", t -> t.identity(16 << 20).map(0x40000000L, "first"))
                        .ept("b", t -> t.identity(16 << 20).map(0x40000000L, "second"))
                        .tables("l1_tables", t -> t.identity(16 << 20))
                        .tables("l2_tables", t -> t.identity(16 << 20).map(0x50000000L, 0x40000000L))
                        .vmcs(
                                "vmcs",
                                v -> v.ept("a")
                                        .cr3("l2_tables")
                                        .enable(VmxFeature.ENABLE_VM_FUNCTIONS)
                                        .set(VmcsField.VM_FUNCTION_CONTROL, 1)
                                        .set(VmcsField.EPTP_LIST_ADDRESS, "list")
                                        .set(VmcsField.EXCEPTION_BITMAP, 1 << 6)
                                        .onExit("exit"))
                        .body("mov qword [list], a + 0x1e\n mov qword [list + 8], b + 0x1e\n vmlaunch\njmp vmx_failed")
                        .label(
                                "exit",
                                "mov [kept], rbx\n"
                                        + handler("mov rax, [kept]\n call hex\n")
                                        + RESUME_BEHIND + "kept: dq 0\n")
                        .label("l2", """
                                        mov rbx, [0x50000000]
                                        xor eax, eax
                                        mov ecx, 1
                                        vmfunc
                                        mov rdx, [0x50000000]
                                        shl rdx, 8
                                        or rbx, rdx
                                        mov ecx, 7
                                        xor eax, eax
                                        vmfunc
                                        mov eax, 5
                                        vmfunc
                                        mov eax, 64
                                        db 0x0f, 0x01, 0xd4
                                        vmcall
                                        """));
    }

    /** "EPT Translation Mechanism": tables of five levels, for guest-physical addresses beyond 48 bits, by hardware and by emulation. */
    @NestedTest(cpu = "max,+vmx,phys-bits=52,-vmx-ept-advanced-exitinfo", l0 = L0Mode.TDP)
    void fiveLevelsOfEpt(NestedLab lab) {
        long high = 1L << 48;
        Guest guest = Guest.longMode()
                .page("top")
                .page("far", 0x1234)
                .ept("low", t -> t.identity(16 << 20))
                .ept("above", t -> t.map(0x40000000L, "far"))
                .tables("l1_tables", t -> t.identity(16 << 20))
                .tables(
                        "l2_tables",
                        t -> t.identity(16 << 20)
                                .map(0x50000000L, high | 0x40000000L)
                                .map(0x50001000L, high | 0x40001000L))
                .vmcs(
                        "vmcs",
                        v -> v.enable(VmxFeature.ENABLE_EPT)
                                .set(VmcsField.EPT_POINTER, "top + 0x26")
                                .cr3("l2_tables")
                                .onExit("exit"))
                .body("mov qword [top], low + 7\n mov qword [top + 8], above + 7\n vmlaunch\n jmp vmx_failed")
                .label(
                        "exit",
                        "mov [kept], rbx\n"
                                + handler(tell(VmcsField.GUEST_PHYSICAL_ADDRESS) + "mov rax, [kept]\n call hex\n")
                                + " cmp qword [last], 0\n je stop\n mov rdx, [last]\n mov qword [last], 0\n"
                                + " mov eax, 0x681e\n vmwrite rax, rdx\n vmresume\n jmp vmx_failed\n"
                                + "stop: jmp finish\nkept: dq 0\nlast: dq emulated\n")
                .label("l2", """
                                mov rbx, [0x50000000]
                                mov esi, 0x50000000
                                mov edi, 0x50000002
                                mov edx, 0x80
                                outsb
                                insb
                                add rbx, [0x50000000]
                                mov rax, [0x50001000]
                                emulated:
                                mov esi, 0x50001000
                                outsb
                                vmcall
                                """);
        assertThat(unmovedSameAsSilicon(lab, guest)).contains("1000040001000");
        sameAsSilicon(lab, guest);
    }

    /** "Page-Modification Logging": L2's writes are logged downwards, and a full log is an exit. */
    @NestedTest(l0 = L0Mode.TDP)
    void pageModificationLog(NestedLab lab) {
        sameAsSilicon(
                lab,
                Guest.longMode()
                        .page("log")
                        .page("one")
                        .page("two")
                        .page("three")
                        .ept(
                                "ept",
                                t -> t.identity(16 << 20)
                                        .map(0x40000000L, "one")
                                        .map(0x40001000L, "two")
                                        .map(0x40002000L, "three"))
                        .tables("l1_tables", t -> t.identity(16 << 20))
                        .tables(
                                "l2_tables",
                                t -> t.identity(16 << 20)
                                        .map(0x50000000L, 0x40000000L)
                                        .map(0x50001000L, 0x40001000L)
                                        .map(0x50002000L, 0x40002000L))
                        .vmcs(
                                "vmcs",
                                v -> v.enable(VmxFeature.ENABLE_EPT, VmxFeature.ENABLE_PML)
                                        .set(VmcsField.EPT_POINTER, "ept + 0x5e")
                                        .set(VmcsField.PML_ADDRESS, "log")
                                        .set(VmcsField.GUEST_PML_INDEX, 511)
                                        .cr3("l2_tables")
                                        .onExit("exit"))
                        .body("vmlaunch\njmp vmx_failed")
                        .label(
                                "exit",
                                tell(VmcsField.VM_EXIT_REASON)
                                        + " mov rax, [log + 511 * 8]\n call hex\n mov al, ' '\n call putc\n"
                                        + tell(VmcsField.GUEST_PML_INDEX)
                                        + " mov al, 10\n call putc\n mov eax, 0x4402\n vmread rcx, rax\n cmp ecx, 18\n je finish\n"
                                        + " mov eax, 0x0812\n mov edx, 511\n vmwrite rax, rdx\n vmresume\n jmp vmx_failed\n")
                        .label("l2", """
                                        mov qword [0x50001000], 1
                                        mov qword [0x50001000], 2
                                        vmcall
                                        """));
    }

    /** "VMCS Types: Ordinary and Shadow": L2 reads and writes the VMCS that L1 has linked; fields that L1 keeps leave it. */
    @NestedTest(l0 = {L0Mode.TDP, L0Mode.SHADOW})
    void l2HasAShadowVmcs(NestedLab lab) {
        sameAsSilicon(
                lab,
                Guest.longMode()
                        .page("reads")
                        .page("writes")
                        .page("shadow")
                        .vmcs(
                                "vmcs",
                                v -> v.enable(VmxFeature.VMCS_SHADOWING)
                                        .set(VmcsField.VMREAD_BITMAP, "reads")
                                        .set(VmcsField.VMWRITE_BITMAP, "writes")
                                        .set(VmcsField.VMCS_LINK_POINTER, "shadow")
                                        .onExit("exit"))
                        .body("""
                                        bts dword [reads + 0x6820 / 8], 0
                                        mov ecx, 0x480
                                        rdmsr
                                        mov [shadow], eax
                                        vmclear [p_shadow]
                                        or dword [shadow], 0x80000000
                                        vmlaunch
                                        jmp vmx_failed
                                        align 8
                                        p_shadow: dq shadow
                                        """)
                        .label(
                                "exit",
                                "mov [kept], rbx\n"
                                        + handler("mov rax, [kept]\n call hex\n")
                                        + RESUME_BEHIND + "kept: dq 0\n")
                        .label("l2", """
                                        mov eax, 0x681e
                                        mov ebx, 0x1234
                                        vmwrite rax, rbx
                                        xor ebx, ebx
                                        vmread rbx, rax
                                        setc cl
                                        mov eax, 0x6820
                                        vmread rdx, rax
                                        vmcall
                                        """));
    }

    /** "Posted-Interrupt Processing": the notification that L1's own APIC takes is L2's interrupt, and halts end by it. */
    @NestedTest(l0 = L0Mode.TDP)
    void postedInterruptWakesL2(NestedLab lab) {
        Guest guest = Guest.longMode()
                .tables("l1_tables", t -> t.identity(16 << 20).map(0x40000000L, 0xfee00000L))
                .page("virtual_apic")
                .page("descriptor")
                .vmcs(
                        "vmcs",
                        v -> v.enable(
                                        VmxFeature.EXTERNAL_INTERRUPT_EXITING,
                                        VmxFeature.POSTED_INTERRUPTS,
                                        VmxFeature.ACKNOWLEDGE_INTERRUPT,
                                        VmxFeature.TPR_SHADOW,
                                        VmxFeature.VIRTUAL_INTERRUPT_DELIVERY,
                                        VmxFeature.APIC_REGISTER_VIRTUALIZATION)
                                .set(VmcsField.VIRTUAL_APIC_PAGE_ADDR, "virtual_apic")
                                .set(VmcsField.POSTED_INTR_NV, 0xf2)
                                .set(VmcsField.POSTED_INTR_DESC_ADDR, "descriptor")
                                .set(VmcsField.GUEST_RFLAGS, 2)
                                .onExit("exit"))
                .handler(0x60, "taken")
                .body("""
                                mov eax, 0x40000000
                                mov dword [rax + 0xf0], 0x1ff
                                mov dword [descriptor + 12], 1
                                mov dword [descriptor + 32], 1
                                mov dword [rax + 0x310], 0
                                mov dword [rax + 0x300], 0x400f2
                                vmlaunch
                                jmp vmx_failed
                                """)
                .label(
                        "exit",
                        "mov [kept], rbx\n" + handler("mov rax, [kept]\n call hex\n") + RESUME_BEHIND + "kept: dq 0\n")
                .label("l2", "xor ebx, ebx\n sti\n hlt\n vmcall\n")
                .label("taken", "inc ebx\n iretq\n");
        sameAsSilicon(lab, guest);
    }

    /** "VMCS-Shadowing" by L0 is a matter of speed: L1 sees no difference, and its reads do not leave it. */
    @NestedTest(l0 = {L0Mode.TDP, L0Mode.SHADOW})
    void l1ReadsItsVmcsWithoutExits(NestedLab lab) {
        Guest guest = Guest.longMode()
                .vmcs("vmcs", v -> v.onExit("exit"))
                .body("vmlaunch\njmp vmx_failed")
                .label("exit", handler("") + RESUME_BEHIND)
                .label("l2", "cpuid\n cpuid\n cpuid\n vmcall\n");
        LabRun on = lab.run(guest, c -> c.policy("vmcs.shadowing", "on"));
        LabRun off = lab.run(guest, c -> c.policy("vmcs.shadowing", "off"));
        LabRun silicon = lab.run(guest, c -> c.l0(L0Mode.NONE).guestCpu(""));
        assertThat(on.printed())
                .isEqualTo(silicon.printed())
                .isEqualTo(off.printed())
                .isNotEmpty();
        assertThat(reads(off)).isGreaterThan(reads(on) + 15);
    }

    private static long reads(LabRun run) {
        return run.lab().hypervisor().orElseThrow().exitCounts().getOrDefault("VMREAD", 0L);
    }

    /** Checks that are left to the silicon (nested state that would fail them is refused): an illegal segment, RIP or interruptibility is exit 33 as on the silicon itself. */
    @NestedTest(l0 = {L0Mode.TDP, L0Mode.SHADOW})
    void checksThatTheSiliconMakes(NestedLab lab) {
        unmovedSameAsSilicon(lab, illegal(VmcsField.GUEST_CS_AR_BYTES, 0xa091));
        unmovedSameAsSilicon(lab, illegal(VmcsField.GUEST_RFLAGS, 0));
        unmovedSameAsSilicon(lab, illegal(VmcsField.GUEST_INTERRUPTIBILITY_INFO, 3));
        unmovedSameAsSilicon(lab, illegal(VmcsField.GUEST_SYSENTER_EIP, 0x8000_0000_0000_0000L));
        unmovedSameAsSilicon(lab, illegal(VmcsField.GUEST_PENDING_DBG_EXCEPTIONS, 0x10));
        unmovedSameAsSilicon(lab, illegal(VmcsField.GUEST_TR_LIMIT, 0x1fffff));
    }

    private static Guest illegal(VmcsField field, long value) {
        return Guest.longMode()
                .vmcs("vmcs", v -> v.set(field, value))
                .body("vmlaunch\njmp vmx_failed")
                .label("l2", "vmcall");
    }

    /** A pending debug exception of vmcs12 is delivered to L2 before its first instruction, or is L1's exit. */
    @NestedTest(l0 = {L0Mode.TDP, L0Mode.SHADOW})
    void pendingDebugException(NestedLab lab) {
        sameAsSilicon(
                lab,
                Guest.longMode()
                        .vmcs(
                                "vmcs",
                                v -> v.set(VmcsField.GUEST_PENDING_DBG_EXCEPTIONS, 0x4000)
                                        .set(VmcsField.EXCEPTION_BITMAP, 1 << 1)
                                        .onExit("exit"))
                        .body("vmlaunch\njmp vmx_failed")
                        .label(
                                "exit",
                                handler("")
                                        + " mov eax, 0x6822\n xor edx, edx\n vmwrite rax, rdx\n vmresume\n jmp vmx_failed\n")
                        .label("l2", "nop\n vmcall\n"));
    }

    /** "Interrupt-Window Exiting" that L1 asks for, while L2 is active and while it halts. */
    @NestedTest(l0 = {L0Mode.TDP, L0Mode.SHADOW})
    void interruptWindows(NestedLab lab) {
        sameAsSilicon(
                lab,
                Guest.longMode()
                        .vmcs(
                                "vmcs",
                                v -> v.enable(VmxFeature.INTERRUPT_WINDOW_EXITING)
                                        .onExit("exit"))
                        .body("vmlaunch\njmp vmx_failed")
                        .label(
                                "exit",
                                handler(tell(VmcsField.GUEST_INTERRUPTIBILITY_INFO))
                                        + " mov eax, 0x4002\n vmread rdx, rax\n and edx, ~4\n vmwrite rax, rdx\n"
                                        + " vmresume\n jmp vmx_failed\n")
                        .label("l2", "nop\n sti\n nop\n nop\n vmcall\n"));
    }

    private static Guest inAShadow(String start, long flags, long blocking) {
        return Guest.longMode()
                .vmcs(
                        "vmcs",
                        v -> v.enable(
                                        VmxFeature.EXTERNAL_INTERRUPT_EXITING,
                                        VmxFeature.NMI_EXITING,
                                        VmxFeature.ACKNOWLEDGE_INTERRUPT)
                                .set(VmcsField.GUEST_RFLAGS, flags)
                                .set(VmcsField.GUEST_INTERRUPTIBILITY_INFO, blocking)
                                .onExit("exit"))
                .handler(2, "blocked")
                .body(X2APIC + """
                        mov ecx, 0x80f
                        mov eax, 0x1ff
                        xor edx, edx
                        wrmsr
                        """ + start)
                .label(
                        "exit",
                        handler(tell(VmcsField.VM_EXIT_INTR_INFO) + tell(VmcsField.GUEST_INTERRUPTIBILITY_INFO))
                                + " vmresume\n jmp vmx_failed\n")
                .label("blocked", """
                        wrmsr                   ; another, which waits
                        vmlaunch
                        jmp vmx_failed
                        """)
                .label("l2", "nop\n nop\n nop\n vmcall\n");
    }

    /** "Event Blocking" leaves it to the processor whether STI and MOV SS hold back interrupts that leave L2; the silicon's does. */
    @NestedTest(l0 = {L0Mode.TDP, L0Mode.SHADOW})
    void interruptsInAShadow(NestedLab lab) {
        String start = "mov ecx, 0x83f\n mov eax, 0x40\n wrmsr\n vmlaunch\n jmp vmx_failed\n";
        sameAsSilicon(lab, inAShadow(start, 0x202, 0));
        sameAsSilicon(lab, inAShadow(start, 0x202, 1));
        sameAsSilicon(lab, inAShadow(start, 0x202, 2));
        sameAsSilicon(lab, inAShadow(start, 2, 2));
    }

    /** So it does for NMIs, of which the silicon's MOV SS holds back, and STI does not. */
    @NestedTest(l0 = {L0Mode.TDP, L0Mode.SHADOW})
    void nmisInAShadow(NestedLab lab) {
        String start = "mov ecx, 0x830\n mov eax, 0x4400\n wrmsr\n jmp vmx_failed\n";
        sameAsSilicon(lab, inAShadow(start, 0x202, 0));
        sameAsSilicon(lab, inAShadow(start, 0x202, 1));
        sameAsSilicon(lab, inAShadow(start, 2, 2));
    }
}

package nestbox.l0;

import static nestbox.l0.NestedVmxFeaturesTest.X2APIC;
import static nestbox.l0.NestedVmxFeaturesTest.handler;
import static nestbox.l0.NestedVmxFeaturesTest.sameAsSilicon;
import static nestbox.l0.NestedVmxFeaturesTest.tell;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.function.UnaryOperator;
import nestbox.modules.L0Mode;
import nestbox.testkit.NestedLab;
import nestbox.testkit.NestedTest;
import nestbox.testkit.guest.Guest;
import nestbox.testkit.guest.VmcsBlock;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.vmcs.VmcsField;

/** What nested differential runs have found in nested VMX, each as a guest of its own (SDM Vol. 3, the sections that the tests name). */
class FoundInNestedRunsTest {
    private static Guest guest(UnaryOperator<VmcsBlock> vmcs, String told, String l2) {
        return Guest.longMode()
                .vmcs("vmcs", v -> vmcs.apply(v).onExit("exit"))
                .body("vmlaunch\njmp vmx_failed")
                .label("exit", handler(told) + " jmp finish\n")
                .label("l2", l2);
    }

    /** A timer of 0 and a pending MTF exit end L2 at once, also where STI or MOV SS holds back interrupts, L0's own, too. */
    @NestedTest(l0 = {L0Mode.TDP, L0Mode.SHADOW})
    void anExitThatIsDueWaitsForNoShadow(NestedLab lab) {
        for (long blocking = 1; blocking <= 2; blocking++) {
            long shadow = blocking;
            UnaryOperator<VmcsBlock> held =
                    v -> v.set(VmcsField.GUEST_RFLAGS, 0x202).set(VmcsField.GUEST_INTERRUPTIBILITY_INFO, shadow);
            String told = tell(VmcsField.GUEST_INTERRUPTIBILITY_INFO);
            String l2 = "nop\n nop\n vmcall\n";
            sameAsSilicon(lab, guest(v -> held.apply(v).enable(VmxFeature.PREEMPTION_TIMER), told, l2));
            sameAsSilicon(
                    lab,
                    guest(
                            v -> held.apply(v)
                                    .enable(VmxFeature.MONITOR_TRAP_FLAG)
                                    .set(VmcsField.VM_ENTRY_INTR_INFO, 0x80000700L),
                            told,
                            l2));
        }
    }

    /** "Saving RIP, RSP, RFLAGS, and SSP": a fault that leaves L2 saves RF, also one that L0's emulator met. */
    @NestedTest(l0 = {L0Mode.TDP, L0Mode.SHADOW})
    void aFaultOfTheEmulatorSavesRf(NestedLab lab) {
        sameAsSilicon(
                lab,
                guest(
                        v -> v.set(VmcsField.EXCEPTION_BITMAP, 1 << 14),
                        tell(VmcsField.GUEST_RFLAGS),
                        "mov edx, 0x80\n mov esi, 0x50000000\n outsb\n vmcall\n"));
    }

    /** So does an EPT violation that L0's emulator met. */
    @NestedTest(l0 = L0Mode.TDP)
    void anEptViolationOfTheEmulatorSavesRf(NestedLab lab) {
        Guest guest = Guest.longMode()
                .tables("l2_tables", t -> t.identity(16 << 20).map(0x40000000L, 0x40000000L))
                .ept("ept", t -> t.identity(16 << 20))
                .vmcs("vmcs", v -> v.ept("ept").cr3("l2_tables").onExit("exit"))
                .body("vmlaunch\njmp vmx_failed")
                .label("exit", tell(VmcsField.VM_EXIT_REASON) + tell(VmcsField.GUEST_RFLAGS) + " jmp finish\n")
                .label("l2", "mov edx, 0x80\n mov esi, 0x40000000\n outsb\n vmcall\n");
        sameAsSilicon(lab, guest);
    }

    /** "Saving RIP, RSP, RFLAGS, and SSP": what was in delivery would have pushed RF; #PF and EPT violation. */
    @NestedTest(l0 = {L0Mode.NONE, L0Mode.TDP, L0Mode.SHADOW})
    void aFaultInDeliverySavesRf(NestedLab lab) {
        String l2 = "mov esp, 0x50001000\n ud2\n vmcall\n";
        Guest fault = guest(v -> v.set(VmcsField.EXCEPTION_BITMAP, 1 << 14), tell(VmcsField.GUEST_RFLAGS), l2);
        assertThat(lab.run(fault).printed()).startsWith("0 50000fd8 ").endsWith(" 10002 \n");
        if (lab.configuration().l0() != L0Mode.SHADOW) {
            Guest violation = Guest.longMode()
                    .tables("l2_tables", t -> t.identity(16 << 20).map(0x50000000L, 0x50000000L))
                    .ept("ept", t -> t.identity(16 << 20))
                    .vmcs("vmcs", v -> v.ept("ept").cr3("l2_tables").onExit("exit"))
                    .body("vmlaunch\njmp vmx_failed")
                    .label("exit", handler(tell(VmcsField.GUEST_RFLAGS)) + " jmp finish\n")
                    .label("l2", l2);
            assertThat(lab.run(violation).printed()).startsWith("30 ").endsWith(" 10002 \n");
        }
    }

    /** "Information for VM Exits That Occur During Event Delivery": a double fault leaves L2 as what it is. */
    @NestedTest(l0 = {L0Mode.NONE, L0Mode.TDP, L0Mode.SHADOW})
    void aDoubleFaultLeavesL2(NestedLab lab) {
        String told = tell(VmcsField.VM_EXIT_INTR_INFO)
                + tell(VmcsField.IDT_VECTORING_INFO_FIELD)
                + " mov rax, cr2\n call hex\n";
        Guest guest = guest(
                v -> v.set(VmcsField.EXCEPTION_BITMAP, 1 << 8),
                told,
                "mov esp, 0x50001000\n mov al, [0x60000000]\n vmcall\n");
        assertThat(lab.run(guest).printed()).startsWith("0 0 ").endsWith(" 80000b08 0 50000fd0\n");
    }

    /** "INVVPID": an address is canonical by the processor's width, whatever CR4.LA57 is. */
    @NestedTest(l0 = L0Mode.TDP)
    void invvpidTakesAnAddressOfTheProcessorsWidth(NestedLab lab) {
        String body = """
                        mov eax, 0
                        invvpid rax, [.known]
                        setz bl
                        invvpid rax, [.beyond]
                        setz cl
                        movzx eax, bl
                        shl eax, 4
                        or al, cl
                        call hex
                        jmp finish
                        align 8
                .known: dq 1, 0x4000000000000
                .beyond: dq 1, 0x400000000000000
                """;
        sameAsSilicon(lab, Guest.longMode().vmcs("vmcs", v -> v).body(body).label("l2", "vmcall\n"));
    }

    /** "Loading MSRs": an entry loads neither IA32_BIOS_UPDT_TRIG nor IA32_BIOS_SIGN_ID. */
    @NestedTest(l0 = {L0Mode.TDP, L0Mode.SHADOW})
    void anEntryDoesNotLoadMicrocode(NestedLab lab) {
        for (int msr : new int[] {0x79, 0x8b}) {
            Guest guest = Guest.longMode()
                    .page("list", msr, 0)
                    .vmcs(
                            "vmcs",
                            v -> v.set(VmcsField.VM_ENTRY_MSR_LOAD_ADDR, "list")
                                    .set(VmcsField.VM_ENTRY_MSR_LOAD_COUNT, 1)
                                    .onExit("exit"))
                    .body("vmlaunch\njmp vmx_failed")
                    .label("exit", handler("") + " jmp finish\n")
                    .label("l2", "vmcall\n");
            sameAsSilicon(lab, guest);
        }
    }

    private static Guest blockedNmi(String l2) {
        return Guest.longMode()
                .vmcs(
                        "vmcs",
                        v -> v.enable(VmxFeature.NMI_EXITING)
                                .set(VmcsField.GUEST_INTERRUPTIBILITY_INFO, 8)
                                .onExit("exit"))
                .handler(2, "blocked")
                .body(X2APIC + """
                        mov ecx, 0x830
                        mov eax, 0x4400
                        xor edx, edx
                        wrmsr
                        jmp finish
                        """)
                .label("exit", handler(tell(VmcsField.GUEST_INTERRUPTIBILITY_INFO)) + " jmp finish\n")
                .label("blocked", """
                        wrmsr                   ; another, which waits
                        vmlaunch
                        jmp vmx_failed
                        """)
                .label("l2", l2);
    }

    /** "NMI exiting" without "virtual NMIs": one that is blocked waits, and there is no window to ask for. */
    @NestedTest(l0 = {L0Mode.TDP, L0Mode.SHADOW})
    void aBlockedNmiHasNoWindow(NestedLab lab) {
        sameAsSilicon(lab, blockedNmi("nop\n nop\n vmcall\n"));
    }

    /** "Changes to Instruction Behavior in VMX Non-Root Operation": IRET leaves NMIs blocked then. */
    @NestedTest(l0 = {L0Mode.TDP, L0Mode.SHADOW})
    void iretOfL2LeavesPhysicalNmisBlocked(NestedLab lab) {
        sameAsSilicon(lab, blockedNmi("""
                mov rax, rsp
                push 0x10
                push rax
                push 2
                mov ecx, cs
                push rcx
                push .behind
                iretq
                .behind: nop
                vmcall
                """));
    }
}

package nestbox.l0;

import static nestbox.l0.FoundInNestedSvmRunsTest.tell;
import static nestbox.l0.NestedVmxFeaturesTest.tell;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.TreeMap;
import nestbox.modules.L0Mode;
import nestbox.svm.vmcb.VmcbField;
import nestbox.testkit.LabRun;
import nestbox.testkit.NestedLab;
import nestbox.testkit.NestedTest;
import nestbox.testkit.guest.Guest;
import nestbox.vmx.vmcs.VmcsField;

/**
 * An event that L1 injects into L2 meets a fault on its way: what L1 sees of the exit under L0 is what it sees on the bare silicon,
 * whoever of the two takes the fault first (SDM Vol. 3, "Information for VM Exits During Event Delivery", "Saving RIP, RSP, RFLAGS, and
 * SSP"; APM Vol. 2, "EXITINTINFO Pseudo-Code").
 */
class FaultInDeliveryTest {
    private static final int SPACE = 16 << 20;
    private static final long NOT_MAPPED = 0x5000_0000L;
    private static final long NOT_CANONICAL = 0x8000_0000_0000L;
    private static final int DOUBLE_FAULT = 1 << 8;
    private static final int[] BITMAPS = {0, DOUBLE_FAULT, -1};

    /** Each type of event, as the words of injection give it; a software interrupt or exception takes 1 byte. */
    private static final Map<String, Long> EVENTS = new TreeMap<>(Map.of(
            "interrupt", 0x80000030L,
            "NMI", 0x80000202L,
            "#DB", 0x80000301L,
            "#GP", 0x80000b0dL,
            "#PF", 0x80000b0eL,
            "INT n", 0x80000430L));

    /** What stands in the way: a fault before the handler's first instruction. */
    private enum Obstacle {
        IDT_SHORT,
        IDT_NOT_MAPPED,
        GDT_NOT_MAPPED,
        STACK_NOT_MAPPED,
        STACK_NOT_CANONICAL
    }

    private static Guest common(Guest guest) {
        return guest.tables("l1_tables", t -> t.identity(SPACE))
                .handler(0x30, "handler")
                .handler(2, "handler")
                .label("handler", "jmp l2\n");
    }

    /** An error code is undefined where the information in RCX does not say that there is one. */
    private static String tellOf(String name, VmcsField information, VmcsField error) {
        return tell(information) + "bt ecx, 11\n jnc " + name + "\n" + tell(error) + name + ":\n";
    }

    private static Guest intel(long event, Obstacle obstacle, int bitmap, boolean ept) {
        Guest guest = common(Guest.longMode());
        if (ept) {
            guest.ept("ept", t -> t.identity(SPACE));
        }
        return guest.vmcs("vmcs", v -> {
                    if (ept) {
                        v.ept("ept");
                    }
                    switch (obstacle) {
                        case IDT_SHORT -> v.set(VmcsField.GUEST_IDTR_LIMIT, 0);
                        case IDT_NOT_MAPPED -> v.set(VmcsField.GUEST_IDTR_BASE, NOT_MAPPED);
                        case GDT_NOT_MAPPED -> v.set(VmcsField.GUEST_GDTR_BASE, NOT_MAPPED);
                        case STACK_NOT_MAPPED -> v.set(VmcsField.GUEST_RSP, NOT_MAPPED);
                        case STACK_NOT_CANONICAL -> v.set(VmcsField.GUEST_RSP, NOT_CANONICAL);
                    }
                    return v.cr3("l1_tables")
                            .set(VmcsField.VM_ENTRY_INTR_INFO, event)
                            .set(VmcsField.VM_ENTRY_EXCEPTION_ERROR_CODE, (event & 0xff) == 8 ? 0 : 4)
                            .set(VmcsField.VM_ENTRY_INSTRUCTION_LEN, 1)
                            .set(VmcsField.EXCEPTION_BITMAP, bitmap & 0xffffffffL)
                            .set(VmcsField.GUEST_RFLAGS, 0x202)
                            .onExit("exit");
                })
                .body("vmlaunch\njmp vmx_failed")
                .label("l2", "vmcall\n")
                .label(
                        "exit",
                        tell(VmcsField.VM_EXIT_REASON)
                                + tell(VmcsField.GUEST_RIP)
                                + tell(VmcsField.GUEST_RSP)
                                + tell(VmcsField.GUEST_RFLAGS)
                                + tell(VmcsField.GUEST_INTERRUPTIBILITY_INFO)
                                + tell(VmcsField.EXIT_QUALIFICATION)
                                + tellOf("direct", VmcsField.VM_EXIT_INTR_INFO, VmcsField.VM_EXIT_INTR_ERROR_CODE)
                                + tellOf(
                                        "vectored",
                                        VmcsField.IDT_VECTORING_INFO_FIELD,
                                        VmcsField.IDT_VECTORING_ERROR_CODE)
                                + " mov rax, cr2\n call hex\n jmp finish\n");
    }

    /** Descriptor-table registers of the save area have no field of their own (APM Vol. 2, "VMCB, State Save Area"). */
    private static String put(Obstacle obstacle) {
        return switch (obstacle) {
            case IDT_SHORT -> "mov dword [vmcb + 0x484], 0\n";
            case IDT_NOT_MAPPED -> "mov dword [vmcb + 0x488], " + NOT_MAPPED + "\n";
            case GDT_NOT_MAPPED -> "mov dword [vmcb + 0x468], " + NOT_MAPPED + "\n";
            case STACK_NOT_MAPPED -> "mov dword [vmcb + 0x5d8], " + NOT_MAPPED + "\n";
            case STACK_NOT_CANONICAL -> "mov rax, " + NOT_CANONICAL + "\n mov [vmcb + 0x5d8], rax\n";
        };
    }

    private static Guest amd(long event, Obstacle obstacle, int bitmap, boolean npt) {
        Guest guest = common(Guest.longMode());
        if (npt) {
            guest.npt("npt", t -> t.identity(SPACE));
        }
        return guest.vmcb("vmcb", v -> {
                    if (npt) {
                        v.npt("npt");
                    }
                    for (int vector = 0; vector < 32; vector++) {
                        if ((bitmap >>> vector & 1) != 0) {
                            v.intercept(0x40 + vector);
                        }
                    }
                    return v.cr3("l1_tables")
                            .set(VmcbField.EVENTINJ, event | ((event & 0xff) == 8 ? 0 : 4L << 32))
                            .set(VmcbField.NRIP, "l2 + 1")
                            .set(VmcbField.RFLAGS, 0x202);
                })
                .body(put(obstacle)
                        + "mov eax, vmcb\nvmrun\n"
                        + tell(VmcbField.EXITCODE)
                        + tell(VmcbField.EXITINFO1)
                        + tell(VmcbField.EXITINFO2)
                        + tell(VmcbField.EXITINTINFO)
                        + tell(VmcbField.RIP)
                        + tell(VmcbField.RSP)
                        + tell(VmcbField.RFLAGS)
                        + tell(VmcbField.CR2)
                        + tell(VmcbField.INTERRUPT_SHADOW)
                        + "jmp finish\n")
                .label("l2", "vmmcall\n");
    }

    /** Of a laboratory of its own, since one keeps what it has run. */
    private static String printed(NestedLab of, Guest guest, boolean bare) {
        NestedLab lab = new NestedLab(of.configuration()).checkTlb(false);
        LabRun run = bare ? lab.run(guest, c -> c.l0(L0Mode.NONE).guestCpu("")) : lab.run(guest);
        return run.outcome() + ": " + run.printed();
    }

    private interface Maker {
        Guest guest(long event, Obstacle obstacle, int bitmap, boolean tdp);
    }

    private static void sameAsSilicon(NestedLab lab, Maker maker) {
        Map<String, String> silicon = new TreeMap<>();
        Map<String, String> nested = new TreeMap<>();
        boolean both = lab.configuration().l0() == L0Mode.TDP;
        EVENTS.forEach((name, event) -> {
            for (Obstacle obstacle : Obstacle.values()) {
                for (int bitmap : BITMAPS) {
                    for (int tdp = 0; tdp < (both ? 2 : 1); tdp++) {
                        String row =
                                name + " " + obstacle + " " + Integer.toHexString(bitmap) + (tdp == 1 ? " TDP" : "");
                        Guest guest = maker.guest(event, obstacle, bitmap, tdp == 1);
                        silicon.put(row, printed(lab, guest, true));
                        nested.put(row, printed(lab, guest, false));
                    }
                }
            }
        });
        assertThat(nested).isEqualTo(silicon);
        assertThat(silicon.values().stream().distinct().count()).isGreaterThan(40);
    }

    @NestedTest(
            l0 = {L0Mode.TDP, L0Mode.SHADOW},
            checkTlb = false)
    void onIntel(NestedLab lab) {
        sameAsSilicon(lab, FaultInDeliveryTest::intel);
    }

    @NestedTest(
            cpu = "EPYC-Milan,+svm",
            l0 = {L0Mode.TDP, L0Mode.SHADOW},
            checkTlb = false)
    void onAmd(NestedLab lab) {
        sameAsSilicon(lab, FaultInDeliveryTest::amd);
    }
}

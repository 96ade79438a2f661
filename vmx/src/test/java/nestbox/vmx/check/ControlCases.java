package nestbox.vmx.check;

import static nestbox.vmx.vmcs.VmcsField.*;

import java.util.function.Consumer;
import nestbox.vmx.TestCpu;
import nestbox.vmx.VmxModel;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.vmcs.VmcsField;

/** Cases of the basic checks and of the checks on controls. */
final class ControlCases {
    private static final long BEYOND = 1L << 46;
    private static final long LAST_PAGE = BEYOND - 0x1000;
    private static final Consumer<TestState> NOTHING = s -> {};

    private ControlCases() {}

    static void add(RowCase.Table t) {
        basic(t);
        words(t);
        page(t, "exec.io-bitmap-a", IO_BITMAP_A, VmxFeature.IO_BITMAPS);
        page(t, "exec.io-bitmap-b", IO_BITMAP_B, VmxFeature.IO_BITMAPS);
        page(t, "exec.msr-bitmap", MSR_BITMAP, VmxFeature.MSR_BITMAPS);
        page(t, "exec.virtual-apic", VIRTUAL_APIC_PAGE_ADDR, VmxFeature.TPR_SHADOW);
        page(t, "exec.apic-access", APIC_ACCESS_ADDR, VmxFeature.VIRTUALIZE_APIC_ACCESSES);
        page(t, "exec.pml.address", PML_ADDRESS, VmxFeature.ENABLE_PML, VmxFeature.ENABLE_EPT);
        page(t, "exec.spp.table", SPP_TABLE_POINTER, VmxFeature.SUB_PAGE_WRITE_PERMISSION, VmxFeature.ENABLE_EPT);
        page(t, "exec.vmfunc.eptp-list", EPTP_LIST_ADDRESS, VmxFeature.EPTP_SWITCHING, VmxFeature.ENABLE_EPT);
        page(t, "exec.shadowing.vmread-bitmap", VMREAD_BITMAP, VmxFeature.VMCS_SHADOWING);
        page(t, "exec.shadowing.vmwrite-bitmap", VMWRITE_BITMAP, VmxFeature.VMCS_SHADOWING);
        page(t, "exec.ve.information", VE_INFORMATION_ADDRESS, VmxFeature.EPT_VIOLATION_VE);
        apic(t);
        memory(t);
        msrArea(t, "exit.msr-store", VM_EXIT_MSR_STORE_ADDR, VM_EXIT_MSR_STORE_COUNT);
        msrArea(t, "exit.msr-load", VM_EXIT_MSR_LOAD_ADDR, VM_EXIT_MSR_LOAD_COUNT);
        msrArea(t, "entry.msr-load", VM_ENTRY_MSR_LOAD_ADDR, VM_ENTRY_MSR_LOAD_COUNT);
        exitAndEntry(t);
        injection(t);
    }

    private static void basic(RowCase.Table t) {
        t.from(Guests.LONG::state)
                .row("basic.no-vmcs", s -> s.hasCurrent = false, NOTHING)
                .row("basic.shadow", s -> s.shadow = true, NOTHING)
                .row("basic.mov-ss", s -> s.movSsBlocking = true, NOTHING)
                .row("basic.launch", s -> s.launched = true, s -> {
                    s.launched = true;
                    s.launching = false;
                })
                .row("basic.resume", s -> s.launching = false, NOTHING);
    }

    private static void words(RowCase.Table t) {
        t.from(Guests.LONG::state)
                .row(
                        "exec.pin.reserved",
                        s -> s.clear(PIN_BASED_VM_EXEC_CONTROL, 2),
                        s -> s.or(PIN_BASED_VM_EXEC_CONTROL, 0x69))
                .row(
                        "exec.primary.reserved",
                        s -> s.or(CPU_BASED_VM_EXEC_CONTROL, 1),
                        s -> s.or(CPU_BASED_VM_EXEC_CONTROL, 0x1e88))
                .row(
                        "exec.secondary.reserved",
                        s -> s.enable(VmxFeature.WBINVD_EXITING).or(SECONDARY_VM_EXEC_CONTROL, 1 << 15),
                        s -> s.enable(VmxFeature.WBINVD_EXITING, VmxFeature.INSTRUCTION_TIMEOUT))
                .row(
                        "exec.tertiary.reserved",
                        s -> s.enable(VmxFeature.TERTIARY_CONTROLS).or(TERTIARY_VM_EXEC_CONTROL, 1L << 40),
                        s -> s.or(TERTIARY_VM_EXEC_CONTROL, 1L << 40))
                .row("exec.cr3-target-count", s -> s.set(CR3_TARGET_COUNT, 5), s -> s.set(CR3_TARGET_COUNT, 4))
                .row(
                        "exec.vmfunc.reserved",
                        s -> s.enable(VmxFeature.ENABLE_VM_FUNCTIONS).or(VM_FUNCTION_CONTROL, 2),
                        s -> s.or(VM_FUNCTION_CONTROL, 2))
                .row("exit.reserved", s -> s.clear(VM_EXIT_CONTROLS, 1), s -> s.or(VM_EXIT_CONTROLS, 1 << 15))
                .row("entry.reserved", s -> s.clear(VM_ENTRY_CONTROLS, 1), s -> s.or(VM_ENTRY_CONTROLS, 1 << 2))
                .from(Guests.LONG::everything)
                .row(
                        "exit.secondary.reserved",
                        s -> s.enable(VmxFeature.SECONDARY_EXIT_CONTROLS).set(SECONDARY_VM_EXIT_CONTROLS, 16),
                        s -> s.set(SECONDARY_VM_EXIT_CONTROLS, 16))
                .row("entry.smm.outside", s -> s.enable(VmxFeature.DEACTIVATE_DUAL_MONITOR), s -> {
                    s.inSmm = true;
                    s.enable(VmxFeature.DEACTIVATE_DUAL_MONITOR);
                })
                .row(
                        "entry.smm.both",
                        s -> {
                            s.inSmm = true;
                            s.enable(VmxFeature.DEACTIVATE_DUAL_MONITOR, VmxFeature.ENTRY_TO_SMM);
                            s.set(GUEST_INTERRUPTIBILITY_INFO, 4);
                        },
                        s -> {
                            s.inSmm = true;
                            s.enable(VmxFeature.ENTRY_TO_SMM).set(GUEST_INTERRUPTIBILITY_INFO, 4);
                        });
    }

    private static void page(RowCase.Table t, String id, VmcsField field, VmxFeature... controls) {
        t.from(Guests.LONG, s -> s.enable(controls))
                .row(id + ".aligned", s -> s.set(field, 0x5800), s -> s.set(field, 0x5000))
                .row(id + ".width", s -> s.set(field, BEYOND), s -> s.set(field, LAST_PAGE));
    }

    private static void apic(RowCase.Table t) {
        t.from(Guests.LONG, s -> s.enable(VmxFeature.TPR_SHADOW).set(VIRTUAL_APIC_PAGE_ADDR, TestState.VIRTUAL_APIC))
                .row(
                        "exec.tpr-threshold.reserved",
                        s -> s.set(TPR_THRESHOLD, 0x10),
                        s -> s.set(TPR_THRESHOLD, 15).poke(TestState.VIRTUAL_APIC + 0x80, 1, 0xff))
                .row(
                        "exec.tpr-threshold.vtpr",
                        s -> s.set(TPR_THRESHOLD, 6).poke(TestState.VIRTUAL_APIC + 0x80, 1, 0x5f),
                        s -> s.set(TPR_THRESHOLD, 6).poke(TestState.VIRTUAL_APIC + 0x80, 1, 0x60))
                .row(
                        "exec.x2apic.xapic",
                        s -> s.enable(VmxFeature.VIRTUALIZE_X2APIC_MODE, VmxFeature.VIRTUALIZE_APIC_ACCESSES),
                        s -> s.enable(VmxFeature.VIRTUALIZE_X2APIC_MODE))
                .row(
                        "exec.delivery.external-interrupt",
                        s -> s.enable(VmxFeature.VIRTUAL_INTERRUPT_DELIVERY),
                        s -> s.enable(VmxFeature.VIRTUAL_INTERRUPT_DELIVERY, VmxFeature.EXTERNAL_INTERRUPT_EXITING));
        t.from(Guests.LONG::state)
                .row(
                        "exec.nmi.virtual",
                        s -> s.enable(VmxFeature.VIRTUAL_NMIS),
                        s -> s.enable(VmxFeature.VIRTUAL_NMIS, VmxFeature.NMI_EXITING))
                .row(
                        "exec.nmi.window",
                        s -> s.enable(VmxFeature.NMI_WINDOW_EXITING),
                        s -> s.enable(VmxFeature.NMI_WINDOW_EXITING, VmxFeature.VIRTUAL_NMIS, VmxFeature.NMI_EXITING));
        needsShadow(t, "exec.tpr-shadow.x2apic", VmxFeature.VIRTUALIZE_X2APIC_MODE);
        needsShadow(t, "exec.tpr-shadow.register", VmxFeature.APIC_REGISTER_VIRTUALIZATION);
        needsShadow(
                t,
                "exec.tpr-shadow.delivery",
                VmxFeature.VIRTUAL_INTERRUPT_DELIVERY,
                VmxFeature.EXTERNAL_INTERRUPT_EXITING);
        VmxFeature[] posting = {
            VmxFeature.POSTED_INTERRUPTS,
            VmxFeature.VIRTUAL_INTERRUPT_DELIVERY,
            VmxFeature.EXTERNAL_INTERRUPT_EXITING,
            VmxFeature.TPR_SHADOW,
            VmxFeature.ACKNOWLEDGE_INTERRUPT
        };
        t.from(Guests.LONG, s -> s.enable(posting))
                .row("exec.posted.delivery", s -> s.disable(VmxFeature.VIRTUAL_INTERRUPT_DELIVERY), NOTHING)
                .row("exec.posted.acknowledge", s -> s.disable(VmxFeature.ACKNOWLEDGE_INTERRUPT), NOTHING)
                .row("exec.posted.vector", s -> s.set(POSTED_INTR_NV, 0x100), s -> s.set(POSTED_INTR_NV, 0xff))
                .row(
                        "exec.posted.descriptor.aligned",
                        s -> s.set(POSTED_INTR_DESC_ADDR, 0x20),
                        s -> s.set(POSTED_INTR_DESC_ADDR, 0x40))
                .row(
                        "exec.posted.descriptor.width",
                        s -> s.set(POSTED_INTR_DESC_ADDR, BEYOND),
                        s -> s.set(POSTED_INTR_DESC_ADDR, BEYOND - 0x40));
    }

    private static void needsShadow(RowCase.Table t, String id, VmxFeature... controls) {
        t.row(id, s -> s.enable(controls), s -> s.enable(controls).enable(VmxFeature.TPR_SHADOW));
    }

    private static void memory(RowCase.Table t) {
        t.from(Guests.LONG, s -> s.enable(VmxFeature.ENABLE_EPT))
                .row("exec.eptp.memory-type", s -> s.set(EPT_POINTER, 0x501c), s -> s.set(EPT_POINTER, 0x5018))
                .row("exec.eptp.walk-length", s -> s.set(EPT_POINTER, 0x5016), s -> s.set(EPT_POINTER, 0x5026))
                .row("exec.eptp.reserved", s -> s.set(EPT_POINTER, 0x509e), s -> s.set(EPT_POINTER, LAST_PAGE | 0x5e))
                .row(
                        "exec.unrestricted.ept",
                        s -> s.disable(VmxFeature.ENABLE_EPT).enable(VmxFeature.UNRESTRICTED_GUEST),
                        s -> s.enable(VmxFeature.UNRESTRICTED_GUEST))
                .row(
                        "exec.mode-based.ept",
                        s -> s.disable(VmxFeature.ENABLE_EPT).enable(VmxFeature.MODE_BASED_EXECUTE),
                        s -> s.enable(VmxFeature.MODE_BASED_EXECUTE))
                .row(
                        "exec.pml.ept",
                        s -> s.disable(VmxFeature.ENABLE_EPT).enable(VmxFeature.ENABLE_PML),
                        s -> s.enable(VmxFeature.ENABLE_PML))
                .row(
                        "exec.spp.ept",
                        s -> s.disable(VmxFeature.ENABLE_EPT).enable(VmxFeature.SUB_PAGE_WRITE_PERMISSION),
                        s -> s.enable(VmxFeature.SUB_PAGE_WRITE_PERMISSION))
                .row(
                        "exec.vmfunc.ept",
                        s -> s.disable(VmxFeature.ENABLE_EPT).enable(VmxFeature.EPTP_SWITCHING),
                        s -> s.enable(VmxFeature.EPTP_SWITCHING))
                .from(() ->
                        Guests.LONG.state(VmxModel.of(TestCpu.of("IvyBridge"))).enable(VmxFeature.ENABLE_EPT))
                .row("exec.eptp.accessed-dirty", s -> s.or(EPT_POINTER, 0x40), NOTHING)
                .from(Guests.LONG::state)
                .row(
                        "exec.vpid",
                        s -> s.enable(VmxFeature.ENABLE_VPID),
                        s -> s.enable(VmxFeature.ENABLE_VPID).set(VIRTUAL_PROCESSOR_ID, 0x8000))
                .row(
                        "exec.tsc-multiplier",
                        s -> s.enable(VmxFeature.TSC_SCALING),
                        s -> s.enable(VmxFeature.TSC_SCALING).set(TSC_MULTIPLIER, 1));
    }

    private static void msrArea(RowCase.Table t, String id, VmcsField address, VmcsField count) {
        // An address beyond the width puts the area's end there, too.
        t.from(Guests.LONG, s -> s.set(count, 2))
                .row(id + ".aligned", s -> s.set(address, 0x5008), s -> s.set(address, 0x5010))
                .row(id + ".width", s -> s.set(address, BEYOND), s -> s.set(address, LAST_PAGE), id + ".end")
                .row(id + ".end", s -> s.set(address, BEYOND - 0x10), s -> s.set(address, BEYOND - 0x20));
    }

    private static void exitAndEntry(RowCase.Table t) {
        t.from(Guests.LONG::state)
                .row(
                        "exit.preemption-timer",
                        s -> s.enable(VmxFeature.SAVE_PREEMPTION_TIMER),
                        s -> s.enable(VmxFeature.SAVE_PREEMPTION_TIMER, VmxFeature.PREEMPTION_TIMER));
    }

    private static void injection(RowCase.Table t) {
        t.from(() -> Guests.LONG.state(VmxModel.of(TestCpu.of("Haswell", "vmx-mtf", false))))
                .row("inject.type", s -> inject(s, 0x8000_0700L), s -> inject(s, 0x8000_0202L));
        t.from(() -> Guests.LONG.state(VmxModel.of(TestCpu.of("Skylake-Server"))))
                .row("inject.vector.nmi", s -> inject(s, 0x8000_0203L), s -> inject(s, 0x8000_0202L))
                .row("inject.vector.exception", s -> inject(s, 0x8000_0320L), s -> inject(s, 0x8000_031fL))
                .row("inject.vector.other", s -> inject(s, 0x8000_0701L), s -> inject(s, 0x8000_0700L))
                .row("inject.error-code.delivery", s -> inject(s, 0x8000_030dL), s -> inject(s, 0x8000_0b0dL))
                .row("inject.reserved", s -> inject(s, 0x8000_1202L), s -> inject(s, 0x0000_1202L))
                .row(
                        "inject.error-code.value",
                        s -> inject(s, 0x8000_0b0dL).set(VM_ENTRY_EXCEPTION_ERROR_CODE, 0x1_0000),
                        s -> inject(s, 0x8000_0b0dL).set(VM_ENTRY_EXCEPTION_ERROR_CODE, 0xffff))
                .row(
                        "inject.instruction-length",
                        s -> inject(s, 0x8000_0480L).set(VM_ENTRY_INSTRUCTION_LEN, 16),
                        s -> inject(s, 0x8000_0480L).set(VM_ENTRY_INSTRUCTION_LEN, 0));
    }

    private static TestState inject(TestState s, long information) {
        return s.set(VM_ENTRY_INTR_INFO, information);
    }
}

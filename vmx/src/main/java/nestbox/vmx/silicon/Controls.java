package nestbox.vmx.silicon;

import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.vmcs.InterruptionType;
import nestbox.vmx.vmcs.Vmcs;
import nestbox.vmx.vmcs.VmcsField;

/**
 * The controls of the running guest, taken from the VMCS at VM entry; words that no control activates are 0. Masks of the
 * bits come from the feature table (SDM Vol. 3, chapter "Virtual Machine Control Structures").
 */
final class Controls {
    static final long EXTERNAL_INTERRUPT = VmxFeature.EXTERNAL_INTERRUPT_EXITING.mask();
    static final long NMI = VmxFeature.NMI_EXITING.mask();
    static final long VIRTUAL_NMIS = VmxFeature.VIRTUAL_NMIS.mask();
    static final long TIMER = VmxFeature.PREEMPTION_TIMER.mask();
    static final long POSTED = VmxFeature.POSTED_INTERRUPTS.mask();

    static final long INTERRUPT_WINDOW = VmxFeature.INTERRUPT_WINDOW_EXITING.mask();
    static final long TSC_OFFSETTING = VmxFeature.TSC_OFFSETTING.mask();
    static final long HLT = VmxFeature.HLT_EXITING.mask();
    static final long INVLPG = VmxFeature.INVLPG_EXITING.mask();
    static final long MWAIT = VmxFeature.MWAIT_EXITING.mask();
    static final long RDPMC = VmxFeature.RDPMC_EXITING.mask();
    static final long RDTSC = VmxFeature.RDTSC_EXITING.mask();
    static final long CR3_LOAD = VmxFeature.CR3_LOAD_EXITING.mask();
    static final long CR3_STORE = VmxFeature.CR3_STORE_EXITING.mask();
    static final long CR8_LOAD = VmxFeature.CR8_LOAD_EXITING.mask();
    static final long CR8_STORE = VmxFeature.CR8_STORE_EXITING.mask();
    static final long TPR_SHADOW = VmxFeature.TPR_SHADOW.mask();
    static final long NMI_WINDOW = VmxFeature.NMI_WINDOW_EXITING.mask();
    static final long MOV_DR = VmxFeature.MOV_DR_EXITING.mask();
    static final long IO_ALWAYS = VmxFeature.UNCONDITIONAL_IO_EXITING.mask();
    static final long IO_BITMAPS = VmxFeature.IO_BITMAPS.mask();
    static final long TRAP_FLAG = VmxFeature.MONITOR_TRAP_FLAG.mask();
    static final long MSR_BITMAPS = VmxFeature.MSR_BITMAPS.mask();
    static final long MONITOR = VmxFeature.MONITOR_EXITING.mask();
    static final long PAUSE = VmxFeature.PAUSE_EXITING.mask();
    static final long SECONDARY = VmxFeature.SECONDARY_CONTROLS.mask();

    static final long APIC_ACCESSES = VmxFeature.VIRTUALIZE_APIC_ACCESSES.mask();
    static final long EPT = VmxFeature.ENABLE_EPT.mask();
    static final long DESCRIPTOR_TABLES = VmxFeature.DESCRIPTOR_TABLE_EXITING.mask();
    static final long RDTSCP = VmxFeature.ENABLE_RDTSCP.mask();
    static final long X2APIC = VmxFeature.VIRTUALIZE_X2APIC_MODE.mask();
    static final long VPID = VmxFeature.ENABLE_VPID.mask();
    static final long WBINVD = VmxFeature.WBINVD_EXITING.mask();
    static final long UNRESTRICTED = VmxFeature.UNRESTRICTED_GUEST.mask();
    static final long APIC_REGISTERS = VmxFeature.APIC_REGISTER_VIRTUALIZATION.mask();
    static final long VIRTUAL_INTERRUPTS = VmxFeature.VIRTUAL_INTERRUPT_DELIVERY.mask();
    static final long PAUSE_LOOP = VmxFeature.PAUSE_LOOP_EXITING.mask();
    static final long RDRAND = VmxFeature.RDRAND_EXITING.mask();
    static final long INVPCID = VmxFeature.ENABLE_INVPCID.mask();
    static final long VM_FUNCTIONS = VmxFeature.ENABLE_VM_FUNCTIONS.mask();
    static final long SHADOWING = VmxFeature.VMCS_SHADOWING.mask();
    static final long RDSEED = VmxFeature.RDSEED_EXITING.mask();
    static final long PML = VmxFeature.ENABLE_PML.mask();
    static final long EPT_VE = VmxFeature.EPT_VIOLATION_VE.mask();
    static final long BUS_LOCKS = VmxFeature.BUS_LOCK_DETECTION.mask();
    static final long TIMEOUT = VmxFeature.INSTRUCTION_TIMEOUT.mask();
    static final long USER_WAITS = VmxFeature.USER_WAIT_AND_PAUSE.mask();
    static final long MODE_BASED_EXECUTE = VmxFeature.MODE_BASED_EXECUTE.mask();
    static final long SUB_PAGES = VmxFeature.SUB_PAGE_WRITE_PERMISSION.mask();
    static final long XSAVES = VmxFeature.ENABLE_XSAVES.mask();
    static final long TSC_SCALING = VmxFeature.TSC_SCALING.mask();

    static final long SAVE_DEBUG = VmxFeature.SAVE_DEBUG_CONTROLS.mask();
    static final long HOST_64 = VmxFeature.HOST_ADDRESS_SPACE_SIZE.mask();
    static final long ACKNOWLEDGE = VmxFeature.ACKNOWLEDGE_INTERRUPT.mask();
    static final long SAVE_PAT = VmxFeature.EXIT_SAVE_PAT.mask();
    static final long LOAD_HOST_CET = VmxFeature.EXIT_LOAD_CET.mask();
    static final long LOAD_HOST_PKRS = VmxFeature.EXIT_LOAD_PKRS.mask();
    static final long LOAD_HOST_PAT = VmxFeature.EXIT_LOAD_PAT.mask();
    static final long SAVE_EFER = VmxFeature.EXIT_SAVE_EFER.mask();
    static final long LOAD_HOST_EFER = VmxFeature.EXIT_LOAD_EFER.mask();
    static final long SAVE_TIMER = VmxFeature.SAVE_PREEMPTION_TIMER.mask();

    static final long LOAD_DEBUG = VmxFeature.LOAD_DEBUG_CONTROLS.mask();
    static final long IA32E_GUEST = VmxFeature.IA32E_MODE_GUEST.mask();
    static final long LOAD_PAT = VmxFeature.ENTRY_LOAD_PAT.mask();
    static final long LOAD_CET = VmxFeature.ENTRY_LOAD_CET.mask();
    static final long LOAD_PKRS = VmxFeature.ENTRY_LOAD_PKRS.mask();
    static final long LOAD_EFER = VmxFeature.ENTRY_LOAD_EFER.mask();

    long pin;
    long primary;
    long secondary;
    long exit;
    long entry;
    long exceptions;
    long cr0Mask;
    long cr0Shadow;
    long cr4Mask;
    long cr4Shadow;
    int vpid;
    long eptp;
    long tscOffset;
    /** Fixed-point with 48 fraction bits; 0 stands for 1. */
    long tscMultiplier;

    void load(Vmcs vmcs) {
        pin = vmcs.get(VmcsField.PIN_BASED_VM_EXEC_CONTROL);
        primary = vmcs.get(VmcsField.CPU_BASED_VM_EXEC_CONTROL);
        secondary = (primary & SECONDARY) != 0 ? vmcs.get(VmcsField.SECONDARY_VM_EXEC_CONTROL) : 0;
        exit = vmcs.get(VmcsField.VM_EXIT_CONTROLS);
        entry = vmcs.get(VmcsField.VM_ENTRY_CONTROLS);
        exceptions = vmcs.get(VmcsField.EXCEPTION_BITMAP);
        cr0Mask = vmcs.get(VmcsField.CR0_GUEST_HOST_MASK);
        cr0Shadow = vmcs.get(VmcsField.CR0_READ_SHADOW);
        cr4Mask = vmcs.get(VmcsField.CR4_GUEST_HOST_MASK);
        cr4Shadow = vmcs.get(VmcsField.CR4_READ_SHADOW);
        vpid = secondary(VPID) ? (int) vmcs.get(VmcsField.VIRTUAL_PROCESSOR_ID) : 0;
        eptp = secondary(EPT) ? vmcs.get(VmcsField.EPT_POINTER) : 0;
        boolean offset = primary(TSC_OFFSETTING);
        tscOffset = offset ? vmcs.get(VmcsField.TSC_OFFSET) : 0;
        tscMultiplier = offset && secondary(TSC_SCALING) ? vmcs.get(VmcsField.TSC_MULTIPLIER) : 0;
    }

    boolean pin(long control) {
        return (pin & control) != 0;
    }

    boolean primary(long control) {
        return (primary & control) != 0;
    }

    boolean secondary(long control) {
        return (secondary & control) != 0;
    }

    boolean exit(long control) {
        return (exit & control) != 0;
    }

    boolean entry(long control) {
        return (entry & control) != 0;
    }

    /** The time-stamp counter as RDTSC in the guest gives it. */
    long tsc(long host) {
        if (tscMultiplier == 0) {
            return host + tscOffset;
        }
        long high = Math.multiplyHigh(host, tscMultiplier)
                + (host < 0 ? tscMultiplier : 0)
                + (tscMultiplier < 0 ? host : 0);
        return (high << 16 | host * tscMultiplier >>> 48) + tscOffset;
    }

    /** Whether an information field injects or reports an event. */
    static boolean valid(long information) {
        return (information & InterruptionType.VALID) != 0;
    }
}
